"""Random fields with zero mean and unit variance."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Field = NDArray[np.float32]
KINDS: tuple[str, ...] = (
    "fine",
    "granular",
    "blotchy",
    "fibres",
    "stripes",
    "spots",
    "network",
    "cloud",
)


@lru_cache(maxsize=16)
def _frequencies(shape: tuple[int, int]) -> tuple[Field, Field]:
    rows = fft.fftfreq(shape[0]).astype(np.float32)[:, None]
    cols = fft.rfftfreq(shape[1]).astype(np.float32)[None, :]
    return rows, cols


def smooth_noise(
    rng: np.random.Generator,
    shape: tuple[int, int],
    scale: float,
    *,
    stretch: float = 1.0,
    angle: float = 0.0,
) -> Field:
    """White noise under a (possibly elongated) Gaussian filter.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the noise.
    shape : tuple of int
        Rows, columns.
    scale : float
        Standard deviation of the filter across `angle`, px.
    stretch : float
        Standard deviation along `angle`, as a multiple of `scale`.
    angle : float
        Direction of the long axis, radians from the column axis.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        Mean 0, variance 1; periodic at the edges.
    """
    rows, cols = _frequencies(shape)
    noise = rng.standard_normal(shape, dtype=np.float32)
    if stretch == 1.0:
        radius2 = (rows * rows + cols * cols) * np.float32(scale**2)
    else:
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        along = (cos * cols + sin * rows) * np.float32(scale * stretch)
        across = (cos * rows - sin * cols) * np.float32(scale)
        radius2 = along * along + across * across
    spectrum = fft.rfft2(noise) * np.exp(np.float32(-2 * np.pi**2) * radius2)
    return standardised(fft.irfft2(spectrum, s=shape))


def standardised(field: NDArray[np.floating]) -> Field:
    """Shift and scale `field` to mean 0 and variance 1; a constant becomes 0."""
    centred = field - field.mean()
    spread = float(centred.std())
    scaled = centred / spread if spread > 1e-6 else centred
    return np.asarray(scaled, dtype=np.float32)


def texture(
    kind: str,
    rng: np.random.Generator,
    shape: tuple[int, int],
    scale: float,
    angle: float = 0.0,
) -> Field:
    """One random field of a named kind.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    rng : numpy.random.Generator
        Source of randomness.
    shape : tuple of int
        Rows, columns.
    scale : float
        Grain size, px.
    angle : float
        Direction of fibres and stripes, radians.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        Mean 0, variance 1.
    """
    if kind == "fine":
        return smooth_noise(rng, shape, 0.7)
    if kind == "granular":
        return smooth_noise(rng, shape, scale)
    if kind == "blotchy":
        return smooth_noise(rng, shape, 2.5 * scale)
    if kind == "fibres":
        return smooth_noise(rng, shape, 0.6 * scale, stretch=9.0, angle=angle)
    if kind == "stripes":
        return _stripes(rng, shape, scale, angle)
    if kind == "spots":
        raw = smooth_noise(rng, shape, scale)
        return standardised(np.clip(raw - 1.0, 0, 0.8))
    if kind == "network":
        raw = smooth_noise(rng, shape, 2.0 * scale)
        return standardised(-np.exp(-((raw / 0.18) ** 2)))
    return standardised(
        smooth_noise(rng, shape, 8 * scale)
        + 0.5 * smooth_noise(rng, shape, 3 * scale)
        + 0.25 * smooth_noise(rng, shape, scale)
    )


def _stripes(
    rng: np.random.Generator, shape: tuple[int, int], scale: float, angle: float
) -> Field:
    y = np.arange(shape[0], dtype=np.float32)[:, None]
    x = np.arange(shape[1], dtype=np.float32)[None, :]
    across = y * np.float32(np.cos(angle)) - x * np.float32(np.sin(angle))
    warp = smooth_noise(rng, shape, 12.0) * np.float32(0.8)
    period = max(4 * scale, 3.0)
    phase = np.float32(rng.uniform(0, 2 * np.pi))
    wave = np.sin(across * np.float32(2 * np.pi / period) + warp + phase)
    return standardised(wave)
