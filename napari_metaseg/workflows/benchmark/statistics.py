"""Statistics over rows: means over tasks, spread, harm, and paired comparisons."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_metaseg.core.errors import UserError

from .scores import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .rows import Row

STAGES = ("before", "after", "shown")
HARM = 0.02
"""Loss of AP@0.5 from which a pair of task and draw counts as made worse."""

RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """A paired difference with its bootstrap interval.

    Attributes
    ----------
    difference : float
        Mean over tasks.
    low, high : float
        95 % interval over resampled sources.
    tasks, sources : int
        How many entered.
    """

    difference: float
    low: float
    high: float
    tasks: int
    sources: int


def make_frame(rows: Sequence[Row]) -> pd.DataFrame:
    """Put rows in a table.

    Returns
    -------
    DataFrame
        One line a row; the scores are columns ``<metric>_<stage>``, NaN where a
        method has no such result.
    """
    lines = []
    for row in rows:
        line = row.as_dict()
        for stage in STAGES:
            scores = line.pop(stage) or {}
            line |= {f"{m}_{stage}": scores.get(m, math.nan) for m in METRICS}
        lines.append(line)
    columns = None if lines else ["task", "source", "regime", "cells", "method"]
    return pd.DataFrame(lines, columns=columns)


def task_means(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Average a score over the draws of each task.

    Parameters
    ----------
    frame : DataFrame
        Rows of one regime and number of cells.
    column : str
        The score.

    Returns
    -------
    DataFrame
        A line for each task, a column for each method.
    """
    return frame.pivot_table(column, "task", "method", aggfunc="mean", dropna=False)


def worst_decile(means: NDArray[np.floating]) -> float:
    """Mean of the worst tenth of the tasks, rounded up to whole tasks.

    Parameters
    ----------
    means : (T,) array of float
        One score for each task.
    """
    count = math.ceil(len(means) / 10)
    return float(np.sort(means)[:count].mean()) if count else math.nan


def spread_over_draws(frame: pd.DataFrame, column: str) -> float:
    """Tell how much it matters which cells were painted.

    Returns
    -------
    float
        Standard deviation over the draws of a task, of all seeds alike (n - 1 in the
        denominator), mean over tasks; NaN if no task has two draws.
    """
    return float(frame.groupby("task")[column].std(ddof=1).mean())


def share_worse(
    frame: pd.DataFrame, reference: pd.DataFrame, *, margin: float = HARM
) -> float:
    """Share of pairs of task and draw that a method made worse.

    Parameters
    ----------
    frame : DataFrame
        Rows of the method, of one regime and number of cells.
    reference : DataFrame
        Rows of the method whose result before learning a person would have seen.
    margin : float
        A pair is worse if what is shown loses more AP@0.5 than this.

    Returns
    -------
    float
        NaN if the two have no pair in common, or the reference shows nothing.
    """
    pairs = _paired(frame, "ap50_shown", reference, "ap50_before").dropna()
    if not len(pairs):
        return math.nan
    # A loss of exactly the margin is no harm, whatever the binary digits say.
    return float((pairs["a"] - pairs["b"] < -margin - 1e-9).mean())


def _paired(
    a: pd.DataFrame, column_a: str, b: pd.DataFrame, column_b: str
) -> pd.DataFrame:
    keys = ["task", "source", "regime", "cells", "seed", "draw"]
    left = a[[*keys, column_a]].rename(columns={column_a: "a"})
    right = b[[*keys, column_b]].rename(columns={column_b: "b"})
    return left.merge(right, on=keys, validate="one_to_one")


def compare(
    a: pd.DataFrame,
    b: pd.DataFrame,
    *,
    column_a: str = "ap50_shown",
    column_b: str = "ap50_shown",
    seed: int = 0,
) -> Comparison | None:
    """Compare two methods on the draws they have in common.

    The differences are averaged over the draws of each task, then over tasks. Tasks
    of one source share fields or an instrument, so whole sources are resampled.

    Parameters
    ----------
    a, b : DataFrame
        Rows of either method, of one regime and number of cells.
    column_a, column_b : str
        Score of either method.
    seed : int
        Fixes the resampling.

    Returns
    -------
    Comparison or None
        None if they have nothing in common.
    """
    pairs = _paired(a, column_a, b, column_b).dropna()
    if not len(pairs):
        return None
    pairs["difference"] = pairs["a"] - pairs["b"]
    means = pairs.groupby(["source", "task"])["difference"].mean().reset_index()
    grouped = means.groupby("source")["difference"]
    sums, counts = grouped.sum().to_numpy(), grouped.count().to_numpy()
    low, high = bootstrap_interval(sums, counts, seed=seed)
    return Comparison(
        float(means["difference"].mean()), low, high, len(means), len(sums)
    )


def bootstrap_interval(
    sums: NDArray[Any], counts: NDArray[Any], *, seed: int = 0
) -> tuple[float, float]:
    """Resample clusters and take the percentile interval of the mean.

    Parameters
    ----------
    sums, counts : (S,) arrays
        Sum over, and number of, the values of each cluster.
    seed : int
        Fixes the resampling.

    Returns
    -------
    low, high : float
        The 2.5 and 97.5 percentiles of `RESAMPLES` means (Efron & Tibshirani, 1993,
        ch. 13), each of as many clusters drawn with replacement.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(sums), size=(RESAMPLES, len(sums)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def leave_one_source_out(scores: pd.DataFrame, sources: pd.Series) -> pd.DataFrame:
    """Choose a setting for each source by its scores on all other sources.

    Parameters
    ----------
    scores : DataFrame
        A line for each task, a column for each setting.
    sources : Series
        Source of each task, with the same index.

    Returns
    -------
    DataFrame
        A line for each source: the setting ``chosen`` without it, and that setting's
        mean ``score`` on the source's own tasks. Sources weigh alike.

    Raises
    ------
    UserError
        If there are fewer than two sources.
    """
    means = scores.groupby(sources).mean()
    if len(means) < 2:
        raise UserError("Leaving one source out needs tasks of two sources or more.")
    lines = {}
    for source in means.index:
        chosen = means.drop(index=source).mean().idxmax()
        lines[source] = {"chosen": chosen, "score": means.loc[source, chosen]}
    return pd.DataFrame.from_dict(lines, orient="index")
