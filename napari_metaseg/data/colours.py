"""What an image is shown as: its own colours, others, or gray."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_metaseg.core.intensity import measure_range

Image = NDArray[np.float32]
Mix = NDArray[np.float32]
"""Red, green and blue (3) in each of the channels (C) that are shown."""


def draw_mix(image: NDArray[np.generic], rng: np.random.Generator) -> Mix | None:
    """Draw what the images of a task are shown as.

    Parameters
    ----------
    image : (Y, X) or (Y, X, 3) array
        One of them.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    (3, C) array of float32, or None
        None if they have no colours.
    """
    if image.ndim == 2:
        return None
    match rng.choice(["colours", "mixed", "gray"], p=[0.5, 0.25, 0.25]):
        case "colours":
            return np.eye(3, dtype=np.float32)
        case "mixed":
            return rng.dirichlet(np.ones(3), 3).T.astype(np.float32)
        case _:
            return rng.dirichlet(np.ones(3), 1).T.astype(np.float32)


def show(
    image: NDArray[np.generic],
    mix: Mix | None,
    window: tuple[slice, ...] = (slice(None), slice(None)),
) -> Image:
    """Mix and normalise, each channel by its range over the whole image.

    Parameters
    ----------
    image : (Y, X) or (Y, X, 3) array
        Image.
    mix : (3, C) array of float32, optional
        From `draw_mix`.
    window : tuple of slice
        Rows and columns wanted.

    Returns
    -------
    (C, Y, X) array of float32
        That part of it; of one channel if there is no mix.
    """
    if mix is None:
        return measure_range(image, at_most=60_000).apply(image[window])[None]
    step = max(1, int(np.sqrt(image.shape[0] * image.shape[1] / 60_000)))
    sample = image[::step, ::step, :3].astype(np.float32) @ mix
    shown = image[window][..., :3].astype(np.float32) @ mix
    return np.stack(
        [
            measure_range(sample[..., c]).apply(shown[..., c])
            for c in range(mix.shape[1])
        ]
    )
