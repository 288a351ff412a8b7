"""Outlines of single objects, drawn as small boolean patches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_metaseg.data.textures import smooth_noise

_ANGLES = np.linspace(-np.pi, np.pi, 73)


@dataclass(frozen=True, slots=True)
class ShapeStyle:
    """How the objects of one class are shaped.

    Attributes
    ----------
    family : str
        A key of `FAMILIES`.
    diameter : float
        Typical diameter of a disk of the same area, px.
    spread : float
        Standard deviation of the log diameter between objects.
    aspect : float
        Length over width of elongated families, at least 1.
    bend : float
        Curvature of tubular families: the turn from end to end, radians.
    roughness : float
        Amplitude of the outline's irregularity, as a fraction of the radius.
    """

    family: str
    diameter: float
    spread: float = 0.15
    aspect: float = 1.3
    bend: float = 0.3
    roughness: float = 0.1


def draw_shape(
    style: ShapeStyle, rng: np.random.Generator, angle: float
) -> NDArray[np.bool_]:
    """Draw one object.

    Parameters
    ----------
    style : ShapeStyle
        What to draw.
    rng : numpy.random.Generator
        Source of the individual variation.
    angle : float
        Direction of the long axis, radians.

    Returns
    -------
    ndarray of bool, shape (h, w)
        The object, with no empty rows or columns around it.
    """
    diameter = style.diameter * float(np.exp(rng.normal(0, style.spread)))
    diameter = min(max(diameter, 5.0), 4.0 * style.diameter)
    return trimmed(FAMILIES[style.family](style, rng, diameter, angle))


def trimmed(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cut away empty rows and columns around the object in `mask` (h, w)."""
    rows = np.flatnonzero(mask.any(axis=1))
    cols = np.flatnonzero(mask.any(axis=0))
    return mask[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]


def stamp_path(
    points: NDArray[np.float64], radii: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Union of disks along a path, the way a round brush would paint it.

    Parameters
    ----------
    points : ndarray, shape (n, 2)
        Disk centres (row, column), px, in any frame.
    radii : ndarray, shape (n,)
        Disk radii, px.

    Returns
    -------
    ndarray of bool, shape (h, w)
        Patch holding the whole path.
    """
    margin = float(radii.max()) + 2
    low = points.min(axis=0) - margin
    height, width = (np.ceil(points.max(axis=0) + margin - low)).astype(int)
    patch = np.zeros((height, width), dtype=bool)
    for (row, col), radius in zip(points - low, radii, strict=True):
        reach = int(radius) + 1
        r0, c0 = int(row) - reach, int(col) - reach
        r0, c0 = max(r0, 0), max(c0, 0)
        r1, c1 = r0 + 2 * reach + 2, c0 + 2 * reach + 2
        rows = np.arange(r0, min(r1, height)) - row
        cols = np.arange(c0, min(c1, width)) - col
        inside = rows[:, None] ** 2 + cols[None, :] ** 2 <= max(radius, 0.8) ** 2
        patch[r0:r1, c0:c1] |= inside
    return patch


def _from_radius(
    radius: NDArray[np.float64], diameter: float, aspect: float, angle: float
) -> NDArray[np.bool_]:
    """Rasterise r(theta), given on `_ANGLES`, at the area of `diameter`."""
    area = 0.5 * float(np.mean(radius[:-1] ** 2)) * 2 * np.pi
    scale = diameter / 2 / np.sqrt(area / np.pi)
    long, short = np.sqrt(aspect), 1 / np.sqrt(aspect)
    reach = int(np.ceil(scale * float(radius.max()) * long)) + 1
    axis = np.arange(-reach, reach + 1, dtype=np.float64)
    cos, sin = np.cos(angle), np.sin(angle)
    u = (cos * axis[None, :] + sin * axis[:, None]) / long
    v = (cos * axis[:, None] - sin * axis[None, :]) / short
    limit = np.interp(np.arctan2(v, u), _ANGLES, radius) * scale
    inside: NDArray[np.bool_] = u * u + v * v <= limit * limit
    return inside


def _harmonics(
    rng: np.random.Generator, roughness: float, first: int = 2, last: int = 6
) -> NDArray[np.float64]:
    orders = np.arange(first, last + 1)
    size = rng.normal(0, roughness, orders.size) * (first / orders) ** 1.2
    phase = rng.uniform(0, 2 * np.pi, orders.size)
    waves = np.cos(orders[:, None] * _ANGLES[None, :] + phase[:, None])
    return np.maximum(1 + size @ waves, 0.35)


def _ellipse(
    style: ShapeStyle, rng: np.random.Generator, diameter: float, angle: float
) -> NDArray[np.bool_]:
    aspect = 1 + (style.aspect - 1) * rng.uniform(0.5, 1.5)
    return _from_radius(np.ones_like(_ANGLES), diameter, aspect, angle)


def _blob(
    style: ShapeStyle, rng: np.random.Generator, diameter: float, angle: float
) -> NDArray[np.bool_]:
    aspect = 1 + (style.aspect - 1) * rng.uniform(0.5, 1.5)
    return _from_radius(_harmonics(rng, style.roughness), diameter, aspect, angle)


def _ragged(
    style: ShapeStyle, rng: np.random.Generator, diameter: float, angle: float
) -> NDArray[np.bool_]:
    rough = _harmonics(rng, 0.6 * style.roughness + 0.05, 4, 11)
    radius = _harmonics(rng, style.roughness) * rough
    return _from_radius(radius, diameter, style.aspect, angle)


def _polygon(
    style: ShapeStyle, rng: np.random.Generator, diameter: float, angle: float
) -> NDArray[np.bool_]:
    sides = int(rng.integers(4, 8))
    step = 2 * np.pi / sides
    normals = step * (np.arange(sides) + rng.uniform(-0.25, 0.25, sides))
    reach = rng.uniform(0.8, 1.2, sides)
    cosine = np.cos(_ANGLES[None, :] - normals[:, None])
    limit = np.where(cosine > 0.1, reach[:, None] / np.maximum(cosine, 0.1), 9.0)
    return _from_radius(limit.min(axis=0), diameter, style.aspect, angle)


def _crescent(
    style: ShapeStyle, rng: np.random.Generator, diameter: float, angle: float
) -> NDArray[np.bool_]:
    bite = rng.uniform(0.75, 1.05)
    shift = rng.uniform(0.55, 0.75)
    radius = diameter * 0.75
    axis = np.arange(-int(radius) - 1, int(radius) + 2, dtype=np.float64)
    x, y = axis[None, :], axis[:, None]
    x0, y0 = np.cos(angle) * radius * shift, np.sin(angle) * radius * shift
    disk: NDArray[np.bool_] = x * x + y * y <= radius * radius
    disk &= (x - x0) ** 2 + (y - y0) ** 2 > (bite * radius) ** 2
    return disk


def _centreline(
    rng: np.random.Generator, length: float, angle: float, bend: float, waves: float
) -> NDArray[np.float64]:
    count = max(int(length / 2), 4)
    t = np.linspace(-0.5, 0.5, count)
    heading = angle + bend * t * rng.choice([-1.0, 1.0])
    heading = heading + waves * np.sin(2 * np.pi * (t * 1.3 + rng.uniform()))
    step = length / (count - 1)
    return np.cumsum(np.stack([np.sin(heading), np.cos(heading)], 1) * step, axis=0)


def _rod(
    style: ShapeStyle, rng: np.random.Generator, diameter: float, angle: float
) -> NDArray[np.bool_]:
    aspect = max(1.3, style.aspect * rng.uniform(0.7, 1.35))
    width = diameter * np.sqrt(np.pi / (4 * aspect))
    line = _centreline(rng, width * (aspect - 0.8), angle, style.bend, 0.0)
    pinch = rng.uniform(0, 0.3) if rng.random() < 0.25 else 0.0
    t = np.linspace(-1, 1, len(line))
    return stamp_path(line, width / 2 * (1 - pinch * np.exp(-((4 * t) ** 2))))


def _worm(
    style: ShapeStyle, rng: np.random.Generator, diameter: float, angle: float
) -> NDArray[np.bool_]:
    aspect = max(4.0, style.aspect * 3.0 * rng.uniform(0.7, 1.3))
    width = diameter * np.sqrt(np.pi / (3.4 * aspect))
    waves = min(2 * style.bend, 0.9)
    line = _centreline(rng, width * aspect, angle, style.bend * 2, waves)
    t = np.linspace(-1, 1, len(line))
    return stamp_path(line, width / 2 * np.sqrt(np.maximum(1 - np.abs(t) ** 3, 0.1)))


def _star(
    style: ShapeStyle, rng: np.random.Generator, diameter: float, angle: float
) -> NDArray[np.bool_]:
    return _branched(rng, diameter, angle, int(rng.integers(3, 7)), style.bend)


def _spindle(
    style: ShapeStyle, rng: np.random.Generator, diameter: float, angle: float
) -> NDArray[np.bool_]:
    return _branched(rng, diameter, angle, 2, style.bend)


def _branched(
    rng: np.random.Generator, diameter: float, angle: float, arms: int, bend: float
) -> NDArray[np.bool_]:
    body = 0.36 * diameter if arms > 2 else 0.34 * diameter
    points = [np.zeros((1, 2))]
    radii = [np.array([body])]
    for k in range(arms):
        turn = angle + 2 * np.pi * k / arms + rng.normal(0, 0.25)
        length = diameter * rng.uniform(0.7, 1.15) * (1.0 if arms > 2 else 1.1)
        line = _centreline(rng, length, turn, bend, 0.15)
        t = np.linspace(0, 1, len(line))
        points.append(line - line[0])
        power = 1.0 if arms > 2 else 0.8
        tip = max(0.04 * diameter, 1.25)
        radii.append(
            np.maximum(body * (0.85 if arms > 2 else 1) * (1 - t) ** power, tip)
        )
    return stamp_path(np.concatenate(points), np.concatenate(radii))


def _adherent(
    style: ShapeStyle, rng: np.random.Generator, diameter: float, angle: float
) -> NDArray[np.bool_]:
    """Spread cell: a body with two to four unequal arms, webs between them."""
    points, radii = [np.zeros((1, 2))], [np.array([0.34 * diameter])]
    turns = [angle, angle + np.pi, *rng.uniform(0, 2 * np.pi, int(rng.integers(0, 3)))]
    for k, turn in enumerate(turns):
        length = diameter * rng.uniform(0.6, 1.3) * (1.0 if k < 2 else 0.75)
        heading = turn + rng.normal(0, 0.3)
        line = _centreline(rng, length, heading, style.bend, 0.3)
        t = np.linspace(0, 1, len(line))
        points.append(line - line[0])
        broad = rng.uniform(0.2, 0.32) * diameter
        radii.append(broad * (1 - t) ** rng.uniform(0.6, 1.6) + 0.025 * diameter)
    rough = stamp_path(np.concatenate(points), np.concatenate(radii))
    rough = np.pad(rough, int(0.2 * diameter))
    soft = ndimage.gaussian_filter(rough.astype(np.float32), 0.05 * diameter)
    soft += 0.1 * smooth_noise(rng, soft.shape, 0.1 * diameter)
    return _largest(soft > 0.36)


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    pieces, count = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(pieces.ravel(), minlength=count + 1)
    areas[0] = 0
    return np.asarray(pieces == int(areas.argmax()))


_Draw = Callable[[ShapeStyle, np.random.Generator, float, float], NDArray[np.bool_]]
FAMILIES: dict[str, _Draw] = {
    "ellipse": _ellipse,
    "blob": _blob,
    "ragged": _ragged,
    "polygon": _polygon,
    "crescent": _crescent,
    "rod": _rod,
    "worm": _worm,
    "star": _star,
    "spindle": _spindle,
    "adherent": _adherent,
}
