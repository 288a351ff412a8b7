"""An image with known cells, and what is painted on it."""

from __future__ import annotations

import numpy as np

from napari_metaseg.data.synthetic import sample_scene

SCENE = sample_scene("fluorescence", size=(128, 144), seed=3)


def whole_cells() -> np.ndarray:
    """Return three whole cells, numbered as in the masks."""
    masks = SCENE.masks
    edge = np.concatenate([masks[0], masks[-1], masks[:, 0], masks[:, -1]])
    whole = np.setdiff1d(masks, np.append(edge, 0))[:3]
    return np.where(np.isin(masks, whole), masks, 0).astype(np.int32)


CELLS = whole_cells()
STROKE = np.zeros(CELLS.shape, bool)
STROKE[60, :] = SCENE.masks[60] == 0
ANNOTATION = np.where(STROKE, -1, CELLS).astype(np.int16)

ADAPT = "adapt cells.tif --annotation painted.tif --device cpu --output found.tif"
