"""A large image whose cells are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.data.synthetic import sample_scene

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCENE = 512


def tiled(side: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Lay one scene beside itself, mirrored, until it fills an image; and its cells."""
    scene = sample_scene("fluorescence", size=(SCENE, SCENE))
    count = int(scene.masks.max())
    image, masks = np.empty((side, side), np.float32), np.empty((side, side), np.int32)
    for n, (y, x) in enumerate(np.ndindex(-(-side // SCENE), -(-side // SCENE))):
        turn = np.s_[:: (-1) ** y, :: (-1) ** x]
        place = np.s_[y * SCENE : (y + 1) * SCENE, x * SCENE : (x + 1) * SCENE]
        height, width = image[place].shape
        image[place] = scene.image[turn][:height, :width]
        cells = scene.masks[turn][:height, :width]
        masks[place] = np.where(cells > 0, cells + n * count, 0)
    return image, masks


def some_cells(masks: NDArray[np.int32]) -> list[tuple[NDArray[np.intp], ...]]:
    """Return the pixels of three cells in the middle."""
    middle, reach = len(masks) // 2, min(200, len(masks) // 2)
    ids = np.unique(masks[middle - reach : middle + reach, middle - reach :])
    return [np.nonzero(masks == k) for k in ids[ids > 0][:3]]
