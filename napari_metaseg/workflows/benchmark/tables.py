"""Markdown tables of a benchmark."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.io.bundle import CONTROL
from napari_metaseg.workflows.markdown import table

from .draws import CELLS_ONLY
from .rows import Curve, Row
from .scores import METRICS
from .statistics import (
    compare,
    make_frame,
    share_worse,
    spread_over_draws,
    task_means,
    worst_decile,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from .statistics import Comparison

HEADINGS = (
    "method",
    "AP@0.5",
    "shown",
    "mean AP",
    "Dice",
    "IoU",
    "worst decile",
    "spread",
    "made worse",
    "reverted",
    "s to adapt",
    "s to segment",
    "peak MB",
)
REFERENCE = CONTROL
"""The method whose un-adapted result a person would have seen."""


def report(rows: Sequence[Row | Curve], inits: Sequence[str]) -> str:
    """Write all tables, one section for each regime and number of cells.

    Parameters
    ----------
    rows : sequence of Row or Curve
        Results.
    inits : sequence of str
        Methods that are compared with all others.

    Returns
    -------
    str
        Markdown.
    """
    frame = make_frame([r for r in rows if isinstance(r, Row)])
    parts = []
    for (regime, cells), part in frame.groupby(["regime", "cells"], sort=False):
        parts.append(f"## {_title(str(regime), int(cells))}")
        parts += [main_table(part), comparison_table(part, inits), task_table(part)]
    curves = [r for r in rows if isinstance(r, Curve)]
    if curves:
        parts += ["## Corrections", correction_table(curves, frame)]
    return "\n\n".join(filter(None, parts))


def _title(regime: str, cells: int) -> str:
    painted = f"{cells} painted cell{'s' * (cells > 1)}"
    return painted if regime == CELLS_ONLY else f"{painted}, 2 background strokes"


def _methods(frame: pd.DataFrame) -> list[str]:
    return [str(m) for m in frame["method"].unique()]


def _of(frame: pd.DataFrame, method: str) -> pd.DataFrame:
    return frame[frame["method"] == method]


def reference_of(frame: pd.DataFrame) -> str | None:
    """Name a method that shows the pooled result before it learns.

    Returns
    -------
    str or None
        `REFERENCE`, else a fine-tuned one, else None.
    """
    names = _methods(frame)
    tuned = [m for m in names if m.startswith("finetune")]
    return REFERENCE if REFERENCE in names else next(iter(tuned), None)


def main_table(frame: pd.DataFrame) -> str:
    """Compare all methods on one regime and number of cells.

    Parameters
    ----------
    frame : DataFrame
        Rows, see `make_frame`.

    Returns
    -------
    str
        Scores are means over tasks, before → after learning; *shown* is AP@0.5 with
        do-no-harm on, which the columns after IoU are taken of. Seconds are medians.
    """
    reference = reference_of(frame)
    lines = [
        _main_line(_of(frame, m), _of(frame, reference or m)) for m in _methods(frame)
    ]
    return table(HEADINGS, lines)


def _main_line(own: pd.DataFrame, reference: pd.DataFrame) -> list[str]:
    shown = _over_tasks(own, "ap50_shown")
    ap50, *others = [
        _arrow(_mean(own, f"{m}_before"), _mean(own, f"{m}_after")) for m in METRICS
    ]
    return [
        str(own["method"].iloc[0]),
        ap50,
        _number(shown.mean()),
        *others,
        _number(worst_decile(shown)),
        _number(spread_over_draws(own, "ap50_shown")),
        _percent(share_worse(own, reference)),
        _percent(float(own["reverted"].mean())),
        _number(own["adapt_seconds"].median(), 2),
        _number(own["segment_seconds"].median(), 2),
        _number(own["memory"].astype(float).max(), 0),
    ]


def _over_tasks(frame: pd.DataFrame, column: str) -> NDArray[np.float64]:
    values: NDArray[np.float64] = task_means(frame, column).to_numpy(float)
    return values[:, 0]


def _mean(frame: pd.DataFrame, column: str) -> float:
    return float(_over_tasks(frame, column).mean())


def task_table(frame: pd.DataFrame) -> str:
    """List AP@0.5 of every task, as it is shown.

    Parameters
    ----------
    frame : DataFrame
        Rows of one regime and number of cells.
    """
    names = _methods(frame)
    means = task_means(frame, "ap50_shown")[names]
    lines = [
        [str(t), *map(_number, values)]
        for t, values in zip(means.index, means.to_numpy(), strict=True)
    ]
    overall = [f"**{_number(v)}**" for v in means.mean()]
    return table(["task", *names], [*lines, ["**mean**", *overall]])


def comparison_table(frame: pd.DataFrame, inits: Sequence[str]) -> str:
    """Compare initializations with every control, paired.

    Parameters
    ----------
    frame : DataFrame
        Rows of one regime and number of cells.
    inits : sequence of str
        The initializations.

    Returns
    -------
    str
        Differences in points of AP@0.5, with 95 % intervals over resampled sources;
        empty if there is nothing to compare.
    """
    reference = reference_of(frame)
    lines = []
    for init in (m for m in _methods(frame) if m in inits):
        controls = [(m, "ap50_shown", m) for m in _methods(frame) if m != init]
        if reference is not None:
            controls.insert(0, (reference, "ap50_before", f"{REFERENCE}, 0 steps"))
        for method, column, label in controls:
            found = [
                compare(
                    _of(frame, init), _of(frame, method), column_a=own, column_b=column
                )
                for own in ("ap50_after", "ap50_shown")
            ]
            if found[0] is not None:
                sources = f"{found[0].tasks} / {found[0].sources}"
                lines.append([init, label, *map(_interval, found), sources])
    headings = ["method", "minus", "adapted", "shown", "tasks / sources"]
    return table(headings, lines) if lines else ""


def correction_table(curves: Sequence[Curve], frame: pd.DataFrame) -> str:
    """Show AP@0.5 against the number of corrections.

    Parameters
    ----------
    curves : sequence of Curve
        Correction loops; one that ended early keeps its last value.
    frame : DataFrame
        Rows, among which the ceiling's may be.

    Returns
    -------
    str
        Mean over tasks, with the mean number of painted cells in brackets. Last, the
        share of the supervised ceiling on the same tasks that is reached.
    """
    rounds = max(c.rounds for c in curves)
    ceiling = _of(frame, "ceiling")
    lines = []
    for method, start in dict.fromkeys((c.method, c.start) for c in curves):
        own = [c for c in curves if (c.method, c.start) == (method, start)]
        by_round = [
            (_curve_mean(own, k, "ap50"), _curve_mean(own, k, "cells"))
            for k in range(rounds + 1)
        ]
        reach = _share_of_ceiling(own, ceiling, by_round[-1][0])
        cells = [f"{_number(ap50)} ({n:.1f})" for ap50, n in by_round]
        lines.append([method, start, *cells, _percent(reach)])
    numbers = [str(k) for k in range(rounds + 1)]
    return table(["method", "start", *numbers, "of the ceiling"], lines)


def _curve_mean(curves: Sequence[Curve], done: int, name: str) -> float:
    """Average over the draws of each task, then over tasks."""
    tasks: dict[str, list[float]] = {}
    for curve in curves:
        point = curve.points[min(done, len(curve.points) - 1)]
        tasks.setdefault(curve.task, []).append(float(getattr(point, name)))
    return float(np.mean([np.mean(values) for values in tasks.values()]))


def _share_of_ceiling(
    curves: Sequence[Curve], ceiling: pd.DataFrame, reached: float
) -> float:
    tasks = {c.task for c in curves}
    known = ceiling[ceiling["task"].isin(tasks)]
    if set(known["task"]) != tasks:
        return math.nan
    best = _mean(known, "ap50_after")
    return reached / best if best else math.nan


def _number(value: float, digits: int = 3) -> str:
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.0f} %"


def _arrow(before: float, after: float) -> str:
    return f"{_number(before)} → {_number(after)}"


def _interval(found: Comparison | None) -> str:
    if found is None:
        return "–"
    points = (100 * x for x in (found.difference, found.low, found.high))
    return "{:+.1f} [{:+.1f}, {:+.1f}]".format(*points)
