"""Tell whether several channels are better than the best single one.

    python scripts/channels.py DATA [DATA ...] --tasks TASK [TASK ...] [--draws 4]

DATA are folders of tasks. In each draw three cells of one image are painted, and it is
adapted to: with what each channel counts adapted, with all channels alike, and with
each channel alone. A score is the mean of the AP@0.5 of the painted image, without the
painted cells, and of another one. ``best single`` is, in each draw, the channel that
was best in the *other* draws of the task: the best by hindsight is flattered by chance.
It takes masks to know it; ``best elsewhere`` was best in all other tasks. With
``--mixes`` seven given mixes of red, green and blue are tried as well, and ``best mix``
is chosen of them as ``best single`` is of the channels: what could be gained by mixing
if one knew how. The intervals resample tasks. Rows are kept with ``--rows FILE``; a
second run with the same file goes on from there.
"""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch
from _corners import corner, one, open_score

from napari_metaseg import adapt
from napari_metaseg.core.metrics import average_precision
from napari_metaseg.core.objects import object_diameters
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.data.painter import choose_cells, paint_cells
from napari_metaseg.workflows import learning
from napari_metaseg.workflows.benchmark.methods.protocol import image_axes
from napari_metaseg.workflows.benchmark.statistics import bootstrap_interval

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import AbstractContextManager

    from napari_metaseg.data.folders import TaskFolder

SINGLE = ["red", "green", "blue"]
MIXES = {
    "r+g": (1.0, 1.0, 0.0),
    "r+b": (1.0, 0.0, 1.0),
    "g+b": (0.0, 1.0, 1.0),
    "alike": (1.0, 1.0, 1.0),
    "mostly r": (1.0, 0.3, 0.3),
    "mostly g": (0.3, 1.0, 0.3),
    "mostly b": (0.3, 0.3, 1.0),
}
BEST, ELSEWHERE, BEST_MIX = "best single", "best elsewhere", "best mix"
WEIGHED, ALIKE = "weighed", "alike"


def main() -> None:
    """Print a row a draw, the means of the tasks, and the paired differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--tasks", nargs="+", required=True)
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--mirrors", type=int, default=1, help="as of adapt()")
    parser.add_argument("--mixes", action="store_true", help="given mixes, too")
    parser.add_argument("--rows", type=Path, help="CSV file that keeps the rows")
    options = parser.parse_args()
    kept = options.rows is not None and options.rows.exists()
    rows = pd.read_csv(options.rows).to_dict("records") if kept else []
    done = {(row["task"], row["draw"]) for row in rows}
    # A draw of every task, then the next: what is there at any time is balanced.
    tasks = [task for folder in options.data for task in wanted(folder, options.tasks)]
    for draw in range(options.draws):
        for task in tasks:
            if (task.name, draw) in done:
                continue
            row = compare(task, draw, options.mirrors, given=options.mixes)
            if row is not None:
                print(row, flush=True)
                rows.append(row)
            if options.rows is not None:
                pd.DataFrame(rows).to_csv(options.rows, index=False)
    table = with_best(pd.DataFrame(rows))
    print(table.groupby("task").mean().drop(columns="draw").round(3).to_string())
    for other in (ALIKE, BEST, ELSEWHERE, *SINGLE):
        print(difference(table, WEIGHED, other))
    if options.mixes:
        print(difference(table, BEST_MIX, BEST))


def wanted(folder: Path, names: list[str]) -> list[TaskFolder]:
    """Read those of the named tasks that a folder holds."""
    here = [name for name in names if (folder / name).is_dir()]
    return read_tasks(folder, here) if here else []


def compare(
    task: TaskFolder, draw: int, mirrors: int, *, given: bool
) -> dict[str, Any] | None:
    """Adapt in each way to the same painted cells; None where none can be painted."""
    rng = np.random.default_rng(draw)
    count = len(task.images)
    (image, truth), (other, other_truth) = (
        corner(task, (draw + k) % count) for k in (0, 1)
    )
    cells = choose_cells(truth, object_diameters(truth), rng, number=3)
    if not cells:
        return None
    painted = paint_cells(truth, cells, rng)
    axes = image_axes(image)
    row: dict[str, Any] = {"task": task.name, "draw": draw}
    mixes = MIXES if given else {ALIKE: MIXES[ALIKE]}
    for name in (WEIGHED, *SINGLE, *mixes):
        channel = SINGLE.index(name) if name in SINGLE else None
        with hold(mixes[name]) if name in mixes else nullcontext():
            model = adapt(image, painted, axes=axes, channel=channel, mirrors=mirrors)
        found = one(model.labels), one(model.segment(other, axes=axes))
        scores = (
            open_score(truth, found[0], painted),
            average_precision(other_truth, found[1]),
        )
        row[name] = float(np.mean(scores))
    return row


def hold(mix: tuple[float, ...]) -> AbstractContextManager[object]:
    """Have every channel count what it is given, in place of `adapt_mix`."""

    def given(*_: object) -> Generator[None, None, torch.Tensor]:
        yield
        return torch.tensor(mix)

    return patch.object(learning, "adapt_mix", given)


def with_best(table: pd.DataFrame) -> pd.DataFrame:
    """Add the channels that were best in the task's other draws, and in other tasks."""
    known = [name for name in MIXES if name in table]
    best, elsewhere, mixed = [], [], []
    for index, row in table.iterrows():
        own = table["task"] == row["task"]
        others = table[own & (table.index != index)]
        far = table[~own].groupby("task")[SINGLE].mean().mean()
        best.append(_at_best(row, others[SINGLE].mean()))
        mixed.append(_at_best(row, others[known].mean()))
        elsewhere.append(_at_best(row, far))
    return table.assign(**{BEST: best, BEST_MIX: mixed, ELSEWHERE: elsewhere})


def _at_best(row: pd.Series, means: pd.Series) -> float:
    """Return a row's score in the way that is best on average elsewhere."""
    return float(row[means.idxmax()]) if means.notna().all() else np.nan


def difference(table: pd.DataFrame, one: str, other: str) -> str:
    """Say what one way gains over another, with a 95 % interval."""
    gains = (table[one] - table[other]).groupby(table["task"]).mean().dropna()
    low, high = bootstrap_interval(gains.to_numpy(), np.ones(len(gains)))
    ahead = int((gains > 0).sum())
    return (
        f"{one} - {other}: {gains.mean():+.3f} [{low:+.3f}, {high:+.3f}], "
        f"ahead in {ahead} of {len(gains)} tasks"
    )


if __name__ == "__main__":
    main()
