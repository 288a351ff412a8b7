"""A phase-contrast scene: adherent cells, a few rounded up, and debris."""

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

_ADHERENT = ShapeStyle("adherent", 46, spread=0.2, aspect=1.6, bend=0.4)
_ROUND = ShapeStyle("blob", 27, spread=0.08, aspect=1.05, roughness=0.02)


def draw_phase_contrast(
    rng: np.random.Generator, size: tuple[int, int]
) -> tuple[NDArray[np.uint8], Labels]:
    """Draw spread-out cells by their optical thickness.

    Positive phase contrast is, to first order, a background from which the
    optical thickness is subtracted and its local average added: thick parts turn
    dark, and a bright halo appears outside every edge.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of every choice.
    size : tuple of int
        Rows and columns, px.

    Returns
    -------
    image : ndarray of uint8, shape (rows, columns)
    masks : ndarray of int32, shape (rows, columns)
        One id per cell.
    """
    masks, rounded = _place(rng, size)
    geometry = measure_geometry(masks, rounded.astype(np.int8))
    is_round = rounded[masks]
    thickness = np.where(is_round, 0, _spread_cells(rng, geometry)).astype(np.float32)
    balls = np.where(is_round, np.sqrt(np.clip(geometry.relative, 0, 1)), 0)
    phase = thickness + 3.4 * balls + _debris(rng, size)
    phase = ndimage.gaussian_filter(phase, 0.7)
    shade = 0.8 * ndimage.gaussian_filter(phase, 3.5)
    shade += 0.4 * ndimage.gaussian_filter(phase, 12.0)
    picture = 0.48 - 0.5 * (phase - shade)
    # A rounded cell is so thick that its phase wraps: dark rim, bright centre.
    centre = balls**3 * (1 + 0.12 * smooth_noise(rng, size, 2.0))
    picture += 1.45 * ndimage.gaussian_filter(centre, 1.0)
    picture = 0.5 + 0.46 * np.tanh(2.0 * (picture - 0.5))
    picture *= _illumination(rng, size)
    picture += 0.012 * smooth_noise(rng, size, 0.8) + 0.006 * smooth_noise(rng, size, 3)
    return np.clip(np.round(255 * picture), 0, 255).astype(np.uint8), masks


def _place(
    rng: np.random.Generator, size: tuple[int, int]
) -> tuple[Labels, NDArray[np.bool_]]:
    canvas = Canvas(size, 130)
    wanted = max(int(0.56 * size[0] * size[1] / 2600), 3)
    spots: list[tuple[float, float]] = []
    rounded = [False]
    lean = rng.uniform(0, np.pi)
    for _ in range(8 * wanted):
        if len(spots) >= wanted:
            break
        is_round = rng.random() < 0.06
        style = _ROUND if is_round else _ADHERENT
        patch = draw_shape(style, rng, lean + rng.normal(0, 0.7))
        near = bool(spots) and rng.random() < 0.6
        if near:
            row, col = spots[int(rng.integers(len(spots)))]
            turn, reach = rng.uniform(0, 2 * np.pi), rng.uniform(25, 75)
            spot = (row + reach * np.sin(turn), col + reach * np.cos(turn))
        elif not spots:
            spot = (size[0] / 2, size[1] / 2)
        else:
            spot = (rng.uniform(-15, size[0] + 15), rng.uniform(-15, size[1] + 15))
        where = canvas.window(patch, spot)
        allowed = (0.04 if near else 0.0) * np.count_nonzero(patch)
        if where is None or canvas.hidden(patch, where) > allowed:
            continue
        spots.append(spot)
        rounded.append(is_round)
        canvas.put(patch, where, len(spots))
    labels = tidy(canvas.visible(), 60)
    return numbered(labels), np.array(rounded)[np.union1d([0], labels)]


def _spread_cells(rng: np.random.Generator, geometry: Geometry) -> Field:
    """Optical thickness of flat cells: thin hem, thick middle, nucleus, grains."""
    labels, count = geometry.labels, len(geometry.classes)
    shape = (labels.shape[0], labels.shape[1])
    inside = labels > 0
    hem = 0.75 * (1 - np.exp(-geometry.depth / 1.6))
    mound = 0.85 * np.clip(geometry.depth / 13, 0, 1.3) ** 1.2
    coarse = smooth_noise(rng, shape, 2.2)
    fine = smooth_noise(rng, shape, 1.1)
    spots = np.clip(smooth_noise(rng, shape, 1.3) - 1.5, 0, 1.5)
    near_nucleus = np.clip(geometry.depth / 8, 0, 1)
    grains = 0.13 * coarse + 0.1 * fine + 0.9 * spots * near_nucleus
    level = np.clip(rng.normal(1, 0.14, count), 0.7, 1.35)
    body = (hem + mound + grains * (0.35 + 0.65 * near_nucleus)) * level[labels]
    body = body + _nuclei(rng, geometry)
    return np.where(inside, body, 0).astype(np.float32)


def _nuclei(rng: np.random.Generator, geometry: Geometry) -> Field:
    """Oval nuclei: clear inside, a fine dark envelope, one to three nucleoli."""
    labels = geometry.labels
    relief = np.zeros(labels.shape, dtype=np.float32)
    deep = np.where(geometry.relative >= 0.98, labels, 0)
    rows, cols = np.nonzero(deep)
    names, first = np.unique(deep[rows, cols], return_index=True)
    for label, index in zip(names, first, strict=True):
        radius = float(np.clip(0.72 * geometry.deepest[label], 3.5, 9.5))
        reach = int(2.2 * radius)
        top, left = max(rows[index] - reach, 0), max(cols[index] - reach, 0)
        window = np.s_[top : rows[index] + reach + 1, left : cols[index] + reach + 1]
        view = relief[window]
        y = np.arange(top, top + view.shape[0])[:, None] - rows[index]
        x = np.arange(left, left + view.shape[1])[None, :] - cols[index]
        turn, long = rng.uniform(0, np.pi), rng.uniform(1.0, 1.25)
        u = (x * np.cos(turn) + y * np.sin(turn)) / long
        v = (y * np.cos(turn) - x * np.sin(turn)) * long
        away = np.sqrt(u * u + v * v)
        bump = -0.35 / (1 + np.exp((away - radius) * 2))
        bump += 0.4 * np.exp(-(((away - radius) / 1.1) ** 2))
        for _ in range(int(rng.integers(1, 4))):
            dy, dx = rng.normal(0, 0.35 * radius, 2)
            bump += 1.1 * np.exp(-((x - dx) ** 2 + (y - dy) ** 2) / 2.6)
        view += np.where(labels[window] == label, bump, 0)
    return relief


def _debris(rng: np.random.Generator, size: tuple[int, int]) -> Field:
    specks = np.zeros(size, dtype=np.float32)
    for spread, share in ((0.9, 2500), (1.8, 9000)):
        count = max(size[0] * size[1] // share, 1)
        layer = np.zeros(size, dtype=np.float32)
        rows, cols = (
            rng.integers(size[0], size=count),
            rng.integers(size[1], size=count),
        )
        height = rng.uniform(-0.6, 1.4, count).astype(np.float32)
        np.add.at(layer, (rows, cols), height)
        specks += ndimage.gaussian_filter(layer, spread) * np.float32(6 * spread**2)
    return specks


def _illumination(rng: np.random.Generator, size: tuple[int, int]) -> Field:
    y = np.linspace(-1, 1, size[0], dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, size[1], dtype=np.float32)[None, :]
    lean = rng.uniform(-0.13, 0.13, 2)
    even = 1 + lean[0] * y + lean[1] * x - 0.12 * (x * x + y * y)
    return np.asarray(even + 0.015 * smooth_noise(rng, size, 50), dtype=np.float32)
