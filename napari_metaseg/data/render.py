"""Painting a label field: background, bodies, rims, halos, textures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_metaseg.data.textures import Field, smooth_noise, texture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_metaseg.data.canvas import Labels
    from napari_metaseg.data.geometry import Geometry


@dataclass(frozen=True, slots=True)
class Look:
    """How the objects of one class look; amplitudes are signed, background 0.

    Attributes
    ----------
    body, body_spread : float
        Brightness of the body, and its relative spread between objects.
    dome : float
        0: flat body; 1: brightness rises from the edge to the middle.
    opacity : float
        How much of the background's texture the object hides, 0 to 1.
    rim, rim_width : float
        Brightness of a rim on the inside of the edge, and its width, px.
    patchy_rim : float
        0: even rim; 1: rim that comes and goes along the edge.
    halo, halo_width : float
        Brightness of a glow outside the edge, and its width, px.
    grain, grain_kind, grain_scale
        Amplitude, kind (`textures.KINDS`) and size (px) of the body's texture.
    relief : float
        Amplitude of a shading as by light from one side (DIC).
    core, core_spread : float
        Brightness of an inner part, relative to the body, and its spread.
    core_grain : float
        Amplitude of the inner part's own fine texture.
    tilt : float
        Amplitude of a brightness ramp across each object.
    defocus : float
        Extra blur of this class, px.
    """

    body: float = 0.4
    body_spread: float = 0.1
    dome: float = 0.0
    opacity: float = 1.0
    rim: float = 0.0
    rim_width: float = 1.5
    patchy_rim: float = 0.0
    halo: float = 0.0
    halo_width: float = 2.5
    grain: float = 0.0
    grain_kind: str = "granular"
    grain_scale: float = 1.5
    relief: float = 0.0
    core: float = 0.0
    core_spread: float = 0.1
    core_grain: float = 0.0
    tilt: float = 0.0
    defocus: float = 0.0


@dataclass(frozen=True, slots=True)
class Backdrop:
    """What lies behind the objects: two textures, a ramp, and their sizes."""

    kind: str = "cloud"
    amount: float = 0.05
    scale: float = 2.0
    second_kind: str = "fine"
    second_amount: float = 0.0
    ramp: float = 0.0
    angle: float = 0.0


def paint(
    rng: np.random.Generator,
    geometry: Geometry,
    cores: Labels | None,
    looks: tuple[Look, ...],
    backdrop: Backdrop,
    light: float,
) -> Field:
    """Draw all classes over a background.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of textures and individual variation.
    geometry : Geometry
        The objects.
    cores : ndarray of int32, shape (rows, columns), optional
        Inner parts, from `cut_cores`.
    looks : tuple of Look
        One for each class.
    backdrop : Backdrop
        What lies behind.
    light : float
        Direction the light of the relief comes from, radians.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        Brightness around 0, not clipped.
    """
    shape = geometry.labels.shape
    canvas = _backdrop(rng, shape, backdrop)
    class_map = geometry.classes[geometry.labels]
    for index in reversed(range(len(looks))):
        where = class_map == index
        if where.any():
            canvas = _draw_class(
                rng, canvas, geometry, cores, looks[index], where, light
            )
    return canvas


def _backdrop(
    rng: np.random.Generator, shape: tuple[int, ...], style: Backdrop
) -> Field:
    size = (shape[0], shape[1])
    canvas = np.zeros(size, dtype=np.float32)
    if style.amount:
        field = texture(style.kind, rng, size, style.scale, style.angle)
        canvas += np.float32(style.amount) * field
    if style.second_amount:
        field = texture(style.second_kind, rng, size, 1.3 * style.scale, style.angle)
        canvas += np.float32(style.second_amount) * field
    if style.ramp:
        canvas += np.float32(style.ramp) * _ramp(size, rng.uniform(0, 2 * np.pi))
    return canvas


def _ramp(shape: tuple[int, int], angle: float) -> Field:
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
    return y * np.float32(np.sin(angle)) + x * np.float32(np.cos(angle))


def _draw_class(
    rng: np.random.Generator,
    canvas: Field,
    geometry: Geometry,
    cores: Labels | None,
    look: Look,
    where: NDArray[np.bool_],
    light: float,
) -> Field:
    labels, count = geometry.labels, len(geometry.classes)
    shape = (labels.shape[0], labels.shape[1])
    if look.halo:
        canvas = canvas + _glow(look, where, labels > 0)
    vary = rng.normal(0, look.body_spread, count).astype(np.float32)
    level = np.float32(look.body) * (1 + np.clip(vary, -0.6, 0.6))
    body = level[labels]
    if look.dome:
        profile = 1 - np.float32(look.dome) * (1 - np.sqrt(geometry.relative))
        body = body * profile
    if look.grain:
        field = texture(look.grain_kind, rng, shape, look.grain_scale, light)
        body = body + np.float32(look.grain) * field
    if look.tilt:
        body = body + np.float32(look.tilt) * _tilt(rng, geometry)
    if look.relief:
        body = body + np.float32(look.relief) * _relief(geometry, light)
    if cores is not None and (look.core or look.core_grain):
        body = body + _core(rng, cores, look, count)
    if look.rim:
        strength = np.exp(
            -(((geometry.depth - 1) / np.float32(look.rim_width)) ** 2)
        ) * np.float32(look.rim)
        if look.patchy_rim:
            wave = smooth_noise(rng, shape, 4.0)
            strength = strength * (1 - look.patchy_rim * (wave > 0.2))
        body = body + strength
    drawn = canvas * np.float32(1 - look.opacity) + body
    result = np.where(where, drawn, canvas).astype(np.float32)
    if look.defocus:
        result = ndimage.gaussian_filter(result, look.defocus)
    return result


def _glow(look: Look, where: NDArray[np.bool_], covered: NDArray[np.bool_]) -> Field:
    outside = ndimage.distance_transform_edt(~where)
    glow = look.halo * np.exp(-outside / look.halo_width)
    return np.where(covered, 0, glow).astype(np.float32)


def _tilt(rng: np.random.Generator, geometry: Geometry) -> Field:
    rows, cols = np.indices(geometry.labels.shape, dtype=np.float32)
    count = len(geometry.classes)
    turn = rng.uniform(0, 2 * np.pi, count).astype(np.float32)
    flat = geometry.labels.ravel()
    total = np.maximum(np.bincount(flat, minlength=count), 1)
    mean_row = np.bincount(flat, rows.ravel(), count) / total
    mean_col = np.bincount(flat, cols.ravel(), count) / total
    scale = 1 / geometry.deepest
    slope_row, slope_col = np.sin(turn) * scale, np.cos(turn) * scale
    shift = slope_row * mean_row + slope_col * mean_col
    labels = geometry.labels
    ramp = slope_row[labels] * rows + slope_col[labels] * cols
    return np.clip(ramp - shift[labels].astype(np.float32), -1.5, 1.5)


def _relief(geometry: Geometry, light: float) -> Field:
    height = ndimage.gaussian_filter(np.sqrt(geometry.relative), 1.2)
    slope_row, slope_col = np.gradient(height)
    slope = slope_row * np.sin(light) + slope_col * np.cos(light)
    return np.asarray(6 * slope, dtype=np.float32)


def _core(rng: np.random.Generator, cores: Labels, look: Look, count: int) -> Field:
    vary = 1 + rng.normal(0, look.core_spread, count).astype(np.float32)
    level = np.float32(look.core) * np.clip(vary, 0.4, 1.6)
    value = level[cores]
    if look.core_grain:
        shape = (cores.shape[0], cores.shape[1])
        value = value + np.float32(look.core_grain) * smooth_noise(rng, shape, 1.0)
    return np.where(cores > 0, value, 0).astype(np.float32)
