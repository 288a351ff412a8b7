"""What an instrument does to an ideal picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from napari_metaseg.data.textures import Field


@dataclass(frozen=True, slots=True)
class Acquisition:
    """What the instrument does to the picture.

    `blur` in px, `noise` as standard deviation, `photons` as the count at full
    brightness (0: no shot noise), `vignette` as the loss in the corners.
    """

    blur: float = 0.8
    noise: float = 0.02
    photons: float = 0.0
    vignette: float = 0.0
    gamma: float = 1.0
    invert: bool = False
    soft_noise: float = 0.0
    low: float = -0.8
    high: float = 0.8


def acquire(rng: np.random.Generator, canvas: Field, style: Acquisition) -> Field:
    """Blur, illuminate, add noise, and map brightness to [0, 1].

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the noise.
    canvas : ndarray of float32, shape (rows, columns)
        Ideal picture; `style.low` and `style.high` become 0 and 1.
    style : Acquisition
        The instrument.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        Values in [0, 1].
    """
    image = (canvas - style.low) / (style.high - style.low)
    image = ndimage.gaussian_filter(image, style.blur) if style.blur > 0.2 else image
    image = np.clip(image, 0, 1.3).astype(np.float32)
    if style.invert:
        image = np.maximum(1 - image, 0)
    if style.gamma != 1:
        image = image ** np.float32(style.gamma)
    if style.vignette:
        centre = rng.uniform(-0.6, 0.6, 2)
        y = np.linspace(-1, 1, image.shape[0], dtype=np.float32)[:, None] - centre[0]
        x = np.linspace(-1, 1, image.shape[1], dtype=np.float32)[None, :] - centre[1]
        image = image * (1 - np.float32(style.vignette / 2) * (x * x + y * y))
    if style.photons:
        expected = np.maximum(image, 0) * style.photons + 0.02 * style.photons
        image = rng.poisson(expected) / np.float32(style.photons)
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    image = image + np.float32(style.noise) * noise
    if style.soft_noise:
        image = ndimage.gaussian_filter(image, style.soft_noise)
    return np.asarray(np.clip(image, 0, 1), dtype=np.float32)


def exposed(rng: np.random.Generator, style: Acquisition, canvas: Field) -> Acquisition:
    """Choose the black and the white point of an instrument from a picture.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    style : Acquisition
        The instrument.
    canvas : ndarray of float32, shape (rows, columns)
        Ideal picture.

    Returns
    -------
    Acquisition
        Its range holds all but the darkest and brightest half percent, and more.
    """
    low, high = (float(value) for value in np.percentile(canvas, [0.5, 99.5]))
    span = max(high - low, 0.2)
    return replace(
        style,
        low=low - span * float(rng.uniform(0, 0.2)),
        high=high + span * float(rng.uniform(0, 0.2)),
    )
