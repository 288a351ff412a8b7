"""Arranging objects in a field: scattered, clustered, in colonies, or packed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_metaseg.data.canvas import Canvas, Labels, Spot, tidy
from napari_metaseg.data.shapes import ShapeStyle, draw_shape
from napari_metaseg.data.textures import smooth_noise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Layout:
    """How the objects of a field lie to each other.

    Attributes
    ----------
    kind : str
        "scatter", "cluster" (touching groups), "colony" (one or two touching
        groups) or "packed" (a mosaic without free space).
    fill : float
        Wanted fraction of the field that objects cover.
    gap : int
        Least free distance between objects, px; 0 lets them touch.
    align : float
        0: every direction; 1: all long axes parallel.
    overlap : float
        Largest fraction of an object that may lie hidden behind others.
    group : int
        Typical number of objects in a touching group.
    """

    kind: str = "scatter"
    fill: float = 0.3
    gap: int = 1
    align: float = 0.0
    overlap: float = 0.0
    group: int = 4


def arrange(
    rng: np.random.Generator,
    size: int,
    styles: Sequence[ShapeStyle],
    shares: Sequence[float],
    layout: Layout,
) -> tuple[Labels, NDArray[np.int8]]:
    """Fill a square field with objects of one or more classes.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    size : int
        Side of the field, px.
    styles : sequence of ShapeStyle
        Shape of each class.
    shares : sequence of float
        Share of the objects that each class has; they sum to 1.
    layout : Layout
        How the objects lie.

    Returns
    -------
    labels : ndarray of int32, shape (size, size)
        All objects, connected, none below 12 px².
    classes : ndarray of int8, shape (labels.max() + 1,)
        Class index of each id; -1 for the background.
    """
    if layout.kind == "packed":
        labels, classes = _mosaic(rng, size, styles[0].diameter, shares, layout)
    else:
        labels, classes = _strew(rng, size, styles, shares, layout)
    labels = tidy(labels)
    return labels, classes[: int(labels.max()) + 1]


def _strew(
    rng: np.random.Generator,
    size: int,
    styles: Sequence[ShapeStyle],
    shares: Sequence[float],
    layout: Layout,
) -> tuple[Labels, NDArray[np.int8]]:
    widest = max(style.diameter for style in styles)
    pad = int(1.6 * widest) + 4
    canvas = Canvas((size, size), pad, layout.gap)
    wanted = layout.fill * size * size
    mean_area = sum(
        share * np.pi / 4 * style.diameter**2
        for style, share in zip(styles, shares, strict=True)
    )
    count = int(np.clip(wanted * (1 + widest / size) ** 2 / mean_area, 4, 400))
    direction = rng.uniform(0, np.pi)
    classes = [-1]
    anchors: list[Spot] = []
    used = 0
    for _ in range(2 * count):
        if len(classes) > count:
            break
        index = int(rng.choice(len(styles), p=shares))
        turn = rng.uniform(0, np.pi)
        if rng.random() < layout.align:
            turn = direction + rng.normal(0, 0.12)
        patch = draw_shape(styles[index], rng, turn)
        spot = _free_spot(rng, canvas, patch, layout, anchors, size)
        if spot is None:
            continue
        where = canvas.window(patch, spot)
        if where is None:
            continue
        canvas.put(patch, where, len(classes))
        classes.append(index)
        anchors.append(spot)
        used += 1
    return canvas.visible(), np.array(classes, dtype=np.int8)


def _free_spot(
    rng: np.random.Generator,
    canvas: Canvas,
    patch: NDArray[np.bool_],
    layout: Layout,
    anchors: list[Spot],
    size: int,
) -> Spot | None:
    reach = max(patch.shape) / 2
    allowed = layout.overlap * np.count_nonzero(patch)
    start_group = rng.random() < 1 / layout.group
    if layout.kind == "colony":
        start_group = len(anchors) < 1 or (len(anchors) == 5 and rng.random() < 0.5)
    if layout.kind != "scatter" and anchors and not start_group:
        recent = anchors if layout.kind == "colony" else anchors[-layout.group :]
        goal = recent[int(rng.integers(len(recent)))]
        return _slide(rng, canvas, patch, goal, allowed, reach)
    for _ in range(8):
        low, high = -0.4 * reach, size + 0.4 * reach
        if layout.kind == "colony":
            low, high = 0.25 * size, 0.75 * size
        spot = (float(rng.uniform(low, high)), float(rng.uniform(low, high)))
        where = canvas.window(patch, spot)
        if where is not None and canvas.hidden(patch, where) <= allowed:
            return spot
    return None


def _slide(
    rng: np.random.Generator,
    canvas: Canvas,
    patch: NDArray[np.bool_],
    goal: Spot,
    allowed: float,
    reach: float,
) -> Spot | None:
    """Move `patch` out from `goal` along a ray until it fits."""
    turn = rng.uniform(0, 2 * np.pi)
    step = (np.sin(turn), np.cos(turn))
    for distance in np.arange(0.5 * min(patch.shape), 6 * reach + 20, 1.5):
        spot = (goal[0] + step[0] * distance, goal[1] + step[1] * distance)
        where = canvas.window(patch, spot)
        if where is None:
            return None
        if canvas.hidden(patch, where) <= allowed:
            return spot
    return None


def _mosaic(
    rng: np.random.Generator,
    size: int,
    diameter: float,
    shares: Sequence[float],
    layout: Layout,
) -> tuple[Labels, NDArray[np.int8]]:
    pitch = 0.886 * diameter
    stretch = float(np.exp(rng.uniform(0, 0.5))) if layout.align else 1.0
    pitch_row, pitch_col = pitch / stretch, pitch * stretch
    if rng.random() < 0.5:
        pitch_row, pitch_col = pitch_col, pitch_row
    pad = int(diameter)
    side = size + 2 * pad
    rows, cols = np.meshgrid(
        np.arange(0, side, pitch_row), np.arange(0, side, pitch_col), indexing="ij"
    )
    cols = cols + (np.arange(len(cols)) % 2)[:, None] * pitch_col / 2
    jitter = rng.uniform(0.12, 0.42)
    rows = rows + rng.uniform(-jitter, jitter, rows.shape) * pitch_row
    cols = cols + rng.uniform(-jitter, jitter, cols.shape) * pitch_col
    seeds = np.zeros((side, side), dtype=np.int32)
    count = rows.size
    seeds[
        np.clip(rows, 0, side - 1).astype(int).ravel(),
        np.clip(cols, 0, side - 1).astype(int).ravel(),
    ] = np.arange(1, count + 1)
    nearest = ndimage.distance_transform_edt(
        seeds == 0, return_distances=False, return_indices=True
    )
    tiles = seeds[nearest[0], nearest[1]]
    labels = _warped(rng, tiles, size, pad, 0.09 * diameter)
    classes = rng.choice(len(shares), count + 1, p=shares).astype(np.int8)
    classes[0] = -1
    if layout.gap:
        wide = 2 * layout.gap - 1
        edge = ndimage.maximum_filter(labels, wide + 1) != ndimage.minimum_filter(
            labels, wide + 1
        )
        labels[edge] = 0
    if layout.fill < 0.7:
        region = smooth_noise(rng, (size, size), 1.2 * diameter)
        outside = np.unique(labels[region > np.quantile(region, layout.fill + 0.15)])
        labels[np.isin(labels, outside)] = 0
    return labels, classes


def _warped(
    rng: np.random.Generator, tiles: Labels, size: int, pad: int, amount: float
) -> Labels:
    """Look `tiles` up along smoothly displaced coordinates."""
    grid = np.arange(pad, pad + size, dtype=np.float32)
    scale = float(rng.uniform(3, 8))
    shift_rows = smooth_noise(rng, (size, size), scale) * np.float32(amount)
    shift_cols = smooth_noise(rng, (size, size), scale) * np.float32(amount)
    last = len(tiles) - 1
    rows = np.clip(grid[:, None] + shift_rows, 0, last).astype(np.intp)
    cols = np.clip(grid[None, :] + shift_cols, 0, last).astype(np.intp)
    return tiles[rows, cols]
