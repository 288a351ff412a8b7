"""Instances, the annotation put into them, and the numbers that they keep."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from .metrics import iou_matrix

Labels = NDArray[np.int32]

SAME = 0.25
"""IoU from which an instance is the one of the last round and keeps its number."""


def respect_annotation(labels: Labels, annotation: Labels) -> Labels:
    """Put the painted cells in verbatim, and keep strokes free.

    An instance that lies mostly on painted cells or on strokes is the same object,
    or a rejected one, and goes; others only lose the pixels that were painted.

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
    free = (labels > 0) & (annotation == 0) & ~(2 * taken > area)[labels]
    numbers = np.append(0, unused_numbers(annotation, len(area) - 1))
    result = np.where(free, numbers[labels], 0)
    return np.where(annotation > 0, annotation, result).astype(np.int32)


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
        least `SAME`) carried over and unused numbers for the rest.
    """
    held = np.unique(fixed[fixed > 0])
    ids = np.setdiff1d(np.unique(labels), np.append(held, 0))
    if not len(ids):
        return labels
    old = np.setdiff1d(np.unique(previous), np.append(held, 0))
    free = np.where(np.isin(labels, ids), labels, 0)
    iou = iou_matrix(np.where(np.isin(previous, old), previous, 0), free)
    rows, columns = linear_sum_assignment(-iou)
    new = dict.fromkeys(ids.tolist(), 0)
    for row, column in zip(rows, columns, strict=True):
        if iou[row, column] >= SAME:
            new[int(ids[column])] = int(old[row])
    homeless = [key for key, value in new.items() if not value]
    unused = unused_numbers(np.append(old, held), len(homeless))
    new.update(zip(homeless, unused.tolist(), strict=True))
    numbers = np.array(list(new.values()), np.int32)
    result = labels.copy()
    result[free > 0] = numbers[np.searchsorted(ids, free[free > 0])]
    return result


def unused_numbers(taken: Labels, count: int) -> NDArray[np.int64]:
    """Return numbers above those taken, or gaps where int32 ends.

    Parameters
    ----------
    taken : array of int32
        Numbers in use.
    count : int
        How many are wanted.

    Returns
    -------
    (count,) array of int64
    """
    top = max(0, int(taken.max(initial=0)))
    if top + count <= np.iinfo(np.int32).max:
        return np.arange(top + 1, top + 1 + count)
    used = np.unique(taken)
    return np.setdiff1d(np.arange(1, len(used) + count + 1), used)[:count]
