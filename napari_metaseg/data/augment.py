"""Task-level augmentation: one new appearance for a whole episode.

Support and query must change alike, or the episode would teach that painted cells
and wanted cells look different.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from .foreign_texture import ForeignTexture, draw_texture

Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Appearance:
    """A change of appearance, drawn once an episode.

    Attributes
    ----------
    invert : bool
        Swap dark and bright.
    gamma : float
        Exponent on the normalised intensity.
    blur : float
        Gaussian blur (px).
    halo : tuple of (float, float)
        Share and radius (px) of the blurred image that is taken away, which
        flattens large structures and puts a halo round bright ones.
    noise : float
        Standard deviation of added Gaussian noise.
    shading : float
        Depth of a slow illumination gradient, new for each image.
    exposure : float
        Standard deviation of the logarithms of gain and gamma, new for each image:
        what is painted on one is looked for on another.
    kernel : tuple of 9 float or None
        A random 3x3 convolution (relief, edges, polarity mixtures).
    texture : ForeignTexture or None
        A texture from elsewhere, of one kind but new for each image.
    """

    invert: bool
    gamma: float
    blur: float
    halo: tuple[float, float]
    noise: float
    shading: float
    exposure: float
    kernel: tuple[float, ...] | None
    texture: ForeignTexture | None


def draw_appearance(rng: np.random.Generator) -> Appearance:
    """Draw a change; about a third of all episodes stay as they are but for gamma."""
    calm = rng.random() < 0.35

    def sometimes(chance: float) -> bool:
        return not calm and rng.random() < chance

    return Appearance(
        invert=rng.random() < 0.3,
        gamma=float(np.exp(rng.normal(0, 0.25))),
        blur=float(rng.uniform(0.4, 1.6)) if sometimes(0.3) else 0.0,
        halo=(
            (float(rng.uniform(0.3, 1.0)), float(rng.uniform(3, 15)))
            if sometimes(0.25)
            else (0.0, 1.0)
        ),
        noise=float(rng.uniform(0.01, 0.1)) if sometimes(0.4) else 0.0,
        shading=float(rng.uniform(0.1, 0.5)) if sometimes(0.25) else 0.0,
        exposure=float(rng.uniform(0.05, 0.3)) if sometimes(0.35) else 0.0,
        kernel=(
            tuple(rng.normal(0, 1, 9) + np.eye(1, 9, 4)[0] * rng.choice([0, 2]))
            if sometimes(0.2)
            else None
        ),
        texture=draw_texture(rng) if sometimes(0.18) else None,
    )


def apply_appearance(
    appearance: Appearance, images: list[Image], rng: np.random.Generator
) -> list[Image]:
    """Change a list of images alike and stretch them to a common range.

    Parameters
    ----------
    appearance : Appearance
        The change.
    images : list of (Y, X) arrays of float32
        Normalised images at working scale.
    rng : numpy.random.Generator
        Exposure, noise, shading and texture, which differ from image to image.

    Returns
    -------
    list of (Y, X) arrays of float32
        The 1 and 99.8 percentiles over all of them are 0 and 1.
    """
    changed = [_change(appearance, image, rng) for image in images]
    sample = np.concatenate([image[::2, ::2].ravel() for image in changed])
    low, high = np.percentile(sample, [1, 99.8])
    width = max(float(high - low), 1e-3)
    stretched = [np.clip((image - low) / width, -0.5, 2.0) for image in changed]
    return [
        (s + rng.normal(0, appearance.noise, s.shape)).astype(np.float32)
        if appearance.noise
        else s.astype(np.float32)
        for s in stretched
    ]


def _change(a: Appearance, image: Image, rng: np.random.Generator) -> Image:
    gain, gamma = np.exp(rng.normal(0, 1, 2) * a.exposure)
    image = np.clip(image * gain, 0, 1.5) ** (a.gamma * gamma)
    if a.invert:
        image = 1 - image
    if a.texture is not None:
        image = a.texture.lay_over(image, rng)
    if a.kernel is not None:
        image = ndi.convolve(image, np.reshape(a.kernel, (3, 3)), mode="nearest")
    if a.blur:
        image = ndi.gaussian_filter(image, a.blur)
    share, radius = a.halo
    if share:
        image = image - share * ndi.gaussian_filter(image, radius, truncate=2.0)
    if a.shading:
        y, x = np.ogrid[-1 : 1 : image.shape[0] * 1j, -1 : 1 : image.shape[1] * 1j]
        angle = rng.uniform(0, 2 * np.pi)
        image = image * (1 + a.shading * (np.cos(angle) * y + np.sin(angle) * x))
    return image
