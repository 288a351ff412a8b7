"""Procedural tasks for meta-training: endless, cheap, and all different."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.data.canvas import numbered
from napari_metaseg.data.geometry import Geometry, cut_cores, measure_geometry
from napari_metaseg.data.layouts import arrange
from napari_metaseg.data.looks import strength
from napari_metaseg.data.pictures import Picture, Scene, photograph
from napari_metaseg.data.render import paint
from napari_metaseg.data.styles import TaskStyle, draw_style

if TYPE_CHECKING:
    from napari_metaseg.data.acquisition import Acquisition
    from napari_metaseg.data.canvas import Labels
    from napari_metaseg.data.shapes import ShapeStyle
    from napari_metaseg.data.textures import Field

_WANTED = 3
_TRIES = 4


def procedural_task(
    rng: np.random.Generator, *, n_images: int, size: int, diameter: float = 24.0
) -> list[Picture]:
    """Draw one task and images of it.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of every choice; the same state gives the same task.
    n_images : int
        Number of images; all share one style.
    size : int
        Side of each image, px.
    diameter : float
        Typical diameter of a target object (of a disk of its area), px.

    Returns
    -------
    list of Picture
        Gray or coloured; each target object is connected and no smaller than 12 px².
    """
    style = draw_style(rng, diameter)
    scenes = [_draw_scene(rng, style, size) for _ in range(n_images)]
    if not scenes:
        return []
    exposure = _exposed(rng, style, scenes[0].light)
    return photograph(rng, scenes, (_jittered(rng, exposure) for _ in scenes))


def _draw_scene(rng: np.random.Generator, style: TaskStyle, size: int) -> Scene:
    geometry, cores, masks = _draw_objects(rng, style, size)
    canvas = paint(rng, geometry, cores, style.looks, style.backdrop, style.light)
    materials = 1 + geometry.classes[geometry.labels].astype(np.int32)
    if cores is not None:
        materials[cores > 0] = 3
    return Scene(canvas, materials, masks)


def _draw_objects(
    rng: np.random.Generator, style: TaskStyle, size: int
) -> tuple[Geometry, Labels | None, Labels]:
    """Arrange objects until there are a few targets, the fuller the later."""
    layout, shapes, shares = style.layout, style.shapes, style.shares
    most = -1
    for attempt in range(_TRIES):
        labels, classes = arrange(rng, size, shapes, shares, layout)
        geometry = measure_geometry(labels, classes)
        cores = None
        if style.core:
            cores = cut_cores(rng, geometry, style.core, style.even_core)
        wanted = cores if cores is not None and style.target_core else labels
        masks = numbered(np.where(classes[labels] == 0, wanted, 0))
        found = int(masks.max())
        if found > most:
            best, most = (geometry, cores, masks), found
        if most >= _WANTED:
            break
        layout = replace(layout, fill=min(1.6 * layout.fill, 1.0))
        shares = (0.5 + 0.5 * shares[0], *(0.5 * share for share in shares[1:]))
        if attempt >= 1:
            shapes = tuple(_smaller(shape) for shape in shapes)
    return best


def _smaller(shape: ShapeStyle) -> ShapeStyle:
    return replace(shape, diameter=max(0.75 * shape.diameter, 6.0), spread=0.1)


def _exposed(rng: np.random.Generator, style: TaskStyle, canvas: Field) -> Acquisition:
    """Choose black and white point from a picture; keep noise below the signal."""
    low, high = (float(value) for value in np.percentile(canvas, [0.5, 99.5]))
    span = max(high - low, 0.2)
    low -= span * float(rng.uniform(0.0, 0.25))
    high += span * float(rng.uniform(0.0, 0.3))
    look = style.looks[0]
    signal = abs(look.core) if style.target_core else strength(look)
    limit = 0.5 * signal / (high - low)
    photons = style.acquisition.photons
    return replace(
        style.acquisition,
        low=low,
        high=high,
        noise=min(style.acquisition.noise, limit),
        photons=max(photons, 0.5 / limit**2) if photons else 0.0,
    )


def _jittered(rng: np.random.Generator, acquisition: Acquisition) -> Acquisition:
    """Vary the exposure a little from picture to picture."""
    span = acquisition.high - acquisition.low
    low, high = rng.normal(0, 0.03, 2) * span
    return replace(acquisition, low=acquisition.low + low, high=acquisition.high + high)
