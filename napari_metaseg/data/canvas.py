"""A label field that objects are put on one by one, and its tidying."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage import measure

MIN_AREA = 12
Labels = NDArray[np.int32]
Spot = tuple[float, float]
Window = tuple[slice, slice]


def tidy(labels: NDArray[np.integer], min_area: int = MIN_AREA) -> Labels:
    """Keep the largest 8-connected piece of each object, drop crumbs.

    Parameters
    ----------
    labels : ndarray of int, shape (rows, columns)
        Instances; 0 is background. Ids are kept.
    min_area : int
        Objects with fewer pixels vanish, px².

    Returns
    -------
    ndarray of int32, shape (rows, columns)
    """
    pieces, count = measure.label(labels, background=0, connectivity=2, return_num=True)
    if count == 0:
        return np.zeros(labels.shape, dtype=np.int32)
    areas = np.bincount(pieces.ravel(), minlength=count + 1)
    owner = np.zeros(count + 1, dtype=np.int64)
    owner[pieces.ravel()] = labels.ravel()
    order = np.argsort(areas[1:], kind="stable") + 1
    largest = np.zeros(int(owner.max()) + 1, dtype=np.int64)
    largest[owner[order]] = order
    keep = np.zeros(count + 1, dtype=np.int32)
    winners = largest[largest > 0]
    winners = winners[areas[winners] >= min_area]
    keep[winners] = owner[winners]
    return np.asarray(keep[pieces], dtype=np.int32)


def numbered(labels: Labels) -> Labels:
    """Rename the ids of `labels` (rows, columns) to 1, 2, 3, ... in their order."""
    used = np.bincount(labels.ravel()) > 0
    used[0] = False
    return np.where(used, np.cumsum(used), 0).astype(np.int32)[labels]


class Canvas:
    """Objects in a padded field, and what is still free.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the visible field, px.
    pad : int
        Invisible margin on every side, px: objects there are cut by the edge.
    gap : int
        Least free distance between objects, px.
    """

    def __init__(self, shape: tuple[int, int], pad: int, gap: int = 0) -> None:
        self.shape, self.pad, self.gap = shape, pad, gap
        padded = (shape[0] + 2 * pad, shape[1] + 2 * pad)
        self.labels: Labels = np.zeros(padded, dtype=np.int32)
        self.blocked: NDArray[np.bool_] = np.zeros(padded, dtype=bool)

    def window(self, patch: NDArray[np.bool_], spot: Spot) -> Window | None:
        """Where `patch`, centred on `spot` of the visible field, comes to lie."""
        row = round(spot[0] + self.pad - patch.shape[0] / 2)
        col = round(spot[1] + self.pad - patch.shape[1] / 2)
        rows, cols = slice(row, row + patch.shape[0]), slice(col, col + patch.shape[1])
        if min(row, col) < 0 or rows.stop > len(self.labels):
            return None
        return None if cols.stop > self.labels.shape[1] else (rows, cols)

    def hidden(self, patch: NDArray[np.bool_], where: Window) -> int:
        """Count the pixels of `patch` that are not free."""
        return int(np.count_nonzero(self.blocked[where] & patch))

    def put(self, patch: NDArray[np.bool_], where: Window, label: int) -> None:
        """Write `label` on the free pixels of `patch`, and block its surroundings."""
        free = patch & ~self.blocked[where]
        self.labels[where][free] = label
        gap = self.gap
        for row in range(-gap, gap + 1):
            for col in (-gap, 0, gap) if abs(row) < gap else (0,):
                top, left = where[0].start + row, where[1].start + col
                if min(top, left) < 0:
                    continue
                target = self.blocked[top : top + len(patch)]
                target = target[:, left : left + patch.shape[1]]
                target |= patch[: target.shape[0], : target.shape[1]]

    def visible(self) -> Labels:
        """Return the field without its margin."""
        rows = slice(self.pad, self.pad + self.shape[0])
        return self.labels[rows, self.pad : self.pad + self.shape[1]]
