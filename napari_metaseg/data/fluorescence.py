"""A fluorescence scene: stained nuclei under a widefield microscope."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_metaseg.data.canvas import Canvas, Labels, numbered, tidy
from napari_metaseg.data.geometry import Geometry, measure_geometry
from napari_metaseg.data.shapes import ShapeStyle, draw_shape
from napari_metaseg.data.textures import Field, smooth_noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NUCLEUS = ShapeStyle("blob", 33, spread=0.17, aspect=1.35, roughness=0.05)
_OFFSET, _GAIN, _PHOTONS = 110.0, 4.2, 420.0


def draw_fluorescence(
    rng: np.random.Generator, size: tuple[int, int]
) -> tuple[NDArray[np.uint16], Labels]:
    """Draw nuclei of varying brightness, single and in touching groups.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of every choice.
    size : tuple of int
        Rows and columns, px.

    Returns
    -------
    image : ndarray of uint16, shape (rows, columns)
        Camera counts of a 12-bit camera.
    masks : ndarray of int32, shape (rows, columns)
        One id per nucleus.
    """
    masks = _place(rng, size)
    geometry = measure_geometry(masks, np.zeros(int(masks.max()) + 1, dtype=np.int8))
    signal = _nuclei(rng, geometry)
    haze = ndimage.gaussian_filter(signal, 22) * 0.36
    haze += 0.05 * ndimage.gaussian_filter(signal, 6) + _out_of_focus(rng, size)
    floor = 0.03 * (1 + 0.25 * smooth_noise(rng, size, 60))
    light = ndimage.gaussian_filter(signal, 1.1) + haze + floor
    light *= _illumination(size)
    photons = rng.poisson(np.maximum(light, 0) * _PHOTONS)
    counts = photons * _GAIN + _OFFSET + rng.normal(0, 7, size)
    return np.clip(np.round(counts), 0, 4095).astype(np.uint16), masks


def _place(rng: np.random.Generator, size: tuple[int, int]) -> Labels:
    canvas = Canvas(size, 50)
    wanted = max(int(0.29 * size[0] * size[1] / 900), 3)
    spots: list[tuple[float, float]] = []
    density = smooth_noise(rng, size, 0.12 * min(size))
    for _ in range(6 * wanted):
        if len(spots) >= wanted:
            break
        patch = draw_shape(_NUCLEUS, rng, rng.uniform(0, np.pi))
        near = bool(spots) and rng.random() < 0.45
        if near:
            row, col = spots[int(rng.integers(len(spots)))]
            turn, reach = rng.uniform(0, 2 * np.pi), rng.uniform(24, 38)
            spot = (row + reach * np.sin(turn), col + reach * np.cos(turn))
        elif not spots:
            spot = (size[0] / 2, size[1] / 2)
        else:
            spot = (rng.uniform(-8, size[0] + 8), rng.uniform(-8, size[1] + 8))
            inside = np.clip(spot, 0, np.array(size) - 1).astype(int)
            if density[inside[0], inside[1]] < rng.normal(-0.2, 0.7):
                continue
        where = canvas.window(patch, spot)
        allowed = 0.1 * np.count_nonzero(patch) if near else 0
        if where is None or canvas.hidden(patch, where) > allowed:
            continue
        spots.append(spot)
        canvas.put(patch, where, len(spots))
    return numbered(tidy(canvas.visible(), 30))


def _nuclei(rng: np.random.Generator, geometry: Geometry) -> Field:
    labels, count = geometry.labels, len(geometry.classes)
    shape = (labels.shape[0], labels.shape[1])
    level = np.clip(rng.lognormal(-0.75, 0.38, count), 0.16, 1.1)
    condensed = rng.random(count) < 0.05
    level[condensed] = rng.uniform(1.15, 1.5, int(condensed.sum()))
    level[0] = 0
    height = np.minimum(geometry.depth / 6.0, 1.0) ** 0.55
    chromatin = 0.1 * smooth_noise(rng, shape, 1.4) + 0.11 * smooth_noise(rng, shape, 4)
    foci = np.maximum(smooth_noise(rng, shape, 1.6) - 1.9, 0)
    body = height * (1 + chromatin + 0.45 * np.minimum(foci, 1.2))
    body *= 1 - 0.5 * _nucleoli(rng, geometry)
    return np.asarray(level[labels] * np.maximum(body, 0), dtype=np.float32)


def _nucleoli(rng: np.random.Generator, geometry: Geometry) -> Field:
    """Soft dark spots: one to four in each nucleus, away from its edge."""
    labels = geometry.labels
    spots = np.zeros(labels.shape, dtype=np.float32)
    rows, cols = np.nonzero(geometry.depth > 5)
    owner = labels[rows, cols]
    for label in range(1, len(geometry.classes)):
        inside = np.flatnonzero(owner == label)
        if inside.size == 0:
            continue
        for pick in rng.choice(inside, int(rng.integers(1, 5))):
            radius = rng.uniform(1.6, 3.2)
            reach = int(3 * radius)
            top, left = max(rows[pick] - reach, 0), max(cols[pick] - reach, 0)
            view = spots[top : rows[pick] + reach + 1, left : cols[pick] + reach + 1]
            y = np.arange(top, top + view.shape[0])[:, None] - rows[pick]
            x = np.arange(left, left + view.shape[1])[None, :] - cols[pick]
            np.maximum(view, np.exp(-(((x * x + y * y) / radius**2) ** 1.5)), out=view)
    return spots


def _out_of_focus(rng: np.random.Generator, size: tuple[int, int]) -> Field:
    """Nuclei far above or below the focal plane: broad, dim glows."""
    glow = np.zeros(size, dtype=np.float32)
    count = max(int(size[0] * size[1] / 30000), 1)
    rows, cols = rng.integers(size[0], size=count), rng.integers(size[1], size=count)
    np.add.at(glow, (rows, cols), rng.uniform(0.3, 1.0, count).astype(np.float32))
    return np.asarray(ndimage.gaussian_filter(glow, 16) * 110, dtype=np.float32)


def _illumination(size: tuple[int, int]) -> Field:
    y = np.linspace(-1, 1, size[0], dtype=np.float32)[:, None] - np.float32(0.1)
    x = np.linspace(-1, 1, size[1], dtype=np.float32)[None, :] + np.float32(0.15)
    return np.asarray(1 - 0.16 * (x * x + y * y), dtype=np.float32)
