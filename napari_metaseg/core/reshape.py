"""Corrections that give cells of one plane another shape: split and join."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi
from skimage.draw import line
from skimage.measure import label
from skimage.morphology import disk

from .annotation import LEAST_AREA
from .cut_out import Labels, Mask, Point, around, cell_at
from .edits import Edit, labels_for, make_edit
from .errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

GAP = 3
"""Widest gap (px) that joining two cells closes."""


def split(annotation: Labels, shown: Labels, path: Sequence[Point]) -> Edit:
    """Cut a cell along a line; its pieces become painted cells.

    The largest piece keeps the number. Crumbs of fewer than `LEAST_AREA` px stay
    with the piece next to them, as do the pixels under the line.

    Parameters
    ----------
    annotation, shown : (Y, X) array of int32
        As `accept` takes them.
    path : sequence of (int, int)
        Corners (y, x) of the line; may lie outside the plane.

    Returns
    -------
    Edit

    Raises
    ------
    UserError
        If the line meets no cell or does not cut one in two.
    """
    cut = _pixels_on(path, annotation.shape)
    cell = cell_at(annotation, shown, _most_crossed(annotation, shown, cut))
    within = cut[cell.covers(cut)] - (cell.box.top, cell.box.left)
    free = cell.mask.copy()
    free[tuple(within.T)] = False
    pieces = label(free, connectivity=2)
    area = np.bincount(pieces.ravel())[1:]
    if len(area) < 2:
        raise UserError(
            "The line does not cut the cell in two; draw it from one side of the cell "
            "right through to the other."
        )
    large = np.flatnonzero(area >= LEAST_AREA)
    if len(large) < 2:
        raise UserError(
            f"One side of the line has fewer than {LEAST_AREA} px; cut the cell "
            "nearer to its middle."
        )
    order = large[np.argsort(-area[large], kind="stable")]
    wanted = [cell.number, *[0] * (len(order) - 1)]
    own = cell.number if cell.painted else None
    table = np.zeros(len(area) + 1, np.int32)
    table[order + 1] = labels_for(annotation, shown, wanted, own=own)
    drawn = _fill_from_nearest(table[pieces], cell.mask)
    return make_edit(annotation, cell.box, drawn, cells=len(order))


def join(annotation: Labels, shown: Labels, first: Point, second: Point) -> Edit:
    """Make two cells one painted cell; a gap of up to `GAP` px is closed.

    Parameters
    ----------
    annotation, shown : (Y, X) array of int32
        As `accept` takes them.
    first, second : (int, int)
        A pixel (y, x) of each cell.

    Returns
    -------
    Edit

    Raises
    ------
    UserError
        If it is one and the same cell, or the two are too far apart.
    """
    one, other = (cell_at(annotation, shown, point) for point in (first, second))
    if one.covers([second]).any():
        raise UserError("That is the same cell; click a second one.")
    box = around((one.box, other.box)).grown(GAP + 1, annotation.shape)
    a, b = one.on(box), other.on(box)
    joined = a | b
    if not (ndi.binary_dilation(a) & b).any():
        nobodys = (annotation[box.slices] == 0) & (shown[box.slices] == 0)
        joined |= _seam(a, b) & nobodys
        if label(joined, connectivity=2).max() > 1:
            raise UserError(
                f"The two cells are more than {GAP} px apart; paint what is between "
                "them first."
            )
    keeper = max((one, other), key=lambda cell: (cell.painted, cell.mask.sum()))
    own = keeper.number if keeper.painted else None
    (number,) = labels_for(annotation, shown, [keeper.number], own=own)
    return make_edit(annotation, box, np.where(joined, number, 0), cells=2)


def _pixels_on(path: Sequence[Point], shape: tuple[int, ...]) -> NDArray[np.intp]:
    """List the pixels (y, x) of a line that no neighbour can slip through."""
    ends = path if len(path) > 1 else [*path, *path]
    legs = [_leg(*one, *other) for one, other in pairwise(ends)]
    pixels = np.unique(np.concatenate(legs), axis=0)
    inside = ((pixels >= 0) & (pixels < shape)).all(axis=1)
    found: NDArray[np.intp] = pixels[inside]
    return found


def _leg(y: int, x: int, to_y: int, to_x: int) -> NDArray[np.intp]:
    rows, columns = line(y, x, to_y, to_x)
    corners = np.stack([rows[:-1], columns[1:]], axis=1)
    return np.concatenate([np.stack([rows, columns], axis=1), corners])


def _most_crossed(annotation: Labels, shown: Labels, cut: NDArray[np.intp]) -> Point:
    """Return a pixel of the cell that a line runs through the longest."""
    drawn, seen = annotation[tuple(cut.T)], shown[tuple(cut.T)].astype(np.int64)
    codes = np.where(drawn > 0, 2 * drawn.astype(np.int64) + 1, 2 * seen * (drawn == 0))
    on_cells = np.flatnonzero(codes > 0)
    if not len(on_cells):
        raise UserError("The line meets no cell; draw it right across one.")
    found, count = np.unique(codes[on_cells], return_counts=True)
    there = cut[codes == found[count.argmax()]]
    y, x = there[len(there) // 2]
    return int(y), int(x)


def _fill_from_nearest(pieces: Labels, mask: Mask) -> Labels:
    """Give the pixels of a mask that have no piece the one nearest to them."""
    where = ndi.distance_transform_edt(
        pieces == 0, return_distances=False, return_indices=True
    )
    filled: Labels = np.where(mask, pieces[tuple(where)], 0).astype(np.int32)
    return filled


def _seam(one: Mask, other: Mask) -> Mask:
    """Return what a closing adds between two parts."""
    closed = ndi.binary_closing(one | other, disk(GAP // 2 + 1))
    reach = disk(GAP)
    near_both = ndi.binary_dilation(one, reach) & ndi.binary_dilation(other, reach)
    seam: Mask = closed & near_both
    return seam
