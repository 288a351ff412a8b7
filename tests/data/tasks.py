"""A task of disks, drawn without chance."""

from __future__ import annotations

import numpy as np
from skimage.draw import disk

from napari_metaseg.core.objects import object_diameters
from napari_metaseg.data.augment import Appearance
from napari_metaseg.data.folders import TaskFolder, TaskInfo

PLAIN = Appearance(False, 1.0, 0.0, (0.0, 1.0), 0.0, 0.0, 0.0, None, None)


def disks(side: int = 160, radius: int = 9, step: int = 32) -> np.ndarray:
    """Draw disks on a grid; those of every other row are larger."""
    masks = np.zeros((side, side), np.int32)
    for row, y in enumerate(range(step // 2, side - step // 2 + 1, step)):
        for x in range(step // 2, side - step // 2 + 1, step):
            rows, columns = disk((y, x), radius + 4 * (row % 2), shape=masks.shape)
            masks[rows, columns] = masks.max() + 1
    return masks


def task(name: str = "disks", *, images: int = 2, **known: object) -> TaskFolder:
    """Make a task of bright disks on dark ground, each of them known."""
    masks = tuple(disks() for _ in range(images))
    return TaskFolder(
        name,
        tuple(np.where(m > 0, 200, 20).astype(np.uint8) for m in masks),
        masks,
        tuple(object_diameters(m) for m in masks),
        TaskInfo(**{"source": name} | known),  # type: ignore[arg-type]
    )
