"""Tissue scenes: haematoxylin and eosin, glands in fibrous stroma."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage, special

from napari_metaseg.data.canvas import Canvas, Labels, numbered, tidy
from napari_metaseg.data.geometry import Geometry, measure_geometry
from napari_metaseg.data.shapes import ShapeStyle, draw_shape
from napari_metaseg.data.textures import Field, smooth_noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EPITHELIAL = ShapeStyle("blob", 21, spread=0.13, aspect=1.3, roughness=0.05)
_STROMAL = ShapeStyle("ellipse", 15, spread=0.2, aspect=3.0)
_IMMUNE = ShapeStyle("blob", 12.5, spread=0.08, aspect=1.05, roughness=0.03)
# Optical density in R, G, B of one unit of each dye: between the values of Ruifrok &
# Johnston 2001 (scanner without colour correction) and Macenko et al. 2009 (slides).
_HAEMATOXYLIN = np.array([0.62, 0.71, 0.34], dtype=np.float32)
_EOSIN = np.array([0.10, 0.93, 0.36], dtype=np.float32)
EPITHELIAL, STROMAL, IMMUNE = 0, 1, 2
"""Kinds of nuclei."""


@dataclass(frozen=True, slots=True)
class Staining:
    """How strongly a slide is stained, and in what colours.

    Attributes
    ----------
    haematoxylin, eosin : (3,) array of float32
        Optical density of one unit of each dye in red, green and blue.
    nuclei, ground, pink : float
        How much haematoxylin nuclei take and the ground takes, and how much eosin, in
        parts of the usual.
    blur : float
        Of the picture, px.
    noise : float
        Standard deviation of the noise, of 255.
    """

    haematoxylin: NDArray[np.float32] = field(default_factory=_HAEMATOXYLIN.copy)
    eosin: NDArray[np.float32] = field(default_factory=_EOSIN.copy)
    nuclei: float = 1.0
    ground: float = 1.0
    pink: float = 1.0
    blur: float = 0.5
    noise: float = 2.0


def draw_tissue(
    rng: np.random.Generator, size: tuple[int, int]
) -> tuple[NDArray[np.uint8], Labels]:
    """Draw purple nuclei of glands and stroma in pink tissue.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of every choice.
    size : tuple of int
        Rows and columns, px.

    Returns
    -------
    image : ndarray of uint8, shape (rows, columns, 3)
        RGB.
    masks : ndarray of int32, shape (rows, columns)
        One id per nucleus.
    """
    image, masks, _ = stain_tissue(rng, size, Staining())
    return image, masks


def stain_tissue(
    rng: np.random.Generator, size: tuple[int, int], staining: Staining
) -> tuple[NDArray[np.uint8], Labels, NDArray[np.int8]]:
    """Draw nuclei of glands and stroma in tissue that is stained in a given way.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of every choice.
    size : tuple of int
        Rows and columns, px.
    staining : Staining
        The slide.

    Returns
    -------
    image : ndarray of uint8, shape (rows, columns, 3)
        RGB.
    masks : ndarray of int32, shape (rows, columns)
        One id per nucleus.
    kinds : ndarray of int8, shape (masks.max() + 1,)
        Kind of each nucleus; -1 for 0.
    """
    scale = min(70.0, 0.2 * min(size))
    gland = smooth_noise(rng, size, scale) + 0.12 * smooth_noise(rng, size, 9)
    flow = smooth_noise(rng, size, 55) * 55
    masks, classes = _place(rng, size, gland, flow)
    geometry = measure_geometry(masks, classes)
    blue, pink = _stroma(rng, flow)
    inside = _step(gland, 0.35, 0.06)
    lumen = _step(gland, 1.75, 0.03)
    cell_blue, cell_pink = _cytoplasm(rng, geometry)
    blue += inside * (cell_blue - blue)
    pink += inside * (cell_pink - pink)
    empty = np.maximum(lumen, _step(_clefts(rng, flow), 1.55, 0.12) * (1 - inside))
    blue, pink = blue * (1 - empty), pink * (1 - empty)
    nuclear = _nuclei(rng, geometry)
    covered = ndimage.gaussian_filter((masks > 0).astype(np.float32), 0.6)
    blue = staining.ground * blue * (1 - covered)
    blue += staining.nuclei * ndimage.gaussian_filter(nuclear, 0.6)
    pink = staining.pink * pink * (1 - 0.55 * covered)
    density = blue[..., None] * staining.haematoxylin + pink[..., None] * staining.eosin
    picture = 243 * np.exp(-np.maximum(density, 0))
    picture += rng.normal(0, staining.noise, density.shape)
    picture = ndimage.gaussian_filter(picture, (staining.blur, staining.blur, 0))
    return np.clip(np.round(picture), 0, 255).astype(np.uint8), masks, classes


def _step(field: Field, level: float, soft: float) -> Field:
    return np.asarray(special.expit((field - level) / soft), dtype=np.float32)


def _place(
    rng: np.random.Generator, size: tuple[int, int], gland: Field, flow: Field
) -> tuple[Labels, NDArray[np.int8]]:
    canvas = Canvas(size, 40)
    slope_row, slope_col = np.gradient(flow)
    along = np.arctan2(slope_row, slope_col) + np.pi / 2
    gland_row, gland_col = np.gradient(ndimage.gaussian_filter(gland, 6))
    inward = np.arctan2(gland_row, gland_col)
    classes = [-1]
    crowd = smooth_noise(rng, size, 30)
    for _ in range(size[0] * size[1] // 75):
        row, col = rng.uniform(0, size[0] - 1), rng.uniform(0, size[1] - 1)
        at = (int(row), int(col))
        if gland[at] > 1.6:
            continue
        if gland[at] > 0.45:
            style, turn, kind, slack = _EPITHELIAL, inward[at], 0, 0.07
        elif gland[at] > 0.3:
            continue
        elif crowd[at] > 1.0 and rng.random() < 0.5:
            style, turn, kind, slack = _IMMUNE, 0.0, 2, 0.05
        elif rng.random() < 0.055:
            style, turn, kind, slack = _STROMAL, along[at], 1, 0.0
        else:
            continue
        patch = draw_shape(style, rng, float(turn + rng.normal(0, 0.22)))
        where = canvas.window(patch, (row, col))
        if where is None:
            continue
        if canvas.hidden(patch, where) > slack * np.count_nonzero(patch):
            continue
        canvas.put(patch, where, len(classes))
        classes.append(kind)
    labels = tidy(canvas.visible(), 20)
    kinds = np.array(classes, dtype=np.int8)[np.union1d([0], labels)]
    return numbered(labels), kinds


def _stroma(rng: np.random.Generator, flow: Field) -> tuple[Field, Field]:
    """Haematoxylin and eosin of wavy collagen bundles that follow `flow`."""
    shape = (flow.shape[0], flow.shape[1])
    wave = flow + 4.5 * smooth_noise(rng, shape, 9) + 1.6 * smooth_noise(rng, shape, 3)
    show = 0.5 + 0.35 * smooth_noise(rng, shape, 16)
    other = 0.5 + 0.35 * smooth_noise(rng, shape, 12)
    bundles = show * np.sin(0.42 * wave) + other * np.sin(1.1 * wave + 1.0)
    bundles += 0.35 * smooth_noise(rng, shape, 2.2)
    patchy = smooth_noise(rng, shape, 35)
    fine = smooth_noise(rng, shape, 1.2)
    pink = 0.46 + 0.11 * bundles + 0.07 * patchy + 0.03 * fine
    blue = 0.09 + 0.02 * bundles + 0.015 * fine
    return np.asarray(blue, np.float32), np.maximum(pink, 0.05).astype(np.float32)


def _clefts(rng: np.random.Generator, flow: Field) -> Field:
    """Field whose peaks are the empty slits between collagen bundles."""
    shape = (flow.shape[0], flow.shape[1])
    wave = 0.28 * flow + 0.8 * smooth_noise(rng, shape, 9)
    return np.asarray(np.sin(wave) + 0.6 * smooth_noise(rng, shape, 14), np.float32)


def _cytoplasm(rng: np.random.Generator, geometry: Geometry) -> tuple[Field, Field]:
    """Haematoxylin and eosin of gland cells, with faint borders between them."""
    shape = (geometry.labels.shape[0], geometry.labels.shape[1])
    distance, nearest = ndimage.distance_transform_edt(
        geometry.labels == 0, return_indices=True
    )
    owner = geometry.labels[nearest[0], nearest[1]]
    edge = np.zeros(shape, dtype=np.float32)
    edge[1:] += owner[1:] != owner[:-1]
    edge[:, 1:] += owner[:, 1:] != owner[:, :-1]
    border = ndimage.gaussian_filter(np.minimum(edge, 1) * (distance > 1.5), 0.9)
    foam = smooth_noise(rng, shape, 2.0)
    level = rng.normal(0, 0.035, len(geometry.classes))[owner]
    pink = 0.36 + level + 0.035 * foam + 0.3 * border
    blue = 0.2 + 0.6 * level + 0.03 * foam + 0.06 * border
    return np.asarray(blue, np.float32), np.asarray(pink, np.float32)


def _nuclei(rng: np.random.Generator, geometry: Geometry) -> Field:
    """Haematoxylin in nuclei: vesicular in glands, dense in stroma and immune."""
    labels, count = geometry.labels, len(geometry.classes)
    shape = (labels.shape[0], labels.shape[1])
    dense = np.where(geometry.classes == 0, 0.0, 1.0)
    level = np.where(dense > 0, 1.35, 0.92) * np.clip(
        rng.normal(1, 0.2, count), 0.6, 1.5
    )
    chromatin = 0.16 * smooth_noise(rng, shape, 1.1) + 0.1 * smooth_noise(
        rng, shape, 2.5
    )
    clumps = np.clip(smooth_noise(rng, shape, 1.5) - 1.6, 0, 1.2)
    envelope = np.exp(-(((geometry.depth - 1.2) / 1.2) ** 2))
    body = 0.92 + chromatin + 0.6 * clumps
    body = body + 0.3 * envelope * (1 - 0.6 * dense[labels])
    return np.where(labels > 0, level[labels] * body, 0).astype(np.float32)
