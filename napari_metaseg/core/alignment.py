"""Whether masks lie on their image, or beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage as ndi
from scipy.fft import irfft2, next_fast_len, rfft2
from skimage.segmentation import find_boundaries

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LARGEST = 1024  # px a side; of a larger image the middle is looked at
_REACH = 0.6  # of an object's diameter, up to which a shift is looked for
_LEAST = 0.2  # of it, from which on a shift is worth a word
_LEAST_PX = 3
_POOR = 0.6
"""Outlines of shifted masks meet at most this share of the edges that they could."""

_AGREED = 0.7
"""Share of the images of a task that have to be shifted in the same way."""


class Shift(NamedTuple):
    """By how many px masks lie too far down and to the right."""

    y: int
    x: int


def mask_shift(
    image: NDArray[np.generic], masks: NDArray[np.int32], diameter: float
) -> Shift:
    """Find the shift of masks at which their outlines best meet the image's edges.

    Parameters
    ----------
    image : (Y, X) or (Y, X, 3) array
        The image.
    masks : (Y, X) array of int32
        Instances.
    diameter : float
        Typical diameter of the objects, px.

    Returns
    -------
    Shift
        (0, 0) unless another place is better by far.
    """
    middle = tuple(
        slice(max(0, (n - _LARGEST) // 2), (n + _LARGEST) // 2) for n in masks.shape
    )
    gray = image[middle].astype(np.float32)
    if gray.ndim == 3:
        gray = gray.mean(-1)
    edges = ndi.gaussian_gradient_magnitude(gray, 1.0)
    # A few glaring pixels must not outweigh all outlines.
    edges = np.minimum(edges, np.percentile(edges, 98))
    edges -= edges.mean()
    outlines = find_boundaries(masks[middle], mode="inner").astype(np.float32)
    reach = max(_LEAST_PX + 1, round(_REACH * diameter))
    met = _met(edges, outlines, reach)
    best = np.unravel_index(np.argmax(met), met.shape)
    y, x = (reach - int(i) for i in best)
    far = np.hypot(y, x) >= max(_LEAST_PX, _LEAST * diameter)
    poor = met[reach, reach] < _POOR * met[best]
    return Shift(y, x) if far and poor else Shift(0, 0)


def common_shift(shifts: list[Shift]) -> Shift | None:
    """Return the shift that most images of a task share, if there is one."""
    if not shifts:
        return None
    middle = np.median(np.array(shifts), 0)
    near = np.abs(np.array(shifts) - middle).max(1) <= _LEAST_PX - 1
    if not middle.any() or near.mean() < _AGREED:
        return None
    return Shift(round(float(middle[0])), round(float(middle[1])))


def _met(
    edges: NDArray[np.float32], outlines: NDArray[np.float32], reach: int
) -> NDArray[np.float32]:
    """Sum the edges under the outlines, moved by up to ``reach`` px each way."""
    shape = [next_fast_len(n + reach, real=True) for n in edges.shape]
    spectrum = rfft2(edges, shape) * np.conj(rfft2(outlines, shape))
    sums = np.roll(irfft2(spectrum, shape), (reach, reach), (0, 1))
    window: NDArray[np.float32] = sums[: 2 * reach + 1, : 2 * reach + 1]
    return window
