"""Instances, the annotation put into them, and the numbers that they keep."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from .linking import LINKED, Overlaps, chain, find_overlaps
from .numbering import unused_numbers

Labels = NDArray[np.int32]

SAME = LINKED
"""IoU from which an instance is the one of the last round and keeps its number."""

DEPTH_LEFT = 0.6
"""Share of its depth that an instance keeps where it is only trimmed. A stroke through
the middle leaves less than a half of it."""


def respect_annotation(labels: Labels, annotation: Labels) -> Labels:
    """Put the painted cells in verbatim, and keep strokes free.

    An instance that lies mostly on painted cells or on strokes is the same object,
    or a rejected one, and goes; so does one that is struck through the middle, of
    which a ring around the stroke would be left. Others only lose the pixels that were
    painted.

    Parameters
    ----------
    labels : (Y, X) array of int32
        Instances.
    annotation : (Y, X) array of int32
        0 = unknown, k > 0 = one whole cell, -1 = background stroke.

    Returns
    -------
    (Y, X) array of int32
        Painted cells carry their numbers k; the others get numbers above.
    """
    if not annotation.any():
        return labels
    area = np.bincount(labels.ravel())
    taken = np.bincount(labels[annotation != 0], minlength=len(area))
    gone = 2 * taken > area
    gone[_struck(labels, annotation < 0)] = True
    free = (labels > 0) & (annotation == 0) & ~gone[labels]
    numbers = np.append(0, unused_numbers(annotation, len(area) - 1))
    result = np.where(free, numbers[labels], 0)
    return np.where(annotation > 0, annotation, result).astype(np.int32)


def _struck(labels: Labels, strokes: NDArray[np.bool_]) -> list[int]:
    """Find the instances of which strokes take the middle, not only an edge."""
    touched = np.unique(labels[strokes & (labels > 0)])
    if not len(touched):
        return []
    boxes = ndi.find_objects(labels)
    struck = []
    for k in touched.tolist():
        box = boxes[k - 1]
        cell = labels[box] == k
        before, after = _depth(cell), _depth(cell & ~strokes[box])
        if after < DEPTH_LEFT * before:
            struck.append(k)
    return struck


def _depth(mask: NDArray[np.bool_]) -> float:
    """Return the largest distance (px) of a pixel of it to what is outside."""
    return float(ndi.distance_transform_edt(np.pad(mask, 1)).max())


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
