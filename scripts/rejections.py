"""Tell whether rejecting false cells helps or harms.

    python scripts/rejections.py DATA TASK [TASK ...] [--init imaml] [--draws 2]
        [--rejected 1 3]

DATA is a folder of tasks. Three cells of an image of each are painted, of another in
each draw; the largest false cells of the result are rejected, one and then three, and
it is adapted again with each. AP@0.5 of the painted image, without what was painted or
rejected, and of the next image.
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
from napari_metaseg.core.settings import DEFAULT_INIT, DEFAULT_MIRRORS
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.data.painter import choose_cells, paint_cells
from napari_metaseg.workflows.benchmark.methods.protocol import image_axes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_metaseg.data.folders import TaskFolder

    Labels = NDArray[np.int32]

PART = 0.25
"""Share of a cell from which on what is found there is not merely false."""


def main() -> None:
    """Print one row an image and number of rejections, and the means of each number."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("tasks", nargs="+")
    parser.add_argument("--init", default=DEFAULT_INIT)
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--rejected", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--mirrors", type=int, default=DEFAULT_MIRRORS)
    options = parser.parse_args()
    rows = [
        row
        for task in read_tasks(options.data, options.tasks)
        for draw in range(options.draws)
        for row in compare(task, draw, options)
    ]
    table = pd.DataFrame(rows).set_index(["task", "draw"])
    print(table.round(3).to_string())
    for statistic in ("mean", "sem", "count"):
        told = table.groupby("rejected").agg(statistic).round(3).T
        print(statistic, told.to_string(), sep="\n")


def compare(
    task: TaskFolder, draw: int, options: argparse.Namespace
) -> Iterator[dict[str, object]]:
    """Adapt before and after rejecting; nothing where nothing found is false."""
    rng = np.random.default_rng(draw)
    pair = (draw % len(task.images), (draw + 1) % len(task.images))
    (image, truth), (other, other_truth) = (corner(task, i) for i in pair)
    cells = choose_cells(truth, object_diameters(truth), rng, number=3)
    painted = paint_cells(truth, cells, rng)
    axes = image_axes(image)

    def learn(annotation: Labels) -> tuple[Labels, Labels]:
        model = adapt(
            image, annotation, axes=axes, init=options.init, mirrors=options.mirrors
        )
        return one(model.labels), model.segment(other, axes=axes)

    first = shown, _ = learn(painted)
    false = false_cells(truth, shown, painted)
    for number in options.rejected:
        if not false or (number > 1 and len(false) == 1):
            return
        gone = np.isin(shown, false[:number]) & (painted == 0)
        rejected = np.where(gone, -1, painted).astype(np.int32)
        row: dict[str, object] = {"task": task.name, "draw": draw, "rejected": number}
        for name, found in (("before", first), ("after", learn(rejected))):
            row[f"this image, {name}"] = open_score(truth, found[0], rejected)
            row[f"another, {name}"] = average_precision(other_truth, found[1])
        print(row, flush=True)
        yield row


def false_cells(truth: Labels, found: Labels, painted: Labels) -> list[int]:
    """List what was found where no cell is, the largest first."""
    iou, numbers = iou_matrix(truth, found), np.unique(found)[1:]
    size: dict[int, int] = {}
    for k, best in zip(numbers, iou.max(0, initial=0), strict=True):
        piece = found == k
        under = np.unique(truth[piece & (truth > 0)])
        held = any(np.mean(piece[truth == cell]) > PART for cell in under)
        if best < 0.1 and not held and not painted[piece].any():
            size[int(k)] = int(piece.sum())
    return sorted(size, key=lambda k: -size[k])


if __name__ == "__main__":
    main()
