"""From instances to what the network is asked to draw.

Two maps: *foreground*, and the *cue*: the distance of a pixel to the outside of
its own object, cut at `CUE_REACH` and scaled so that every object reaches 1. The
cue falls to 0 wherever one object ends, at the background and at a touching
neighbour alike; so one isolated, painted cell teaches all of it, and the ring
just outside a painted cell may be taught too (0), whoever owns that ring.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from numpy.typing import NDArray

CUE_REACH = 5.0
"""Distance (px at working scale) at which the cue saturates."""

RING = 1.5
"""Width (px at working scale) of the ring around a painted cell."""


class DenseTarget(NamedTuple):
    """Targets where every object is known.

    Attributes
    ----------
    foreground : (Y, X) array of float32
        1 inside an object, else 0.
    cue : (Y, X) array of float32
        Saturating distance to the outside of the pixel's object, in [0, 1].
    weight : (Y, X) array of float32
        Pixel weight, raised where two objects (almost) touch.
    """

    foreground: NDArray[np.float32]
    cue: NDArray[np.float32]
    weight: NDArray[np.float32]


class SparseTarget(NamedTuple):
    """Targets where only some cells are known; all else is unknown.

    Attributes
    ----------
    painted : (Y, X) array of float32
        What a pixel of a painted cell counts, in (0, 1]; 0 elsewhere.
    stroke : (Y, X) array of float32
        1 on background strokes.
    ring : (Y, X) array of float32
        What an unpainted pixel just outside a painted cell counts: as much as those
        of the cell.
    cue : (Y, X) array of float32
        The cue on painted cells, 0 elsewhere.
    """

    painted: NDArray[np.float32]
    stroke: NDArray[np.float32]
    ring: NDArray[np.float32]
    cue: NDArray[np.float32]


def instance_cue(labels: NDArray[np.integer]) -> NDArray[np.float32]:
    """Draw the cue of each object.

    Parameters
    ----------
    labels : (Y, X) array of int
        Positive numbers name objects.

    Returns
    -------
    (Y, X) array of float32
        ``min(d / min(CUE_REACH, max d), 1)`` with ``d`` the Euclidean distance
        to the nearest pixel outside the object; 0 off the objects.
    """
    cue = np.zeros(labels.shape, np.float32)
    positive = np.maximum(labels, 0).astype(np.int64, copy=False)
    for k, box in enumerate(ndi.find_objects(positive), start=1):
        if box is None:
            continue
        own = positive[box] == k
        # The image's edge is no outline: an object that leaves the image goes on.
        pad = [
            (int(s.start > 0), int(s.stop < n))
            for s, n in zip(box, labels.shape, strict=True)
        ]
        if not any(any(p) for p in pad) and own.all():
            cue[box] = 1
            continue
        distance = ndi.distance_transform_edt(np.pad(own, pad))
        inner = tuple(
            slice(p[0], p[0] + n) for p, n in zip(pad, own.shape, strict=True)
        )
        distance = distance[inner]
        top = min(CUE_REACH, float(distance.max()))
        np.maximum(
            cue[box],
            np.where(own, np.minimum(distance / top, 1), 0),
            out=cue[box],
        )
    return cue


def dense_target(
    labels: NDArray[np.integer], *, gap_weight: float = 4.0
) -> DenseTarget:
    """Targets for an image in which every object is known.

    Parameters
    ----------
    labels : (Y, X) array of int
        Instances, 0 = background.
    gap_weight : float
        Extra weight of pixels within 2 px of two different objects.

    Returns
    -------
    DenseTarget
    """
    foreground = (labels > 0).astype(np.float32)
    positive = np.maximum(labels, 0)
    highest = ndi.maximum_filter(positive, 5)
    lowest = ndi.minimum_filter(
        np.where(positive > 0, positive, np.iinfo(positive.dtype).max), 5
    )
    gap = (highest > 0) & (highest != lowest)
    weight = np.where(gap, 1 + gap_weight, 1).astype(np.float32)
    return DenseTarget(foreground, instance_cue(labels), weight)


def sparse_target(
    annotation: NDArray[np.integer], counts: NDArray[np.float32] | None = None
) -> SparseTarget:
    """Targets from an annotation: unpainted means unknown.

    Parameters
    ----------
    annotation : (Y, X) array of int
        0 = unknown, k > 0 = one whole cell, -1 = background stroke.
    counts : (K + 1,) array of float32, optional
        What a pixel of cell k counts, in (0, 1]; 1 if nothing is said.

    Returns
    -------
    SparseTarget
    """
    inside = annotation > 0
    painted = inside.astype(np.float32)
    if counts is not None:
        painted = np.where(inside, counts[np.maximum(annotation, 0)], 0)
    outside = ndi.distance_transform_edt(~inside) if inside.any() else None
    ring = np.zeros_like(painted)
    if outside is not None:
        around = (outside > 0) & (outside <= RING) & (annotation == 0)
        ring[around] = ndi.maximum_filter(painted, 3)[around]
    return SparseTarget(
        painted, (annotation < 0).astype(np.float32), ring, instance_cue(annotation)
    )
