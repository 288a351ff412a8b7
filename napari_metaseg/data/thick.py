"""Procedural tasks of thick specimens: translucent objects that lie over each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_metaseg.data.acquisition import Acquisition, exposed
from napari_metaseg.data.canvas import Canvas, numbered, tidy
from napari_metaseg.data.pictures import Picture, Scene, photograph
from napari_metaseg.data.shapes import ShapeStyle, draw_shape
from napari_metaseg.data.textures import Field, smooth_noise

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ThickStyle:
    """Everything that the images of one task share.

    Attributes
    ----------
    shape : ShapeStyle
        Of the objects.
    fill : float
        Area of all objects in focus, in parts of the field.
    hidden : float
        Part of an object at most that lies behind others.
    align : float
        0: every direction; 1: all long axes parallel.
    level : float
        Standard deviation of the logarithm of brightness.
    height : float
        Exponent of brightness on depth: 0 flat, 1 a cone.
    grain, foci : float
        Strength of texture and of bright spots within objects.
    below : tuple of (float, float)
        Light of objects out of focus, and their blur (px).
    haze : float
        Light that spreads from objects in focus.
    crowd : float
        How unevenly objects are spread; 0: evenly.
    acquisition : Acquisition
        The instrument, but for black and white point.
    """

    shape: ShapeStyle
    fill: float
    hidden: float
    align: float
    level: float
    height: float
    grain: float
    foci: float
    below: tuple[float, float]
    haze: float
    crowd: float
    acquisition: Acquisition


def thick_task(
    rng: np.random.Generator, *, n_images: int, size: int, diameter: float = 24.0
) -> list[Picture]:
    """Draw one task of thick specimens and images of it.

    Parameters
    ----------
    rng, n_images, size, diameter
        As for `procedural.procedural_task`.

    Returns
    -------
    list of Picture
        Gray or coloured; the masks are of objects in focus.
    """
    style = draw_thick(rng, diameter)
    scenes = [_draw(rng, style, size) for _ in range(n_images)]
    exposure = exposed(rng, style.acquisition, scenes[0].light)
    return photograph(rng, scenes, [exposure] * n_images)


def draw_thick(rng: np.random.Generator, diameter: float) -> ThickStyle:
    """Draw a task whose objects have about this diameter (px)."""
    return ThickStyle(
        shape=ShapeStyle(
            family=str(rng.choice(["blob", "ellipse", "ragged"], p=[0.5, 0.35, 0.15])),
            diameter=diameter,
            spread=float(rng.uniform(0.08, 0.3)),
            aspect=float(rng.uniform(1.1, 2.2)),
            roughness=float(rng.uniform(0.02, 0.1)),
        ),
        fill=float(rng.uniform(0.15, 0.85)),
        hidden=float(rng.uniform(0.05, 0.35)),
        align=float(rng.choice([0.0, 0.0, 0.8])),
        level=float(rng.uniform(0.1, 0.6)),
        height=float(rng.uniform(0.1, 0.8)),
        grain=float(rng.uniform(0.03, 0.25)),
        foci=float(rng.choice([0.0, rng.uniform(0.2, 0.8)])),
        below=(
            float(rng.choice([0.0, rng.uniform(0.2, 1.0)], p=[0.2, 0.8])),
            diameter * float(rng.uniform(0.08, 0.4)),
        ),
        haze=float(rng.uniform(0.0, 0.6)),
        crowd=float(rng.uniform(0.0, 1.0)),
        acquisition=Acquisition(
            blur=float(rng.uniform(0.6, 2.0)),
            noise=float(np.exp(rng.uniform(np.log(0.004), np.log(0.06)))),
            vignette=float(rng.choice([0.0, rng.uniform(0.1, 0.4)])),
            gamma=float(np.exp(rng.normal(0, 0.25))),
            invert=bool(rng.random() < 0.25),
        ),
    )


def _draw(rng: np.random.Generator, style: ThickStyle, size: int) -> Scene:
    pad = int(1.6 * style.shape.diameter * style.shape.aspect) + 8
    canvas = Canvas((size, size), pad)
    wanted = int(style.fill * size**2 / (np.pi / 4 * style.shape.diameter**2)) + 2
    light = _in_focus(rng, style, canvas, wanted)
    below = _out_of_focus(rng, style, canvas, int(rng.uniform(0.2, 1.2) * wanted))
    strength, blur = style.below
    light = (
        light
        + strength * ndimage.gaussian_filter(below, blur)
        + style.haze * ndimage.gaussian_filter(light, 0.7 * style.shape.diameter)
    )
    seen = light[pad : pad + size, pad : pad + size].astype(np.float32)
    masks = numbered(tidy(canvas.visible(), 20))
    return Scene(seen, (masks > 0).astype(np.int32), masks)


def _in_focus(
    rng: np.random.Generator, style: ThickStyle, canvas: Canvas, wanted: int
) -> Field:
    """Put objects on the canvas, and return their light."""
    rows, cols = canvas.labels.shape
    light, side = np.zeros((rows, cols), np.float32), canvas.shape[0]
    crowd = style.crowd * smooth_noise(rng, canvas.shape, 1.5 * style.shape.diameter)
    direction, count = rng.uniform(0, np.pi), 0
    for _ in range(8 * wanted):
        if count >= wanted:
            break
        spot = (float(rng.uniform(-8, side + 8)), float(rng.uniform(-8, side + 8)))
        row, col = np.clip(spot, 0, side - 1).astype(int)
        if crowd[row, col] < rng.normal(-0.6, 0.6):
            continue
        turn = rng.uniform(0, np.pi)
        if rng.random() < style.align:
            turn = direction + rng.normal(0, 0.2)
        patch = draw_shape(style.shape, rng, float(turn))
        where = canvas.window(patch, spot)
        allowed = style.hidden * np.count_nonzero(patch)
        if where is None or canvas.hidden(patch, where) > allowed:
            continue
        count += 1
        canvas.put(patch, where, count)
        light[where] += _glow(rng, patch, style)
    grain = smooth_noise(rng, (rows, cols), float(rng.uniform(0.8, 3)))
    foci = np.clip(smooth_noise(rng, (rows, cols), 1.5) - 1.6, 0, 1.2)
    light *= np.maximum(1 + style.grain * grain + style.foci * foci, 0)
    return light


def _out_of_focus(
    rng: np.random.Generator, style: ThickStyle, canvas: Canvas, count: int
) -> Field:
    """Return the light of objects that lie anywhere, and are not on the canvas."""
    light = np.zeros(canvas.labels.shape, np.float32)
    for _ in range(count):
        patch = draw_shape(style.shape, rng, float(rng.uniform(0, np.pi)))
        row, col = rng.uniform(0, canvas.shape[0], 2)
        where = canvas.window(patch, (float(row), float(col)))
        if where is not None:
            light[where] += _glow(rng, patch, style)
    return light


def _glow(
    rng: np.random.Generator, patch: NDArray[np.bool_], style: ThickStyle
) -> Field:
    """Light of one object, brightest in its middle."""
    depth = ndimage.distance_transform_edt(np.pad(patch, 1))[1:-1, 1:-1]
    level = float(np.exp(rng.normal(0, style.level)))
    return np.asarray(level * (depth / depth.max()) ** style.height * patch, np.float32)
