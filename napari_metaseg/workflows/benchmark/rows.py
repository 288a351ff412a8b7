"""Rows of the benchmark: one learned model, or one correction loop, each."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

SCORE = "score"
CORRECTION = "correction"


class Key(NamedTuple):
    """What tells rows of one kind apart."""

    task: str
    regime: str
    cells: int
    draw: int
    method: str
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One method, one draw.

    Attributes
    ----------
    task : str
        The task.
    regime : str
        Cells only, or with background strokes.
    cells, draw : int
        Number of cells wanted; number of the draw.
    method, source, fingerprint : str
        The method; where the task comes from (tasks of one source are not
        independent); which weights and settings the method had.
    painted : int
        Number of cells painted: fewer than wanted where no image has so many.
    before : dict or None
        Scores before learning (mean over the scored images), by name; None for a
        method that has no such result.
    after : dict
        Scores after learning.
    shown : dict
        Scores of what a person is shown: those before if the method reverted.
    reverted : bool
        Whether the method itself rejected what it learned (do no harm).
    adapt_seconds : float
        Wall time (s) of learning. Of a network: reading its weights and the painted
        crops, leaving these out in turn, the steps, and what is fitted in closed form;
        at several scales the sum of all. Not what comes after: drawing the painted
        images, and choosing splitting and threshold by them. Of a ceiling the training
        that serves all draws of a task or of what is painted, of a method that learns
        nothing the loading of its weights.
    segment_seconds : float
        Wall time (s) of segmenting one image.
    memory : float or None
        Highest memory (MB) of the process until now, see `peak_memory`.
    seed : int
        Seed of the draw: draws of one number and of different seeds are different.
    """

    task: str
    regime: str
    cells: int
    draw: int
    method: str
    source: str
    fingerprint: str
    painted: int
    before: dict[str, float] | None
    after: dict[str, float]
    shown: dict[str, float]
    reverted: bool
    adapt_seconds: float
    segment_seconds: float
    memory: float | None
    seed: int = 0

    @property
    def key(self) -> Key:
        """What tells this row from the others."""
        return Key(
            self.task, self.regime, self.cells, self.draw, self.method, self.seed
        )

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return {"kind": SCORE} | asdict(self)


@dataclass(frozen=True, slots=True)
class Point:
    """One round of a correction loop.

    Attributes
    ----------
    corrections : int
        Rounds so far.
    cells, strokes : int
        Painted cells and background strokes so far.
    ap50 : float
        AP@0.5 on the scored images.
    """

    corrections: int
    cells: int
    strokes: int
    ap50: float


@dataclass(frozen=True, slots=True)
class Curve:
    """One correction loop of one method.

    Attributes
    ----------
    task : str
        The task.
    start : str
        Where each round starts: ``"scratch"`` for the initialization, ``"warm"`` for
        where the last round ended.
    rounds, draw : int
        Number of rounds wanted; number of the draw.
    method, source, fingerprint : str
        As in `Row`.
    points : list of Point
        Round 0 first. There are fewer than wanted if nothing was left to correct.
    seed : int
        As in `Row`.
    """

    task: str
    start: str
    rounds: int
    draw: int
    method: str
    source: str
    fingerprint: str
    points: list[Point]
    seed: int = 0

    @property
    def key(self) -> Key:
        """What tells this curve from the others."""
        return Key(
            self.task, self.start, self.rounds, self.draw, self.method, self.seed
        )

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return {"kind": CORRECTION} | asdict(self)


def read_row(line: dict[str, Any], settings: dict[str, Any]) -> Row | Curve:
    """Read what `as_dict` wrote.

    Parameters
    ----------
    line : dict
        The row.
    settings : dict
        What all rows of its file have in common. Files used to be of one seed, which
        they name there, and their rows do not.

    Raises
    ------
    ValueError
        If it is neither kind of row.
    """
    fields = {"seed": settings.get("seed", 0)} | line
    try:
        match fields.pop("kind", None):
            case "score":
                return Row(**fields)
            case "correction":
                points = [Point(**p) for p in fields.pop("points")]
                return Curve(**fields, points=points)
    except (TypeError, KeyError) as error:
        raise ValueError("incomplete row") from error
    raise ValueError("unknown kind of row")


def read_rows(path: Path) -> list[Row | Curve]:
    """Read all rows of a whole file that ``napari-metaseg benchmark --json`` wrote."""
    head, *lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [read_row(line, head["settings"]) for line in lines]
