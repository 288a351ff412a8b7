"""Results of a protocol: one row a draw, on disk as soon as it is there."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_metaseg.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_metaseg.workflows.journal import Journal


class Key(NamedTuple):
    """What a row is about.

    Attributes
    ----------
    training : str
        What was meta-trained on; ``"–"`` for a method without meta-training.
    method : str
        Name of the method.
    shots : int
        Support images of a task (of each set, if they are mixed).
    test : str
        Task it is tested on.
    draw : int
        Number of the choice of support and query images.
    """

    training: str
    method: str
    shots: int
    test: str
    draw: int


@dataclass(frozen=True, slots=True)
class Effort:
    """What a meta-training took.

    Attributes
    ----------
    iterations : int
        Meta-steps.
    skipped : int
        Of these, those whose meta-gradient was not finite.
    unsolved : int
        Inner problems that were not solved to their tolerance.
    seconds : float
        Wall time.
    """

    iterations: int = 0
    skipped: int = 0
    unsolved: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """One draw of one method.

    Attributes
    ----------
    key : Key
        What it is about.
    seen : bool
        Whether the method was trained on the images it is scored on.
    before, after : float or None
        Score of the query images without and with adaptation, all their pixels
        together; None if the method has no such result.
    effort : Effort
        Of the training behind it.
    """

    key: Key
    seen: bool
    before: float | None
    after: float | None
    effort: Effort

    def as_dict(self) -> dict[str, Any]:
        """Return the row JSON-ready."""
        return {
            **self.key._asdict(),
            "seen": self.seen,
            "before": self.before,
            "after": self.after,
            **asdict(self.effort),
        }


def read_row(line: dict[str, Any]) -> Row:
    """Read what `Row.as_dict` wrote."""
    return Row(
        Key(*(line[k] for k in Key._fields)),
        line["seen"],
        line["before"],
        line["after"],
        Effort(*(line[f.name] for f in fields(Effort))),
    )


class Ledger:
    """The rows of a run, those of earlier runs among them.

    Parameters
    ----------
    journal : Journal
        Where they are kept.

    Raises
    ------
    UserError
        If one of them is damaged.
    """

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        try:
            rows = [read_row(line) for line in journal.rows]
        except (KeyError, TypeError) as error:
            raise UserError(
                f"'{journal.path}' holds a row that this version does not know; choose "
                "another folder."
            ) from error
        self.rows = {row.key: row for row in rows}

    def missing(self, keys: Iterable[Key]) -> list[Key]:
        """Return the keys that have no row."""
        return [key for key in keys if key not in self.rows]

    def add(self, row: Row) -> str:
        """Keep a row, and tell it in a line."""
        self.journal.append(row.as_dict())
        self.rows[row.key] = row
        score = "no result" if row.after is None else f"{row.after:.3f}"
        key = row.key
        return (
            f"{key.method} ({key.training}), {key.shots} shots, {key.test}, draw "
            f"{key.draw}: {score}"
        )
