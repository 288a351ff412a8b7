"""Cells on which several looks at the same plane agree.

A cell that is there is found whether one looks closely or from afar, and wherever one
begins to cut; what is found once only is more often wrong. So every cell of every look
is a candidate, its votes are how well the other looks have drawn it, and those with the
most are taken, as long as they do not overlap (weighted boxes fusion, Solovyev, Wang
and Gabruseva, Image and Vision Computing 2021, does likewise with boxes).
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from .linking import find_overlaps

if TYPE_CHECKING:
    from collections.abc import Sequence

Labels = NDArray[np.int32]

SAME = 0.4
"""IoU from which two looks have drawn the same cell."""

AGREED = 0.45
"""Mean IoU with the other looks that a cell needs; where one has not drawn it, 0."""

FREE = 0.6
"""Share of a cell that none with more votes may have taken."""


def vote(looks: Sequence[Labels]) -> Labels:
    """Choose the cells on which looks agree.

    Parameters
    ----------
    looks : sequence of (Y, X) arrays of int32
        Two or more. Among equals the first one counts.

    Returns
    -------
    (Y, X) array of int32
        Numbered from 1, in the order of their first pixels.
    """
    names, areas = _numbered_through(looks)
    votes = _votes(names, areas)
    look_of = np.repeat(np.arange(len(looks)), [int(look.max()) for look in looks])
    boxes = [box for look in looks for box in ndi.find_objects(look)]
    chosen = np.zeros(looks[0].shape, np.int32)
    number = 0
    for cell in np.argsort(-votes, kind="stable"):
        if votes[cell] < AGREED:
            break
        box = boxes[cell]
        if box is None:
            continue
        free = (names[look_of[cell]][box] == cell) & (chosen[box] == 0)
        if np.count_nonzero(free) >= FREE * areas[cell]:
            number += 1
            chosen[box][free] = number
    return _in_order(chosen)


def _numbered_through(
    looks: Sequence[Labels],
) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """Give cells of all looks numbers from 0, -1 where there is none; count pixels."""
    starts = np.cumsum([0, *(int(look.max()) for look in looks)])
    names = [
        np.where(look > 0, look.astype(np.int64) + start - 1, -1)
        for look, start in zip(looks, starts[:-1], strict=True)
    ]
    areas = np.zeros(starts[-1], np.int64)
    for name in names:
        areas += np.bincount(name[name >= 0], minlength=len(areas))
    return names, areas


def _votes(
    names: list[NDArray[np.int64]], areas: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return each cell's mean IoU with the cells that other looks have in its place."""
    best = np.zeros((len(names), len(areas)))
    for (i, one), (j, other) in combinations(enumerate(names), 2):
        first, second, shared = find_overlaps(one, other)
        iou = shared / (areas[first] + areas[second] - shared)
        np.maximum.at(best[j], first, iou)
        np.maximum.at(best[i], second, iou)
    best[best < SAME] = 0
    votes: NDArray[np.float64] = best.sum(0) / (len(names) - 1)
    return votes


def _in_order(labels: Labels) -> Labels:
    """Give cells numbers in the order of their first pixels."""
    numbers, first = np.unique(labels, return_index=True)
    known = numbers > 0
    new = np.zeros(int(numbers.max(initial=0)) + 1, np.int32)
    order = numbers[known][np.argsort(first[known])]
    new[order] = np.arange(1, len(order) + 1)
    return new[labels]
