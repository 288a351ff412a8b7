"""Distances within objects, and the inner parts cut by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_metaseg.data.canvas import Labels, tidy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_metaseg.data.textures import Field


@dataclass(frozen=True, slots=True)
class Geometry:
    """Objects and their distances, as fields of shape (rows, columns).

    `labels` are the objects, `classes` the class of each id, `depth` the distance
    to the object's edge (px, at least 1 inside), `deepest` the largest depth of
    each id, `relative` the depth as a fraction of it.
    """

    labels: Labels
    classes: NDArray[np.int8]
    depth: Field
    relative: Field
    deepest: Field


def measure_geometry(labels: Labels, classes: NDArray[np.int8]) -> Geometry:
    """Compute the distances inside every object of `labels` (rows, columns)."""
    inside = labels > 0
    inner = inside.copy()
    for axis in (0, 1):
        here = np.moveaxis(labels, axis, 0)
        keep = np.moveaxis(inner, axis, 0)
        keep[1:] &= (here[1:] == here[:-1]) | (here[:-1] == 0)
    if inner.all():
        inner[0, 0] = False
    distance = ndimage.distance_transform_edt(inner)
    depth = np.where(inside, np.maximum(distance, 1), 0).astype(np.float32)
    deepest = np.ones(len(classes), dtype=np.float32)
    np.maximum.at(deepest, labels.ravel(), depth.ravel())
    deepest[0] = 1
    relative = (depth / deepest[labels]).astype(np.float32)
    return Geometry(labels, classes, depth, relative, deepest)


def cut_cores(
    rng: np.random.Generator, geometry: Geometry, fraction: float, even: bool
) -> Labels:
    """Inner part of every object: a lumen or a nucleus.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the individual variation.
    geometry : Geometry
        The whole objects.
    fraction : float
        Size of the part: its diameter over the object's, roughly.
    even : bool
        True: the part keeps an even distance to the edge (lumen in a sheath).
        False: a rounder part around the deepest point (nucleus in a cell).

    Returns
    -------
    ndarray of int32, shape (rows, columns)
        Ids as in `geometry.labels`; connected, crumbs dropped.
    """
    count = len(geometry.classes)
    size = np.clip(fraction * np.exp(rng.normal(0, 0.12, count)), 0.25, 0.88)
    size = size.astype(np.float32)
    if even:
        return tidy(
            np.where(geometry.relative > 1 - size[geometry.labels], 1, 0)
            * geometry.labels
        )
    flat = np.where(geometry.relative.ravel() >= 0.97)[0]
    width = geometry.labels.shape[1]
    centre = np.zeros((count, 2), dtype=np.float32)
    centre[geometry.labels.ravel()[flat]] = np.stack([flat // width, flat % width], 1)
    wobble = rng.normal(0, 0.12, (count, 2)) * geometry.deepest[:, None]
    centre += wobble.astype(np.float32)
    rows, cols = np.indices(geometry.labels.shape, dtype=np.float32)
    away_rows = rows - centre[geometry.labels, 0]
    away_cols = cols - centre[geometry.labels, 1]
    turn = rng.uniform(0, np.pi, count).astype(np.float32)[geometry.labels]
    u = away_cols * np.cos(turn) + away_rows * np.sin(turn)
    v = away_rows * np.cos(turn) - away_cols * np.sin(turn)
    radius = (geometry.deepest * size * np.float32(1.15))[geometry.labels]
    inside = (u / 1.15) ** 2 + (v * 1.15) ** 2 <= radius**2
    inside &= geometry.depth > 1
    return tidy(np.where(inside, geometry.labels, 0))
