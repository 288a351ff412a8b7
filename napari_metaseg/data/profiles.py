"""Profiles of very different sizes that fill a section, and what lies within them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_metaseg.data.canvas import MIN_AREA, Labels, tidy
from napari_metaseg.data.textures import Field, smooth_noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

PLAIN, SHEATHED, GROUND = 0, 1, 2
"""Kinds of profiles; those of the ground are filled like it and belong to nothing."""

_ROUNDS, _THROWN, _MOST = 40, 40, 900
_SMALLER = 0.7


@dataclass(frozen=True, slots=True)
class Mosaic:
    """How profiles fill a section.

    Attributes
    ----------
    diameters : tuple of float
        Typical diameter of each kind, px.
    spread : float
        Standard deviation of the logarithm of the diameters.
    shares : tuple of float
        Share of the area of each kind; they sum to 1.
    aspect : float
        Largest ratio of a profile's axes.
    align : float
        0: every direction; 1: all long axes parallel.
    reach : float
        How far a profile grows beyond its own ellipse where nothing is in its way: near
        1 profiles lie apart, from 1.6 on they fill everything.
    gap : int
        Width of what lies between touching profiles, px.
    warp : float
        How wavy outlines are, in parts of the plain diameter.
    """

    diameters: tuple[float, float, float]
    spread: float
    shares: tuple[float, float, float]
    aspect: float
    align: float
    reach: float
    gap: int
    warp: float


def fill_section(
    rng: np.random.Generator, size: int, mosaic: Mosaic
) -> tuple[Labels, NDArray[np.int8]]:
    """Fill a square section with profiles, large ones first.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    size : int
        Side, px.
    mosaic : Mosaic
        How.

    Returns
    -------
    labels : ndarray of int32, shape (size, size)
        Profiles, connected; 0 between them.
    kinds : ndarray of int8, shape (labels.max() + 1,)
        Kind of each id; -1 for 0.
    """
    pad = int(max(mosaic.diameters) / 2) + 8
    side = size + 2 * pad
    nearest = np.full((side, side), mosaic.reach**2, np.float32)
    labels = np.zeros((side, side), np.int32)
    direction = rng.uniform(0, np.pi)
    centres, kinds = _place(rng, side, mosaic)
    for number, (row, col, radius) in enumerate(centres, start=1):
        stretch = np.sqrt(rng.uniform(1, mosaic.aspect))
        turn = rng.uniform(0, np.pi)
        if rng.random() < mosaic.align:
            turn = direction + rng.normal(0, 0.15)
        reach = int(np.ceil(radius * stretch * mosaic.reach)) + 1
        rows = slice(max(int(row) - reach, 0), min(int(row) + reach + 1, side))
        cols = slice(max(int(col) - reach, 0), min(int(col) + reach + 1, side))
        y = np.arange(rows.start, rows.stop)[:, None] - row
        x = np.arange(cols.start, cols.stop)[None, :] - col
        along = (np.cos(turn) * x + np.sin(turn) * y) / (radius * stretch)
        across = (np.cos(turn) * y - np.sin(turn) * x) / (radius / stretch)
        apart = (along**2 + across**2).astype(np.float32)
        closer = apart < nearest[rows, cols]
        nearest[rows, cols][closer] = apart[closer]
        labels[rows, cols][closer] = number
    labels = _wavy(rng, labels, pad, size, mosaic)
    if mosaic.gap:
        wide = mosaic.gap + 1
        edge = ndimage.maximum_filter(labels, wide) != ndimage.minimum_filter(
            labels, wide
        )
        labels = np.where(edge, 0, labels)
    labels = tidy(labels, max(MIN_AREA, int(0.07 * mosaic.diameters[PLAIN] ** 2)))
    return labels, kinds[: int(labels.max()) + 1]


def _place(
    rng: np.random.Generator, side: int, mosaic: Mosaic
) -> tuple[list[tuple[float, float, float]], NDArray[np.int8]]:
    """Throw disks (row, column, radius) that hardly overlap, large kinds first."""
    free = np.ones((side, side), bool)
    disks: list[tuple[float, float, float]] = []
    kinds = [-1]
    for kind in np.argsort(mosaic.diameters)[::-1]:
        left = mosaic.shares[kind] * side * side
        for _ in range(_ROUNDS):
            spots = np.argwhere(free)
            if left <= 0 or len(disks) > _MOST or not len(spots):
                break
            for row, col in spots[rng.permutation(len(spots))[:_THROWN]]:
                if left <= 0 or not free[row, col]:
                    continue
                spread = np.exp(rng.normal(0, mosaic.spread))
                radius = max(mosaic.diameters[kind] / 2 * spread, 2.5)
                radius = _fitting(
                    free, row, col, min(radius, max(mosaic.diameters) / 2)
                )
                if radius:
                    left -= np.pi * radius**2
                    disks.append((float(row), float(col), float(radius)))
                    kinds.append(int(kind))
    return disks, np.array(kinds, np.int8)


def _fitting(free: NDArray[np.bool_], row: int, col: int, radius: float) -> float:
    """Occupy a disk that is free but for its rim; its radius, or 0 if none fits."""
    box = _box(row, col, radius, len(free))
    for tried in (radius, _SMALLER * radius):
        if free[box][_disk(box, row, col, 0.8 * tried)].all():
            free[box] &= ~_disk(box, row, col, tried)
            return tried
    return 0.0


def _box(row: int, col: int, radius: float, side: int) -> tuple[slice, slice]:
    reach = int(np.ceil(radius)) + 1
    return (
        slice(max(int(row) - reach, 0), min(int(row) + reach + 1, side)),
        slice(max(int(col) - reach, 0), min(int(col) + reach + 1, side)),
    )


def _disk(
    box: tuple[slice, slice], row: float, col: float, radius: float
) -> NDArray[np.bool_]:
    y = np.arange(box[0].start, box[0].stop)[:, None] - row
    x = np.arange(box[1].start, box[1].stop)[None, :] - col
    return np.asarray(y * y + x * x <= radius * radius)


def _wavy(
    rng: np.random.Generator, labels: Labels, pad: int, size: int, mosaic: Mosaic
) -> Labels:
    """Look labels up along displaced coordinates, coarse and fine."""
    grid = np.arange(pad, pad + size, dtype=np.float32)
    amount = mosaic.warp * mosaic.diameters[PLAIN]
    coarse, fine = (scale * mosaic.diameters[PLAIN] for scale in (0.5, 0.15))

    def shift() -> Field:
        field = amount * smooth_noise(rng, (size, size), max(coarse, 3.0))
        return field + 0.25 * amount * smooth_noise(rng, (size, size), max(fine, 1.5))

    last = len(labels) - 1
    rows = np.clip(np.rint(grid[:, None] + shift()), 0, last).astype(np.intp)
    cols = np.clip(np.rint(grid[None, :] + shift()), 0, last).astype(np.intp)
    return np.asarray(labels[rows, cols], np.int32)
