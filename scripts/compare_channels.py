"""All channels against each single one, on images with known masks.

``python scripts/compare_channels.py TASK [TASK ...]`` takes folders with ``images`` and
``masks`` of the same names. Three cells of each image are painted; AP@0.5 without them
is printed as a table, a row a task.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg import adapt
from napari_metaseg.core.metrics import average_precision
from napari_metaseg.core.objects import object_diameters
from napari_metaseg.data.painter import choose_cells
from napari_metaseg.io.annotation import read_annotation
from napari_metaseg.io.images import read_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHANNELS = (None, 0, 1, 2)


def score(
    image: NDArray[np.generic], masks: NDArray[np.int32], channel: int | None
) -> float:
    """Paint three cells, adapt to all channels or one, and score the other cells."""
    rng = np.random.default_rng(0)
    chosen = choose_cells(masks, object_diameters(masks), rng, number=3)
    painted = np.where(np.isin(masks, chosen), masks, 0)
    labels = adapt(image, painted, axes="YXC", channel=channel).labels
    found, truth = (np.where(np.isin(a, chosen), 0, a) for a in (labels, masks))
    return average_precision(truth, found)


def main() -> None:
    """Read the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", type=Path, nargs="+", metavar="TASK")
    parser.add_argument("--images", type=int, default=2, help="of each task")
    parser.add_argument("--side", type=int, default=288, help="of each image, in px")
    options = parser.parse_args()
    print("| task | all | red | green | blue |\n| --- | --- | --- | --- | --- |")
    for task in options.tasks:
        paths = sorted((task / "images").iterdir())
        rows = []
        for path in paths[:: max(1, len(paths) // options.images)][: options.images]:
            part = slice(0, options.side), slice(0, options.side)
            image = read_image(path).data[part]
            masks = read_annotation(task / "masks" / path.name)[part]
            rows.append([score(image, masks, channel) for channel in CHANNELS])
        means = (f"{mean(column):.2f}" for column in zip(*rows, strict=True))
        print(f"| {task.name} | {' | '.join(means)} |", flush=True)


if __name__ == "__main__":
    main()
