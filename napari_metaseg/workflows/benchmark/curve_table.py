"""The table of the correction loops."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.workflows.markdown import table

from .phrases import number, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .rows import Curve, Row


def correction_table(curves: Sequence[Curve], ceiling: Sequence[Row]) -> str:
    """Show AP@0.5 against the number of corrections.

    Parameters
    ----------
    curves : sequence of Curve
        Correction loops; one that ended early keeps its last value.
    ceiling : sequence of Row
        Results of full supervision.

    Returns
    -------
    str
        Mean over tasks, with the mean number of painted cells in brackets. Last, the
        share of the supervised ceiling on the same images that is reached.
    """
    rounds = max(c.rounds for c in curves)
    lines = []
    for method, start in dict.fromkeys((c.method, c.start) for c in curves):
        own = [c for c in curves if (c.method, c.start) == (method, start)]
        by_round = [
            (_mean_of(own, k, "ap50"), _mean_of(own, k, "cells"))
            for k in range(rounds + 1)
        ]
        reach = by_round[-1][0] / _ceiling_of(own, ceiling)
        cells = [f"{number(ap50)} ({n:.1f})" for ap50, n in by_round]
        lines.append([method, start, *cells, percent(reach)])
    numbers = [str(k) for k in range(rounds + 1)]
    return table(["method", "start", *numbers, "of the ceiling"], lines)


def _mean_of(curves: Sequence[Curve], done: int, name: str) -> float:
    """Average over the draws of each task, then over tasks."""
    points = [(c.task, c.points[min(done, len(c.points) - 1)]) for c in curves]
    return _over_tasks([(task, getattr(point, name)) for task, point in points])


def _ceiling_of(curves: Sequence[Curve], ceiling: Sequence[Row]) -> float:
    """Average the ceiling over the images that loops were scored on.

    Draws of one seed and number, of as many painted cells, are scored on the same.
    """
    known = {(r.task, r.seed, r.draw, r.painted): r.after["ap50"] for r in ceiling}
    wanted = [(c.task, c.seed, c.draw, c.points[0].cells) for c in curves]
    if not known.keys() >= set(wanted):
        return math.nan
    return _over_tasks([(key[0], known[key]) for key in wanted]) or math.nan


def _over_tasks(values: Sequence[tuple[str, float]]) -> float:
    tasks: dict[str, list[float]] = {}
    for task, value in values:
        tasks.setdefault(task, []).append(float(value))
    return float(np.mean([np.mean(v) for v in tasks.values()]))
