"""Corners of images, and scores of what was not painted: shared by two scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.core.metrics import average_precision

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_metaseg.data.folders import TaskFolder

    Labels = NDArray[np.int32]

SIDE = 320, 700  # px, at least and at most, of the part of an image that is used


def corner(task: TaskFolder, index: int) -> tuple[NDArray[np.generic], Labels]:
    """Return the first corner of an image, some sixteen cells wide, with its masks."""
    width = 16 * float(np.median(list(task.diameters[index].values())))
    part = slice(int(np.clip(width, *SIDE)))
    masks = task.masks[index][part, part].astype(np.int32)
    return task.images[index][part, part], masks


def one(labels: Labels | list[Labels]) -> Labels:
    """Return the labels of the only image."""
    assert not isinstance(labels, list)
    return labels


def open_score(truth: Labels, found: Labels, annotation: Labels) -> float:
    """Return the AP@0.5 over all that is neither painted nor rejected."""
    cells, shown = np.unique(truth[annotation > 0]), np.unique(found[annotation != 0])
    left = np.where(np.isin(truth, cells), 0, truth)
    return float(average_precision(left, np.where(np.isin(found, shown), 0, found)))
