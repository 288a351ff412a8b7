"""Measure what AP@0.5 would be if one of the network's two maps were without a fault.

``python scripts/oracles.py DATA [--init imaml]`` adapts to three painted cells of each
task, draws foreground and cue of other images, puts what the masks tell in the place of
one of them, or of a part of the foreground, and decodes that as a result is decoded. It
tells where to look for what is missing: in what is taken for a cell, or in how cells
are cut apart.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.core.axes import as_planes
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.scaling import resize_labels
from napari_metaseg.core.targets import dense_target
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.workflows.benchmark.draws import CELLS_ONLY, make_draw
from napari_metaseg.workflows.benchmark.methods.adaptation import run_adapt
from napari_metaseg.workflows.benchmark.methods.protocol import image_axes
from napari_metaseg.workflows.benchmark.scores import score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_metaseg.core.plane_output import PlaneOutput
    from napari_metaseg.data.folders import TaskFolder
    from napari_metaseg.workflows.benchmark.draws import Labels, Painted

CELLS = 3


def improved(output: PlaneOutput, masks: Labels) -> dict[str, PlaneOutput]:
    """Return what was drawn, and the same with less that is wrong, by name."""
    foreground, cue = output.maps.astype(np.float32)
    true = dense_target(resize_labels(masks, output.working))
    maps = {
        "as drawn": (foreground, cue),
        "nothing false": (np.minimum(foreground, true.foreground), cue),
        "nothing missed": (np.maximum(foreground, true.foreground), cue),
        "true foreground": (true.foreground, cue),
        "true cue": (foreground, true.cue),
        "both": (true.foreground, true.cue),
    }
    return {
        name: replace(output, maps=np.stack(both).astype(np.float16))
        for name, both in maps.items()
    }


def score_draw(init: str, painted: Painted) -> list[dict[str, float]]:
    """Return AP@0.5 of each scored image, by what is improved."""
    segmenter = run_adapt(init, painted, "auto").segmenter
    rows = []
    for index in painted.scored:
        image, masks = painted.task.images[index], painted.task.masks[index]
        planes = as_planes(image, axes=image_axes(image))
        (output,) = exhaust(segmenter.draw(planes, adapted=True))
        found = {
            name: better.instances(segmenter.settings)
            for name, better in improved(output, masks).items()
        }
        on = painted.on(index)
        rows.append({name: score(masks, f, on).ap50 for name, f in found.items()})
    return rows


def score_task(
    task: TaskFolder, init: str, draws: int, images: int
) -> dict[str, float]:
    """Return means over draws and images.

    Raises
    ------
    UserError
        If no image has a cell that can be painted.
    """
    rows: list[dict[str, float]] = []
    for number in range(draws):
        draw = make_draw(task, CELLS, number, seed=0)
        if draw is not None:
            rows += score_draw(init, draw.painted(CELLS_ONLY, images))
    if not rows:
        raise UserError(f"No image of '{task.name}' has a cell to paint; leave it out.")
    return mean_of(rows)


def mean_of(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each name."""
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def main() -> None:
    """Run from the shell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--tasks", nargs="+", help="default: all")
    parser.add_argument("--init", default="imaml")
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--images", type=int, default=2, help="scored in each draw")
    options = parser.parse_args()
    rows = []
    for task in read_tasks(options.data, options.tasks):
        rows.append(score_task(task, options.init, options.draws, options.images))
        print(f"{task.name}: {_told(rows[-1])}", flush=True)
    print(f"mean: {_told(mean_of(rows))}")


def _told(row: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in row.items())


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        raise SystemExit(str(error)) from error
