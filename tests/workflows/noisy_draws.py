"""A task of bright disks on noise, and what is painted of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.core.objects import object_diameters
from napari_metaseg.workflows.benchmark.draws import Draw, make_draw
from tests.data.tasks import disks, task

if TYPE_CHECKING:
    from napari_metaseg.data.folders import TaskFolder


def noisy(images: int = 3, channels: int = 0, side: int = 160) -> TaskFolder:
    """Bright disks on noise; in the last of several channels only."""
    masks = tuple(disks(side) for _ in range(images))
    sizes = tuple(object_diameters(m) for m in masks)
    clean = replace(task(images=images), masks=masks, diameters=sizes)
    rng = np.random.default_rng(0)
    seen = []
    for masks in clean.masks:
        gray = rng.normal(80, 12, masks.shape)
        bright = gray + 60 * (masks > 0)
        stack = [*[gray] * (channels - 1), bright]
        seen.append(np.stack(stack, -1) if channels else bright)
    arrays = tuple(np.clip(a, 0, 255).astype(np.uint8) for a in seen)
    return replace(clean, images=arrays)


def a_draw(known: TaskFolder | None = None, cells: int = 2) -> Draw:
    found = make_draw(known or noisy(), cells, 0, 0)
    assert found is not None
    return found


PAINTED = a_draw().painted("strokes", 1)
IMAGE = PAINTED.task.images[PAINTED.scored[0]]
