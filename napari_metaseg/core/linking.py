"""The same cell in following planes: matched by overlap, one to one."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .errors import UserError
from .numbering import unused_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

LINKED = 0.25
"""IoU from which instances in following planes are the same cell."""

LINKS = {"none": "", "z": "Z", "t": "T", "zt": "ZT"}
"""Names of the ways to link, and the axes that they follow."""


class Overlaps(NamedTuple):
    """Pairs of cells that share pixels.

    Attributes
    ----------
    first, second : (M,) array of int
        Indices of the two; the second lies in the plane that follows.
    shared : (M,) array of int
        Pixels that they share.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    shared: NDArray[np.int64]


def find_overlaps(before: NDArray[np.integer], after: NDArray[np.integer]) -> Overlaps:
    """Count the pixels that the cells of two planes share.

    Parameters
    ----------
    before, after : (Y, X) array of int
        Cells, numbered through both planes; negative where there is none.
    """
    both = (before >= 0) & (after >= 0)
    width = int(after.max(initial=0)) + 1
    # One number a pair: sorting these is many times as fast as sorting pairs.
    pairs = before[both].astype(np.int64) * width + after[both]
    found, shared = np.unique(pairs, return_counts=True)
    return Overlaps(*np.divmod(found, width), shared)


def join_overlaps(parts: list[Overlaps]) -> Overlaps:
    """Add up overlaps that were counted in several places."""
    empty = Overlaps(*np.zeros((3, 0), np.int64))
    first, second, shared = (np.concatenate(c) for c in zip(*parts, empty, strict=True))
    pairs, places = np.unique(np.stack([first, second]), axis=1, return_inverse=True)
    total = np.bincount(places, shared, pairs.shape[1]).astype(np.int64)
    return Overlaps(pairs[0], pairs[1], total)


def chain(area: NDArray[np.integer], overlaps: Overlaps) -> NDArray[np.int64]:
    """Give cells that follow each other one number.

    Of all pairs with an IoU of at least `LINKED` the one with the highest is linked
    first; each cell has one predecessor and one successor at most.

    Parameters
    ----------
    area : (N,) array of int
        Pixels of each cell, in the order of the planes.
    overlaps : Overlaps
        Of cells in planes that follow each other; a pair occurs once.

    Returns
    -------
    (N,) array of int64
        Numbers from 1, in the order of the cells that have no predecessor.
    """
    first, second, shared = overlaps
    iou = shared / (area[first] + area[second] - shared)
    predecessor = np.full(len(area), -1, np.int64)
    followed = np.zeros(len(area), bool)
    for k in np.lexsort((second, first, -iou)):
        if iou[k] < LINKED:
            break
        a, b = first[k], second[k]
        if predecessor[b] < 0 and not followed[a]:
            predecessor[b], followed[a] = a, True
    heads = np.arange(len(area))
    # A predecessor may have the larger index: of whole cells in depth, linked through
    # time, where depth comes first. So each one's head is looked up, and theirs.
    linked = predecessor >= 0
    heads[linked] = predecessor[linked]
    while (heads[heads] != heads).any():
        heads = heads[heads]
    return np.cumsum(~linked, dtype=np.int64)[heads]


def link(
    area: NDArray[np.integer], along_z: Overlaps | None, along_t: Overlaps | None
) -> NDArray[np.int64]:
    """Give cells numbers through a stack, a movie, or a movie of stacks.

    In a movie of stacks planes are linked first, and then whole cells through time.

    Parameters
    ----------
    area : (N,) array of int
        Pixels of each cell, in the order of the planes.
    along_z, along_t : Overlaps or None
        Of planes that follow each other in depth and in time; None not to link them.

    Returns
    -------
    (N,) array of int64
        Numbers from 1.
    """
    nothing = join_overlaps([])
    bodies = chain(area, along_z or nothing)
    if along_t is None:
        return bodies
    whole = np.bincount(bodies, area)[1:].astype(np.int64)
    moved = Overlaps(
        bodies[along_t.first] - 1, bodies[along_t.second] - 1, along_t.shared
    )
    return chain(whole, join_overlaps([moved]))[bodies - 1]


def successors(
    axes: str, shape: tuple[int, ...], axis: str
) -> Iterator[tuple[int, int]]:
    """Name the pairs of planes that follow each other along an axis.

    Parameters
    ----------
    axes : str
        One letter for each axis of the planes.
    shape : tuple of int
        Their length.
    axis : str
        Which one.

    Yields
    ------
    int, int
        Indices of a plane and of the next.
    """
    index = np.moveaxis(np.arange(np.prod(shape)).reshape(shape), axes.index(axis), 0)
    for before, after in pairwise(index):
        yield from zip(before.ravel().tolist(), after.ravel().tolist(), strict=True)


def check_link(name: str, axes: str) -> str:
    """Check how cells are to be linked.

    Parameters
    ----------
    name : str
        One of `LINKS`.
    axes : str
        Those of the labels.

    Returns
    -------
    str
        Axes to link along.

    Raises
    ------
    UserError
        If there is no such way, or no such axis.
    """
    if name not in LINKS:
        raise UserError(f"There is no link '{name}'; choose {', '.join(LINKS)}.")
    missing = set(LINKS[name]) - set(axes)
    if missing:
        raise UserError(
            f"Cells cannot be linked along {min(missing)}, which is not among the axes "
            f"'{axes}'; name the axes, or link them otherwise."
        )
    return LINKS[name]


def link_labels(labels: NDArray[np.integer], axes: str, name: str) -> NDArray[np.int32]:
    """Give instances numbers through the planes of a stack or a movie.

    Parameters
    ----------
    labels : array of int
        Instances of each plane.
    axes : str
        One letter an axis, ending in ``YX``.
    name : str
        One of `LINKS`; for ``"none"`` the labels are returned as they are.

    Returns
    -------
    array of int32
        The same instances, numbered from 1 in the order of planes and rows.

    Raises
    ------
    UserError
        If they cannot be linked in this way.
    """
    along = check_link(name, axes)
    if not along:
        return labels.astype(np.int32, copy=False)
    planes = labels.reshape(-1, *labels.shape[-2:])
    cells = np.full(planes.shape, -1, np.int64)
    areas: list[NDArray[np.int64]] = []
    total = 0
    for plane, target in zip(planes, cells, strict=True):
        numbers, at, where, area = np.unique(
            plane, return_index=True, return_inverse=True, return_counts=True
        )
        # In raster order, so that nothing depends on the numbers they had.
        order = np.argsort(np.where(numbers > 0, at, plane.size), kind="stable")
        count = int((numbers > 0).sum())
        rank = np.full(len(numbers), -1)
        rank[order[:count]] = total + np.arange(count)
        target[:] = rank[where].reshape(plane.shape)
        areas.append(area[order[:count]])
        total += count
    found = {
        axis: join_overlaps(
            [
                find_overlaps(cells[a], cells[b])
                for a, b in successors(axes[:-2], labels.shape[:-2], axis)
            ]
        )
        for axis in along
    }
    numbers = link(np.concatenate(areas), found.get("Z"), found.get("T"))
    return np.append(numbers, 0)[cells].astype(np.int32).reshape(labels.shape)


def link_where_possible(
    labels: NDArray[np.integer], axes: str, name: str
) -> NDArray[np.int32]:
    """Link instances along those of the axes that there are; see `link_labels`."""
    along = "".join(axis for axis in LINKS[name] if axis in axes)
    return link_labels(labels, axes, along.lower() or "none")


def keep_linked(
    linked: NDArray[np.int32], before: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Give linked instances the numbers that most of their pixels had.

    Parameters
    ----------
    linked : array of int32
        From `link_labels`.
    before : array of int32
        The same instances under other numbers, or earlier ones.

    Returns
    -------
    array of int32
        The same instances; no two have one number.
    """
    both = (linked > 0) & (before > 0)
    # One key a pair is sorted faster than two columns.
    base = int(before.max(initial=0)) + 1
    pairs, shared = np.unique(
        linked[both].astype(np.int64) * base + before[both], return_counts=True
    )
    count = int(linked.max(initial=0))
    numbers = np.zeros(count + 1, np.int64)
    taken: set[int] = set()
    for k in np.argsort(-shared, kind="stable"):
        new, old = divmod(int(pairs[k]), base)
        if not numbers[new] and old not in taken:
            numbers[new] = old
            taken.add(old)
    left = np.flatnonzero(numbers[1:] == 0) + 1
    numbers[left] = unused_numbers(before, len(left))
    kept: NDArray[np.int32] = numbers.astype(np.int32)[linked]
    return kept
