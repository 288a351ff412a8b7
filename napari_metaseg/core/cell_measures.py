"""Simple measurements of cells, by which classes within one image can be made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEASURES = ("size", "brightness", "roundness", "texture")
"""Columns of `measure_cells`."""


def measure_cells(
    image: NDArray[np.generic], labels: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Measure the cells of a plane.

    Parameters
    ----------
    image : (C, Y, X) array
        Any real type; the mean of its channels is looked at.
    labels : (Y, X) array of int
        Positive numbers name cells.

    Returns
    -------
    (N, 4) array of float
        A row for each cell, in ascending order of their numbers. Size: the area (px).
        Brightness: the mean. Roundness: the minor over the major axis of the ellipse
        with the same second moments. Texture: the mean magnitude of the gradient.
    """
    gray = image.astype(np.float64).mean(0)
    edges = np.hypot(ndi.sobel(gray, 0), ndi.sobel(gray, 1))
    rows, columns = np.nonzero(labels > 0)
    _, which, areas = np.unique(
        labels[rows, columns], return_inverse=True, return_counts=True
    )

    def mean(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(which, values, len(areas)) / areas)

    y, x = rows - mean(rows)[which], columns - mean(columns)[which]
    # A pixel is a square, not a point.
    yy, xx, xy = mean(y * y) + 1 / 12, mean(x * x) + 1 / 12, mean(x * y)
    spread = np.sqrt((yy - xx) ** 2 + 4 * xy**2)
    roundness = np.sqrt((yy + xx - spread) / (yy + xx + spread))
    bright, rough = mean(gray[rows, columns]), mean(edges[rows, columns])
    return np.stack([areas.astype(float), bright, roundness, rough], 1)
