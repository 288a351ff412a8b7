"""Instances, the annotation put into them, and the numbers that they keep."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from .linking import LINKED, Overlaps, chain, find_overlaps
from .numbering import unused_numbers

Labels = NDArray[np.int32]
Mask = NDArray[np.bool_]

SAME = LINKED
"""IoU from which an instance is the one of the last round and keeps its number."""

DEPTH_LEFT = 0.6
"""Share of its depth that an instance keeps where it is only trimmed. A stroke through
the middle leaves less than a half of it."""

PIECE = 0.3
"""Share of an instance's depth from which on a part that is cut off is one of its own;
what is thinner is an edge that the stroke has left."""


def respect_annotation(labels: Labels, annotation: Labels) -> Labels:
    """Put the painted cells in verbatim, and keep strokes free.

    Parameters
    ----------
    labels, annotation
        As `left_free` takes them.

    Returns
    -------
    (Y, X) array of int32
        Painted cells carry their numbers k; the others, see `left_free`, get numbers
        above.
    """
    if not annotation.any():
        return labels
    free = left_free(labels, annotation)
    count = max(int(labels.max()), int(free.max()))
    numbers = np.append(0, unused_numbers(annotation, count))
    return np.where(free > 0, numbers[free], np.maximum(annotation, 0)).astype(np.int32)


def left_free(labels: Labels, annotation: Labels) -> Labels:
    """Leave of instances what an annotation lets be.

    An instance that lies mostly on painted cells or on strokes is the same object,
    or a rejected one, and goes; so does one that is struck through the middle, of
    which a ring around the stroke would be left. One that a stroke cuts in two is two.
    Others only lose the pixels that were painted.

    Parameters
    ----------
    labels : (Y, X) array of int32
        Instances.
    annotation : (Y, X) array of int32
        0 = unknown, k > 0 = one whole cell, -1 = background stroke.

    Returns
    -------
    (Y, X) array of int32
        0 where something is painted. Instances keep their numbers; what a stroke cuts
        off has numbers above.
    """
    if not annotation.any():
        return labels
    area = np.bincount(labels.ravel())
    taken = np.bincount(labels[annotation != 0], minlength=len(area))
    gone = 2 * taken > area
    free = np.where(annotation == 0, labels, 0).astype(np.int32)
    strokes, top = annotation < 0, len(area) - 1
    touched = np.unique(labels[strokes & ~gone[labels] & (labels > 0)]).tolist()
    boxes = ndi.find_objects(labels) if touched else []
    for k in touched:
        cell, own = labels[boxes[k - 1]] == k, free[boxes[k - 1]]
        parts = _parts(cell, cell & ~strokes[boxes[k - 1]])
        gone[k] = not parts
        for part in parts[1:]:
            top += 1
            own[part & (own > 0)] = top
    free[gone[labels]] = 0
    return free


def _parts(cell: Mask, rest: Mask) -> list[Mask]:
    """Find the parts of an instance that are more than an edge, the largest first.

    Parameters
    ----------
    cell, rest : (y, x) array of bool
        Before it was struck, and after.

    Returns
    -------
    list of (y, x) array of bool
        None where no part is deep enough for the instance to stay.
    """
    found, count = ndi.label(rest)
    depths = ndi.maximum(_depths(rest), found, np.arange(1, count + 1))
    shares = depths / float(_depths(cell).max())
    if shares.max(initial=0) < DEPTH_LEFT:
        return []
    whole = [found == k + 1 for k in np.flatnonzero(shares >= PIECE).tolist()]
    return sorted(whole, key=np.count_nonzero, reverse=True)


def _depths(mask: Mask) -> NDArray[np.float64]:
    """Return the distance (px) of each pixel of it to what is outside."""
    inside: NDArray[np.float64] = ndi.distance_transform_edt(np.pad(mask, 1))
    return inside[1:-1, 1:-1]


def one_region(labels: Labels, annotation: Labels) -> Labels:
    """Put an annotation into a region: what is painted belongs to it.

    Parameters
    ----------
    labels : (Y, X) array of int32
        The region, positive.
    annotation : (Y, X) array of int32
        0 = unknown, k > 0 = painted, -1 = background stroke.

    Returns
    -------
    (Y, X) array of int32
        1 in the region, strokes left out.
    """
    inside = (labels > 0) | (annotation > 0)
    return (inside & (annotation >= 0)).astype(np.int32)


def off_the_border(labels: Labels) -> Labels:
    """Remove instances that touch the border of a plane, with all that is of them.

    An outline at image scale may cut specks off an instance; connected components, as
    `skimage.segmentation.clear_border` looks at them, would leave these behind.

    Parameters
    ----------
    labels : (Y, X) array of int32
        Instances.

    Returns
    -------
    (Y, X) array of int32
    """
    edges = np.concatenate((labels[0], labels[-1], labels[:, 0], labels[:, -1]))
    return np.where(np.isin(labels, edges), 0, labels).astype(np.int32)


def keep_numbers(labels: Labels, previous: Labels, fixed: Labels) -> Labels:
    """Give each instance the number it had in the last round.

    Parameters
    ----------
    labels : array of int32
        New instances; those that carry a positive number in ``fixed`` keep it.
    previous : array of int32, of the same shape
        Instances of the last round.
    fixed : array of int32, of the same shape
        The annotation: painted cells.

    Returns
    -------
    array of int32
        The same instances, with numbers of matching ones (one to one, IoU at
        least `SAME`, the most alike first) carried over and unused numbers for the
        rest.
    """
    held = np.unique(fixed[fixed > 0])
    free, before = (np.where(np.isin(c, held), 0, c) for c in (labels, previous))
    ids, area = np.unique(free[free > 0], return_counts=True)
    if not len(ids):
        return labels
    old, old_area = np.unique(before[before > 0], return_counts=True)
    pairs = find_overlaps(
        np.where(before > 0, before, -1), np.where(free > 0, free, -1)
    )
    rows = np.searchsorted(old, pairs.first)
    columns = np.searchsorted(ids, pairs.second) + len(old)
    both = np.append(old_area, area)
    # Those of before come first, numbered from 1; a match has the same number.
    match = chain(both, Overlaps(rows, columns, pairs.shared))[len(old) :]
    known = match <= len(old)
    numbers = np.empty(len(ids), np.int32)
    numbers[known] = old[match[known] - 1]
    numbers[~known] = unused_numbers(np.append(old, held), int((~known).sum()))
    result = labels.copy()
    result[free > 0] = numbers[np.searchsorted(ids, free[free > 0])]
    return result
