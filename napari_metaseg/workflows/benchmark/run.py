"""The benchmark run: seeds x draws x regimes x methods, a row each, resumable."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from napari_metaseg.core.errors import UserError
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.workflows.journal import Journal

from .draws import make_draw
from .measuring import measure
from .rows import Curve, Key, Row, read_row
from .side_by_side import Order, check_shared, measure_side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_metaseg.data.folders import TaskFolder

    from .methods.protocol import Method
    from .settings import BenchmarkSettings


def run_benchmark(
    data: Path,
    methods: Sequence[Method],
    settings: BenchmarkSettings,
    *,
    tasks: Sequence[str] | None = None,
    output: Path | None = None,
    device: str = "auto",
    jobs: int = 1,
) -> Iterator[Row | Curve]:
    """Score methods on a folder of tasks.

    Parameters
    ----------
    data : Path
        Folder of tasks.
    methods : sequence of Method
        What is compared.
    settings : BenchmarkSettings
        What to measure.
    tasks : sequence of str, optional
        Names of tasks; all by default.
    output : Path, optional
        File to which each row is appended as soon as it is there; what it holds
        already is not measured again.
    device : str
        Noted in the file.
    jobs : int
        How many processes share the draws; each gets its share of the cores.

    Yields
    ------
    Row or Curve
        Those that were asked for, from the file or measured now. Of several processes
        those of a draw come together, draws in the order in which they are finished.

    Raises
    ------
    UserError
        If the folder holds no such tasks, the file is of another run, processes cannot
        share the work, or one was ended from outside.
    """
    # Before a file is made.
    check_shared(methods, jobs)
    folders = read_tasks(data, tasks)
    header = settings.header(data.resolve().name, device)
    journal = Journal(output, header, retired=("seed",))
    known = _known_rows(journal, methods)
    if jobs == 1:
        rows = _measured(folders, methods, settings, known)
    else:
        orders = [
            Order(data, task.name, *which)
            for task in folders
            for which in _choices(settings)
        ]
        rows = measure_side_by_side(orders, methods, settings, known, jobs)
    for row in rows:
        if row.key not in known:
            journal.append(row.as_dict())
        yield row


def _known_rows(journal: Journal, methods: Sequence[Method]) -> dict[Key, Row | Curve]:
    """Return the rows of earlier runs, if their methods are still the same."""
    prints = {m.name: m.fingerprint for m in methods}
    known: dict[Key, Row | Curve] = {}
    for line in journal.rows:
        try:
            row = read_row(line, journal.settings)
        except ValueError as error:
            raise UserError(
                f"'{journal.path}' holds a row that this version does not know; choose "
                "another file."
            ) from error
        if row.fingerprint != prints.get(row.method, row.fingerprint):
            raise UserError(
                f"'{journal.path}' holds rows of '{row.method}' with other weights or "
                "settings; choose another file."
            )
        known[row.key] = row
    return known


def _choices(settings: BenchmarkSettings) -> list[tuple[int, int, int]]:
    """Return the number of cells, the number and the seed of each draw of a task."""
    return [
        (cells, number, seed)
        for cells in settings.cells
        for seed in settings.seeds
        for number in range(settings.draws)
    ]


def _measured(
    tasks: Sequence[TaskFolder],
    methods: Sequence[Method],
    settings: BenchmarkSettings,
    known: dict[Key, Row | Curve],
) -> Iterator[Row | Curve]:
    for task, which in product(tasks, _choices(settings)):
        draw = make_draw(task, *which)
        if draw is not None:
            yield from measure(draw, methods, settings, known)
