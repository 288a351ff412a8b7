"""Objects in objects: which cell each nucleus belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Parents:
    """The outer object of each inner one.

    Attributes
    ----------
    inner : (N,) array of int64
        Numbers of the inner objects, rising.
    outer : (N,) array of int64
        Number of the outer object that holds most of each; 0 if none does.
    share : (N,) array of float64
        The part of the inner object's pixels that it holds, in [0, 1].
    """

    inner: NDArray[np.int64]
    outer: NDArray[np.int64]
    share: NDArray[np.float64]

    def paint(self, labels: NDArray[np.integer]) -> NDArray[np.int32]:
        """Return the inner objects under their outer objects' numbers."""
        place = np.searchsorted(self.inner, labels)
        numbers = np.append(self.outer, 0)[place]
        return np.where(labels > 0, numbers, 0).astype(np.int32)


def find_parents(inner: NDArray[np.integer], outer: NDArray[np.integer]) -> Parents:
    """Find for each inner object the outer object that holds most of it.

    Parameters
    ----------
    inner, outer : (..., Y, X) arrays of int
        Instances from 1; 0 is no object. Equal numbers in several planes are one
        object.

    Returns
    -------
    Parents
        Of two outer objects that hold equally much, the one of lower number.

    Raises
    ------
    UserError
        If the shapes differ.
    """
    if inner.shape != outer.shape:
        raise UserError(
            f"The inner objects have the shape {inner.shape} and the outer ones "
            f"{outer.shape}; link two targets of one image."
        )
    inside = inner > 0
    own, around = inner[inside].astype(np.int64), outer[inside].astype(np.int64)
    numbers, place, area = np.unique(own, return_inverse=True, return_counts=True)
    held = around > 0
    pairs = np.stack([place.ravel()[held], around[held]])
    (rows, parents), overlap = np.unique(pairs, axis=1, return_counts=True)
    best = np.zeros(len(numbers), np.int64)
    most = np.zeros(len(numbers), np.int64)
    # The largest overlap is written last, and of equal ones the lowest number.
    order = np.lexsort((-parents, overlap))
    best[rows[order]], most[rows[order]] = parents[order], overlap[order]
    return Parents(numbers, best, most / np.maximum(area, 1))


def lies_inside(one: NDArray[np.integer], other: NDArray[np.integer]) -> bool:
    """Say whether objects lie in those of another target, rather than around them.

    Parameters
    ----------
    one, other : (..., Y, X) arrays of int
        Instances, as `find_parents` takes them.

    Returns
    -------
    bool
        Whether `one` is the inner target.
    """
    here, there = find_parents(one, other), find_parents(other, one)
    if not here.share.size or not there.share.size:
        return bool(here.share.size)
    return bool(here.share.mean() >= there.share.mean())
