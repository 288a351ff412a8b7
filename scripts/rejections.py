"""Tell whether rejecting false cells helps or harms.

    python scripts/rejections.py DATA TASK [TASK ...] [--init maml] [--draws 2]

DATA is a folder of tasks. Three cells of the first image of each are painted; the two
largest false cells of the result are rejected, and it is adapted again. AP@0.5 of the
painted image, without what was painted or rejected, and of the next image.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from _corners import corner, one, open_score

from napari_metaseg import adapt
from napari_metaseg.core.metrics import average_precision, iou_matrix
from napari_metaseg.core.objects import object_diameters
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.data.painter import choose_cells, paint_cells
from napari_metaseg.workflows.benchmark.methods.protocol import image_axes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_metaseg.data.folders import TaskFolder

    Labels = NDArray[np.int32]

REJECTED = 2


def main() -> None:
    """Print one row an image, and the means of those on which something was false."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("tasks", nargs="+")
    parser.add_argument("--init", default="maml")
    parser.add_argument("--draws", type=int, default=2)
    options = parser.parse_args()
    rows = [
        row
        for task in read_tasks(options.data, options.tasks)
        for draw in range(options.draws)
        if (row := compare(task, draw, options.init)) is not None
    ]
    table = pd.DataFrame(rows).set_index(["task", "draw"])
    print(table.round(3).to_string())
    print(table.mean().round(3).to_string())


def compare(task: TaskFolder, draw: int, init: str) -> dict[str, object] | None:
    """Adapt before and after rejecting; None where nothing found is false."""
    rng = np.random.default_rng(draw)
    (image, truth), (other, other_truth) = (corner(task, i) for i in (0, 1))
    cells = choose_cells(truth, object_diameters(truth), rng, number=3)
    painted = paint_cells(truth, cells, rng)
    axes = image_axes(image)
    first = adapt(image, painted, axes=axes, init=init)
    shown = one(first.labels)
    rejected = painted.copy()
    for number in false_cells(truth, shown, painted)[:REJECTED]:
        rejected[(shown == number) & (painted == 0)] = -1
    if (rejected == painted).all():
        return None
    second = adapt(image, rejected, axes=axes, init=init)
    row: dict[str, object] = {"task": task.name, "draw": draw}
    for name, model in (("before", first), ("after", second)):
        row[f"this image, {name}"] = open_score(truth, one(model.labels), rejected)
        found = model.segment(other, axes=axes)
        row[f"another, {name}"] = average_precision(other_truth, found)
    print(row, flush=True)
    return row


def false_cells(truth: Labels, found: Labels, painted: Labels) -> list[int]:
    """List what was found where no cell is, the largest first."""
    iou, numbers = iou_matrix(truth, found), np.unique(found)[1:]
    size = {
        int(k): int((found == k).sum())
        for k, best in zip(numbers, iou.max(0, initial=0), strict=True)
        if best < 0.1
        and np.mean(truth[found == k] > 0) < 0.2
        and not painted[found == k].any()
    }
    return sorted(size, key=lambda k: -size[k])


if __name__ == "__main__":
    main()
