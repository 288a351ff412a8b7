"""Markdown tables of a benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_metaseg.io.bundle import CONTROL
from napari_metaseg.workflows.markdown import table

from .curve_table import correction_table
from .draws import ALL_REGIMES, CELLS_ONLY, SPREAD, WHOLE, WITH_STROKES
from .phrases import arrow, interval, number, percent
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

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

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
    """Write all tables, one section for each number of cells and regime.

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
    scores = [r for r in rows if isinstance(r, Row)]
    frame = make_frame(scores)
    parts = [overview(frame)]
    for (cells, regime), part in frame.groupby(["cells", "regime"]):
        parts.append(f"## {_title(str(regime), int(cells))}")
        parts += [main_table(part), comparison_table(part, inits), task_table(part)]
    curves = [r for r in rows if isinstance(r, Curve)]
    if curves:
        ceiling = [r for r in scores if r.method == "ceiling"]
        parts += ["## Corrections", correction_table(curves, ceiling)]
    return "\n\n".join(filter(None, parts))


def overview(frame: pd.DataFrame) -> str:
    """Show AP@0.5 against the number of painted cells.

    Parameters
    ----------
    frame : DataFrame
        All rows.

    Returns
    -------
    str
        Means over tasks, as shown, with the number of draws in brackets; empty where
        all rows have one number of cells.
    """
    numbers = sorted(frame["cells"].unique())
    if len(numbers) < 2:
        return ""
    lines = []
    for regime in (r for r in ALL_REGIMES if r in set(frame["regime"])):
        painted = frame[frame["regime"] == regime]
        for method in _methods(painted):
            own = _of(painted, method)
            parts = [own[own["cells"] == n] for n in numbers]
            lines.append([method, regime, *map(_told, parts)])
    headings = ["method", "painted", *map(str, numbers)]
    told = "AP@0.5 as shown, with do-no-harm on; in brackets the number of draws."
    return f"## Painted cells\n\n{told}\n\n{table(headings, lines)}"


def _told(part: pd.DataFrame) -> str:
    if part.empty:
        return "–"
    shown = number(float(_over_tasks(part, "ap50_shown").mean()))
    return f"{shown} ({len(part[['seed', 'draw']].drop_duplicates())})"


def _title(regime: str, cells: int) -> str:
    painted = f"{cells} painted cell{'s' * (cells > 1)}"
    return (
        painted
        + {
            CELLS_ONLY: "",
            WITH_STROKES: ", 2 background strokes",
            SPREAD: ", spread over images",
            WHOLE: " and all else on their image",
        }[regime]
    )


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
        arrow(_mean(own, f"{m}_before"), _mean(own, f"{m}_after")) for m in METRICS
    ]
    return [
        str(own["method"].iloc[0]),
        ap50,
        number(shown.mean()),
        *others,
        number(worst_decile(shown)),
        number(spread_over_draws(own, "ap50_shown")),
        percent(share_worse(own, reference)),
        percent(float(own["reverted"].mean())),
        number(own["adapt_seconds"].median(), 2),
        number(own["segment_seconds"].median(), 2),
        number(own["memory"].astype(float).max(), 0),
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
        [str(t), *map(number, values)]
        for t, values in zip(means.index, means.to_numpy(), strict=True)
    ]
    overall = [f"**{number(v)}**" for v in means.mean()]
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
                lines.append([init, label, *map(interval, found), sources])
    headings = ["method", "minus", "adapted", "shown", "tasks / sources"]
    return table(headings, lines) if lines else ""
