"""The benchmark run: seeds x draws x regimes x methods, a row each, resumable."""

from __future__ import annotations

import time
from itertools import product
from typing import TYPE_CHECKING

from napari_metaseg.core.errors import UserError
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.workflows.journal import Journal

from .corrections import correct, loop_name
from .draws import make_draw
from .judge import score_images
from .memory import peak_memory
from .rows import Curve, Key, Row, read_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_metaseg.data.folders import TaskFolder

    from .draws import Draw, Painted
    from .methods.protocol import Method
    from .scores import Scores
    from .settings import BenchmarkSettings


def run_benchmark(
    data: Path,
    methods: Sequence[Method],
    settings: BenchmarkSettings,
    *,
    tasks: Sequence[str] | None = None,
    output: Path | None = None,
    device: str = "auto",
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

    Yields
    ------
    Row or Curve
        Those that were asked for, from the file or measured now.

    Raises
    ------
    UserError
        If the folder holds no such tasks, or the file is of another run.
    """
    folders = read_tasks(data, tasks)
    header = settings.header(data.resolve().name, device)
    journal = Journal(output, header, retired=("seed",))
    known = _known_rows(journal, methods)
    for task in folders:
        for draw in _draws(task, settings):
            for row in _measure(draw, methods, settings, known):
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


def _draws(task: TaskFolder, settings: BenchmarkSettings) -> Iterator[Draw]:
    every = product(settings.cells, settings.seeds, range(settings.draws))
    for cells, seed, number in every:
        draw = make_draw(task, cells, number, seed)
        if draw is not None:
            yield draw


def _measure(
    draw: Draw,
    methods: Sequence[Method],
    settings: BenchmarkSettings,
    known: dict[Key, Row | Curve],
) -> Iterator[Row | Curve]:
    """Yield the rows of a draw: those that are known, and the others measured."""
    for regime in filter(draw.has, settings.regimes):
        painted = draw.painted(regime, settings.images)
        # What methods of one origin show before they learn is computed once.
        before: dict[str, Scores | None] = {}
        for method in methods:
            key = Key(
                draw.task.name, regime, draw.cells, draw.number, method.name, draw.seed
            )
            row = known.get(key) or _score(method, key, painted, before)
            if row is not None:
                yield row
    if settings.corrections and draw.cells == min(settings.cells):
        yield from _curves(draw, methods, settings, known)


def _curves(
    draw: Draw,
    methods: Sequence[Method],
    settings: BenchmarkSettings,
    known: dict[Key, Row | Curve],
) -> Iterator[Row | Curve]:
    rounds = settings.corrections
    for method, place in product(methods, settings.places):
        for start in (s for s in settings.starts if s in method.starts):
            name = loop_name(start, place)
            key = Key(draw.task.name, name, rounds, draw.number, method.name, draw.seed)
            row = known.get(key) or correct(
                draw, method, start, rounds=rounds, images=settings.images, place=place
            )
            if row is not None:
                yield row


def _score(
    method: Method,
    key: Key,
    painted: Painted,
    before: dict[str, Scores | None],
) -> Row | None:
    fitted = method.fit(painted)
    if fitted is None:
        return None
    start = time.perf_counter()
    after = score_images(fitted.after, painted)
    seconds = (time.perf_counter() - start) / len(painted.scored)
    assert after is not None
    if method.origin not in before:
        before[method.origin] = score_images(fitted.before, painted)
    first = before[method.origin]
    return Row(
        **key._asdict(),
        source=painted.task.info.source,
        fingerprint=method.fingerprint,
        painted=painted.n_cells,
        before=None if first is None else first.as_dict(),
        after=after.as_dict(),
        shown=(first if fitted.reverted and first else after).as_dict(),
        reverted=fitted.reverted,
        adapt_seconds=fitted.seconds,
        segment_seconds=seconds,
        memory=peak_memory(),
    )
