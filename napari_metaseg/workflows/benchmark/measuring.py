"""The rows of one draw: regimes x methods, and correction loops."""

from __future__ import annotations

import time
from itertools import product
from typing import TYPE_CHECKING

from .corrections import correct, loop_name
from .judge import score_images
from .memory import peak_memory
from .rows import Curve, Key, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .draws import Draw, Painted
    from .methods.protocol import Method
    from .scores import Scores
    from .settings import BenchmarkSettings


def measure(
    draw: Draw,
    methods: Sequence[Method],
    settings: BenchmarkSettings,
    known: Mapping[Key, Row | Curve],
) -> Iterator[Row | Curve]:
    """Yield the rows of a draw: those that are known, and the others measured.

    Parameters
    ----------
    draw : Draw
        What is painted.
    methods : sequence of Method
        What is compared.
    settings : BenchmarkSettings
        What to measure.
    known : mapping
        Rows that need not be measured again.

    Yields
    ------
    Row or Curve
    """
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
    known: Mapping[Key, Row | Curve],
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
