"""Colours of a procedural task: dyes that materials take up, or that shine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_metaseg.data.textures import Field, smooth_noise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_metaseg.data.canvas import Labels

MATERIALS = 5
"""Materials at most that a task has."""

COLOURED = 0.25
"""Share of tasks in colours."""


@dataclass(frozen=True, slots=True)
class Stain:
    """How the materials of a task are coloured.

    Attributes
    ----------
    colours : (MATERIALS, 3) array of float32
        What each material takes of red, green and blue; at most 1.
    density : float
        Optical density of what is darkest; 0 where materials shine by themselves.
    wander : float
        How far colours vary within an image.
    noise : float
        Standard deviation of the noise of each colour.
    """

    colours: NDArray[np.float32]
    density: float
    wander: float
    noise: float


def perhaps_stained(
    rng: np.random.Generator, pictures: Sequence[Field], materials: Sequence[Labels]
) -> list[NDArray[np.float32]]:
    """Colour the pictures of a task, alike, or leave them as they are.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    pictures : sequence of (Y, X) array of float32
        Pictures of one task, in [0, 1].
    materials : sequence of (Y, X) array of int32
        Material of each of their pixels, below `MATERIALS`.

    Returns
    -------
    list of (Y, X) or (Y, X, 3) array of float32
        In [0, 1].
    """
    if rng.random() >= COLOURED:
        return list(pictures)
    style = draw_stain(rng)
    return [
        stain(rng, style, picture, material)
        for picture, material in zip(pictures, materials, strict=True)
    ]


def draw_stain(rng: np.random.Generator) -> Stain:
    """Draw dyes, and how much of each the materials hold."""
    dyes = rng.uniform(0.05, 1, (3, 3))
    dyes /= dyes.max(1, keepdims=True)
    held = rng.dirichlet(np.full(3, float(rng.choice([0.4, 2.0]))), MATERIALS)
    colours = held @ dyes
    return Stain(
        colours=(colours / colours.max(1, keepdims=True)).astype(np.float32),
        density=float(rng.choice([0.0, rng.uniform(0.7, 2.2)], p=[0.25, 0.75])),
        wander=float(rng.uniform(0, 0.12)),
        noise=float(rng.uniform(0.0, 0.04)),
    )


def stain(
    rng: np.random.Generator, style: Stain, gray: Field, materials: Labels
) -> NDArray[np.float32]:
    """Colour a picture.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    style : Stain
        Colours of the task.
    gray : (Y, X) array of float32
        The picture, in [0, 1].
    materials : (Y, X) array of int
        Material of each pixel, below `MATERIALS`.

    Returns
    -------
    (Y, X, 3) array of float32
        In [0, 1].
    """
    colours = ndimage.gaussian_filter(style.colours[materials], (0.8, 0.8, 0))
    shape = (gray.shape[0], gray.shape[1])
    drift = np.stack([smooth_noise(rng, shape, 12.0) for _ in range(3)], -1)
    colours = np.clip(colours + style.wander * drift, 0.02, 1.2)
    if style.density:
        picture = np.exp(-style.density * (1 - gray[..., None]) * colours)
    else:
        picture = gray[..., None] * colours
    picture = picture + style.noise * rng.standard_normal(picture.shape)
    return np.asarray(np.clip(picture, 0, 1), np.float32)
