"""The core of each object and its rim, as its outline alone tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHELL = 0.4
"""Share of an object's greatest depth that its rim takes. Of a disk the core is 0.6 as
wide; the rim, measured as `core.objects` does, 0.4."""


class Parts(NamedTuple):
    """What the objects of an image consist of.

    Attributes
    ----------
    core : (Y, X) array of bool
        What lies deeper than `SHELL` of its object's greatest depth.
    thickness : (K + 1,) array of float
        How thick (px) the rim of each object is, by its number; 0 where there is none.
    clear : (K + 1,) array of bool
        Whether object k has one core and one rim, each in one piece, and the deepest
        point is in the image. A ring has two rims, a dumbbell two cores, and of an
        object that the image's edge cuts off the core may lie outside.
    """

    core: NDArray[np.bool_]
    thickness: NDArray[np.float64]
    clear: NDArray[np.bool_]


def divide(labels: NDArray[np.int32]) -> Parts:
    """Divide every object into core and rim.

    Parameters
    ----------
    labels : (Y, X) array of int32
        Objects, 0 = background.

    Returns
    -------
    Parts
    """
    boxes = ndi.find_objects(labels)
    core = np.zeros(labels.shape, bool)
    thickness = np.zeros(len(boxes) + 1)
    clear = np.zeros(len(boxes) + 1, bool)
    for k, box in enumerate(boxes, start=1):
        if box is None:
            continue
        own = labels[box] == k
        depth, goes_on = _depth(own, box, labels.shape)
        thickness[k] = SHELL * depth.max()
        inner = depth > thickness[k]
        core[box] |= inner
        clear[k] = not goes_on and _one_piece(inner) and _one_piece(own & ~inner)
    return Parts(core, thickness, clear)


def _depth(
    own: NDArray[np.bool_], box: tuple[slice, ...], shape: tuple[int, ...]
) -> tuple[NDArray[np.float64], bool]:
    """Distance (px) to the outside, and whether it is greatest at the image's edge."""
    # The image's edge is no outline: an object that leaves the image goes on.
    pad = [(int(s.start > 0), int(s.stop < n)) for s, n in zip(box, shape, strict=True)]
    padded = np.pad(own, pad)
    if padded.all():
        return np.zeros(own.shape), True
    inside = tuple(slice(p[0], p[0] + n) for p, n in zip(pad, own.shape, strict=True))
    depth = ndi.distance_transform_edt(padded)[inside]
    closed = np.zeros(own.shape, bool)
    closed[tuple(slice(1 - p[0], p[1] - 1 or None) for p in pad)] = True
    return depth, bool(depth[~closed].max(initial=0) >= depth.max())


def _one_piece(mask: NDArray[np.bool_]) -> bool:
    return bool(ndi.label(mask, np.ones((3, 3)))[1] == 1)
