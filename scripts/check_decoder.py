"""Measure how much the decoder loses on maps without a fault.

``python scripts/check_decoder.py DATA [DATA ...]`` draws foreground and cue of every
image from its masks, at the working scale, cuts them apart again, and scores that
against the masks: with the usual splitting, and with the one that three painted cells
choose, as *Adapt* does. What is missing to 1 is the decoder's, the scale's or the
masks' own fault: no network can have it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.metrics import iou_matrix, match_counts
from napari_metaseg.core.plane_output import PlaneOutput
from napari_metaseg.core.scaling import WORKING_DIAMETER, resize_labels, scaled_shape
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.core.targets import dense_target
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.data.painter import choose_cells
from napari_metaseg.workflows.splitting import fit_split

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_metaseg.data.folders import TaskFolder

CELLS = 3
LEAST, LEAST_MEAN = 0.93, 0.97


def score(
    masks: NDArray[np.int32], diameters: dict[int, float], rng: np.random.Generator
) -> tuple[float, float]:
    """Return AP@0.5 with the usual splitting and with the chosen one."""
    size = float(np.median(list(diameters.values())))
    shape = scaled_shape((masks.shape[0], masks.shape[1]), WORKING_DIAMETER / size)
    target = dense_target(resize_labels(masks, shape))
    maps = np.stack([target.foreground, target.cue]).astype(np.float16)
    output = PlaneOutput(maps, (masks.shape[0], masks.shape[1]), WORKING_DIAMETER)
    painted = np.where(
        np.isin(masks, choose_cells(masks, diameters, rng, number=CELLS)), masks, 0
    )
    pairs = [(output, painted)]
    usual = DecodeSettings()
    found = []
    for settings in (usual, fit_split(pairs, pairs, usual)):
        labels = output.instances(settings)
        found.append(match_counts(iou_matrix(masks, labels)).ap)
    return found[0], found[1]


def score_task(task: TaskFolder, images: int) -> NDArray[np.float64]:
    """Return the means over up to so many images that hold an object."""
    rng = np.random.default_rng(0)
    holding = [k for k, sizes in enumerate(task.diameters) if sizes]
    rows = [score(task.masks[k], task.diameters[k], rng) for k in holding[:images]]
    means: NDArray[np.float64] = np.mean(rows, axis=0)
    return means


def main() -> None:
    """Run from the shell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--images", type=int, default=3, help="of each task")
    options = parser.parse_args()
    tasks = [task for folder in options.data for task in read_tasks(folder)]
    rows = []
    for task in tasks:
        rows.append(score_task(task, options.images))
        print(f"{task.name}: {rows[-1][0]:.3f}, {rows[-1][1]:.3f}", flush=True)
    usual, chosen = np.mean(rows, axis=0)
    print(f"mean: {usual:.3f}; with the splitting that cells choose {chosen:.3f}")
    low = [t.name for t, row in zip(tasks, rows, strict=True) if row[1] < LEAST]
    print(f"below {LEAST}: {', '.join(low) or 'none'}")
    if chosen < LEAST_MEAN:
        raise SystemExit(1)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        raise SystemExit(str(error)) from error
