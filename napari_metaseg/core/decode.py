"""From the network's two maps to instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import watershed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .settings import DecodeSettings


STEPS = 64
"""Number of heights that the cue is divided into."""


def decode(
    foreground: NDArray[np.floating],
    cue: NDArray[np.floating],
    settings: DecodeSettings,
    *,
    min_area: float = 0.0,
) -> NDArray[np.int32]:
    """Cut the foreground into instances along the valleys of the cue.

    The seeds are the cue's maxima whose dynamics (height above the pass to another
    maximum as high) reach a depth set by ``settings.split``: the extended maxima
    (Soille, Morphological Image Analysis, 2004, section 6.3.6). A watershed on the
    inverted cue then fills the foreground.

    Parameters
    ----------
    foreground : (Y, X) array of float
        Foreground probability.
    cue : (Y, X) array of float
        Instance cue in [0, 1], see `napari_metaseg.core.targets`.
    settings : DecodeSettings
        Threshold and splitting; size and border rules act later, on the
        instances at image scale.
    min_area : float
        Instances below this many px are dropped.

    Returns
    -------
    (Y, X) array of int32
        Instances 1..n, 0 = background.
    """
    mask = foreground > settings.threshold
    if not mask.any():
        return np.zeros(mask.shape, np.int32)
    # Whole steps keep plateaus whole, which rounding noise would break up.
    smooth = ndi.gaussian_filter(cue, 0.7)
    height = np.where(mask, np.round(smooth * STEPS), 0).astype(np.int16)
    if settings.split > 0:
        depth = max(1, round(0.6 * (1 - settings.split) ** 2 * STEPS))
        filled = reconstruction(np.maximum(height - depth, 0), height)
        peaks = local_maxima(filled, connectivity=2) & mask
        markers, _ = ndi.label(peaks, np.ones((3, 3)))
    else:
        markers = np.zeros(mask.shape, np.int32)
    markers = _seed_the_unseeded(markers, mask)
    labels = watershed(-height, markers, mask=mask).astype(np.int32)
    return drop_small(labels, min_area)


def _seed_the_unseeded(
    markers: NDArray[np.integer], mask: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Give each connected part of the mask without a seed one of its own."""
    parts, n = ndi.label(mask)
    seeded = np.zeros(n + 1, bool)
    seeded[parts[markers > 0]] = True
    missing = mask & ~seeded[parts]
    first = int(markers.max())
    return np.where(missing, parts + first, markers).astype(np.int32)


def drop_small(labels: NDArray[np.int32], min_area: float) -> NDArray[np.int32]:
    """Remove instances of fewer than ``min_area`` px and number the rest 1..n.

    Parameters
    ----------
    labels : (Y, X) array of int32
        Instances.
    min_area : float
        Smallest area in px that stays.

    Returns
    -------
    (Y, X) array of int32
    """
    area = np.bincount(labels.ravel())
    keep = (area >= min_area) & (area > 0)
    keep[0] = False
    ids = np.zeros(len(area), np.int32)
    ids[keep] = np.arange(1, int(keep.sum()) + 1)
    return ids[labels]
