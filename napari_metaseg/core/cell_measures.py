"""Simple measurements of cells, and how they compare with the others of the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage as ndi
from scipy.stats import rankdata

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEASURES = ("size", "brightness", "roundness", "texture")
"""First columns of `measure_cells`, by which classes are made to train and to test."""

ALL_MEASURES = (
    *MEASURES,
    "contrast",
    "compactness",
    "core",
    "surroundings",
    "first channel",
    "last channel",
)
"""Columns of `measure_cells`."""


def measure_cells(
    image: NDArray[np.generic], labels: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Measure the cells of a plane.

    Parameters
    ----------
    image : (C, Y, X) array
        Any real type.
    labels : (Y, X) array of int
        Positive numbers name cells.

    Returns
    -------
    (N, 10) array of float
        A row for each cell, in ascending order of their numbers; of the image, the mean
        of its channels. Size: the area (px). Brightness: the mean. Roundness: the minor
        over the major axis of the ellipse with the same second moments. Texture: the
        mean magnitude of the gradient. Contrast: the standard deviation. Compactness:
        the area over that of a disk with as many pixels on its border. Core: how much
        brighter it is where it is deepest. Surroundings: the mean of the ground next to
        it, less its own. First and last channel: how far they stand out.
    """
    if not (labels > 0).any():
        return np.zeros((0, len(ALL_MEASURES)))
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
    own = gray[rows, columns]
    bright, rough = mean(own), mean(edges[rows, columns])
    contrast = np.sqrt(np.maximum(mean(own**2) - bright**2, 0))
    depth, rim = _depths(labels)
    compact = 4 * np.pi * areas / np.maximum(mean(rim[rows, columns]) * areas, 1) ** 2
    deep = depth[rows, columns]
    core = mean(own * (deep - mean(deep)[which]))
    near = _ground_near(gray, labels, np.sqrt(np.median(areas) / np.pi) / 3)
    around = np.where(np.isnan(near), 0, near - bright)
    colours = [
        _beyond_rounding(mean(image[c].astype(np.float64)[rows, columns]), bright)
        for c in (0, -1)
    ]
    first = (areas.astype(float), bright, roundness, rough)
    return np.stack([*first, contrast, compact, core, around, *colours], 1)


def standardise(measures: NDArray[np.float64]) -> NDArray[np.float32]:
    """Rank cells among those of their image, by each measurement.

    Ranks do not depend on units, on the display, or on a few odd cells.

    Parameters
    ----------
    measures : (N, M) array of float
        What `measure_cells` returned, of all planes together.

    Returns
    -------
    (N, M) array of float32
        Evenly spread around 0 with variance 1; 0 where all are equal.
    """
    ranks = (rankdata(measures, axis=0) - 0.5) / max(len(measures), 1)
    return np.asarray(np.sqrt(3) * (2 * ranks - 1), np.float32)


def _beyond_rounding(
    one: NDArray[np.float64], other: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return a difference, 0 where it is none but rounding."""
    differ = np.abs(one - other) > 1e-9 * np.abs(other).max(initial=0)
    return np.where(differ, one - other, 0)


def _depths(
    labels: NDArray[np.integer],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return how far each pixel is from the rim of its cell (px), and the rims."""
    padded = np.pad(labels, 1)
    inner = np.ones(labels.shape, bool)
    for axis in (0, 1):
        for shift in (-1, 1):
            inner &= np.roll(padded, shift, axis)[1:-1, 1:-1] == labels
    inside = labels > 0
    return ndi.distance_transform_edt(inner & inside), inside & ~inner


def _ground_near(
    gray: NDArray[np.float64], labels: NDArray[np.integer], reach: float
) -> NDArray[np.float64]:
    """Return the mean of the ground next to each cell; NaN where there is none."""
    away, (y, x) = ndi.distance_transform_edt(labels <= 0, return_indices=True)
    near = (away > 0) & (away <= max(reach, 1.5))
    nearest = labels[y[near], x[near]]
    numbers = np.unique(labels[labels > 0])
    which = np.searchsorted(numbers, nearest)
    counts = np.bincount(which, minlength=len(numbers))
    sums = np.bincount(which, gray[near], len(numbers))
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
