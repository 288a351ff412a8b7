"""From the network's two maps to instances at working scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage as ndi
from skimage.morphology import local_maxima
from skimage.segmentation import watershed

from .reconstruct import reconstruct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .settings import DecodeSettings


STEPS = 64
"""Number of heights that the cue is divided into."""

FLOOR = 1 / 3
"""Share of the threshold below which a pixel belongs to no cell."""

OUTLINE = 0.6
"""Share of its own highest foreground at which a cell is outlined, so that one drawn
with less confidence is not drawn smaller. On 23 training tasks AP@0.5 was 0.61, 0.63,
0.64 and 0.62 at 0.4, 0.5, 0.6 and 0.7."""

CUT_OFF = 0.25
"""Share of the least area that is asked of an instance at the image's edge."""

HIGHEST = 0.9
"""Quantile of an instance's foreground that counts as its highest."""


class Decoded(NamedTuple):
    """Instances at working scale.

    Attributes
    ----------
    labels : (Y, X) array of int32
        Instances 1..n, 0 = background.
    outline : (n + 1,) array of float32
        Foreground probability at which each instance was outlined, by its number.
    """

    labels: NDArray[np.int32]
    outline: NDArray[np.float32]


def decode(
    foreground: NDArray[np.floating],
    cue: NDArray[np.floating],
    settings: DecodeSettings,
    *,
    min_area: float = 0.0,
) -> Decoded:
    """Cut what may be foreground along the valleys of the cue, and judge each piece.

    The seeds are the cue's maxima whose dynamics (height above the pass to another
    maximum as high) reach the share of their height that ``settings.split`` sets:
    extended maxima (Soille, Morphological Image Analysis, 2004, section 6.3.6) with a
    depth in proportion, because an uncertain network draws hills and valleys alike
    lower. A watershed on the inverted cue fills all that may be foreground. A piece
    is an instance if its foreground is high enough somewhere, and it is outlined at a
    share of its own height.

    Parameters
    ----------
    foreground : (Y, X) array of float
        Foreground probability.
    cue : (Y, X) array of float
        Instance cue in [0, 1], see `napari_metaseg.core.targets`.
    settings : DecodeSettings
        Threshold and splitting, which a region has none of; size and border rules
        act later, on the instances at image scale.
    min_area : float
        Instances below this many px are dropped.

    Returns
    -------
    Decoded
    """
    basins = cut(foreground, cue, settings)
    return judge(foreground, basins, settings, min_area=min_area)


def cut(
    foreground: NDArray[np.floating],
    cue: NDArray[np.floating],
    settings: DecodeSettings,
) -> NDArray[np.int32]:
    """Cut what may be foreground into pieces, see `decode`.

    Returns
    -------
    (Y, X) array of int32
        Numbered from 1.
    """
    mask = foreground > FLOOR * settings.threshold
    split = 0.0 if settings.region else settings.split
    seeds = _seeds_and_valleys(cue, mask, split)
    labels: NDArray[np.int32] = watershed(*seeds, mask=mask)
    return labels


def judge(
    foreground: NDArray[np.floating],
    labels: NDArray[np.int32],
    settings: DecodeSettings,
    *,
    min_area: float = 0.0,
) -> Decoded:
    """Outline the pieces that are instances, see `decode`.

    Parameters
    ----------
    foreground : (Y, X) array of float
        Foreground probability.
    labels : (Y, X) array of int32
        Pieces that `cut` returned.
    settings : DecodeSettings
        Of which the threshold counts.
    min_area : float
        Instances below this many px are dropped.

    Returns
    -------
    Decoded
    """
    highest = _highest(foreground, labels)
    outline = np.maximum(OUTLINE * highest, FLOOR * settings.threshold)
    drawn = (highest >= settings.threshold)[labels] & (foreground > outline[labels])
    kept, old = drop_small(np.where(drawn, labels, 0).astype(np.int32), min_area)
    return Decoded(kept, outline[old])


def _seeds_and_valleys(
    cue: NDArray[np.floating], mask: NDArray[np.bool_], split: float
) -> tuple[NDArray[np.int16], NDArray[np.int32]]:
    """Return the inverted cue, and a numbered seed for each instance."""
    # Whole steps keep plateaus whole, which rounding noise would break up.
    smooth = ndi.gaussian_filter(cue, 0.7)
    height = np.where(mask, np.round(smooth * STEPS), 0).astype(np.int16)
    markers = np.zeros(mask.shape, np.int32)
    if split > 0:
        lowered = np.floor(height * (1 - (1 - split) ** 2)).astype(np.int16)
        below = np.maximum(np.minimum(lowered, height - 1), 0)
        filled = reconstruct(below, height)
        peaks = local_maxima(filled, connectivity=2) & mask
        markers, _ = ndi.label(peaks, np.ones((3, 3)))
    return -height, _seed_the_unseeded(markers, mask)


def _highest(
    foreground: NDArray[np.floating], labels: NDArray[np.integer]
) -> NDArray[np.float32]:
    """Return the `HIGHEST` quantile of each instance's foreground, by number."""
    flat = labels.ravel()
    ends = np.cumsum(np.bincount(flat))
    starts = np.append(0, ends[:-1])
    chosen = starts + ((ends - starts) * HIGHEST).astype(np.intp)
    # As integers, the bits of floats that are not negative rise with them: one sort of
    # single numbers, which is many times as fast as one by two keys.
    bits = np.ascontiguousarray(foreground, np.float32).ravel().view(np.uint32)
    keys = np.sort(flat.astype(np.uint64) << np.uint64(32) | bits)
    values = keys[np.minimum(chosen, len(keys) - 1)].astype(np.uint32)
    found = np.where(ends > starts, values.view(np.float32), 0).astype(np.float32)
    found[0] = 0
    return found


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


def drop_small(
    labels: NDArray[np.int32], min_area: float
) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Remove instances of fewer than ``min_area`` px and number the rest 1..n.

    An instance that the image's edge may cut off needs only `CUT_OFF` of that.

    Parameters
    ----------
    labels : (Y, X) array of int32
        Instances.
    min_area : float
        Smallest area in px that stays.

    Returns
    -------
    labels : (Y, X) array of int32
    old : (n + 1,) array of int
        Former number of each; 0 for the background.
    """
    area = np.bincount(labels.ravel())
    needed = np.full(len(area), float(min_area))
    for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        needed[side] = CUT_OFF * min_area
    keep = (area >= needed) & (area > 0)
    keep[0] = False
    old = np.append(0, np.flatnonzero(keep))
    ids = np.zeros(len(area), np.int32)
    ids[old] = np.arange(len(old))
    return ids[labels], old
