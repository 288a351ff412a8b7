"""Corrections of one plane: which pixels of the annotation change, and to what.

An edit touches unpainted pixels, and those of the cells that it is told to change; no
other painted cell, ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi
from skimage.draw import line
from skimage.measure import label
from skimage.morphology import disk

from .annotation import LEAST_AREA
from .cut_out import Box, Labels, Mask, Point, around, cell_at, parts_within
from .errors import UserError
from .instances import unused_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

GAP = 3
"""Widest gap (px) that joining two cells closes."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Pixels of one plane of an annotation, and their new labels.

    Attributes
    ----------
    rows, columns : (N,) array of int32
        Where; each pixel once.
    labels : (N,) array of int32
        What is written there; differs from what is there.
    cells : int
        How many cells were accepted, rejected, made or joined.
    """

    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    labels: Labels
    cells: int

    def apply(self, annotation: Labels) -> Labels:
        """Return a copy of the plane with the edit carried out."""
        result = annotation.copy()
        result[self.rows, self.columns] = self.labels
        return result


def accept(annotation: Labels, shown: Labels, point: Point) -> Edit:
    """Make the instance under a point a painted cell.

    It keeps its number where no painted cell has it, and with it its colour.

    Parameters
    ----------
    annotation : (Y, X) array of int32
        0 = unknown, k > 0 = one whole cell, -1 = background stroke.
    shown : (Y, X) array of int32
        Instances as they are shown.
    point : (int, int)
        Pixel (y, x).

    Returns
    -------
    Edit

    Raises
    ------
    UserError
        If there is no instance, a painted cell, or one that is too small.
    """
    cell = cell_at(annotation, shown, point)
    if cell.painted:
        raise UserError("This cell is painted or accepted already; click another one.")
    if cell.mask.sum() < LEAST_AREA:
        raise UserError(
            f"This cell has fewer than {LEAST_AREA} px, too few to learn from; paint "
            "it larger or reject it."
        )
    (number,) = _labels_for(annotation, shown, [cell.number])
    return _edit(annotation, cell.box, np.where(cell.mask, number, 0), cells=1)


def reject(annotation: Labels, shown: Labels, point: Point) -> Edit:
    """Turn the cell under a point, shown or painted, into background.

    Parameters and errors are those of `accept`.
    """
    cell = cell_at(annotation, shown, point)
    return _edit(annotation, cell.box, np.where(cell.mask, -1, 0), cells=1)


def accept_within(annotation: Labels, shown: Labels, box: Box) -> Edit:
    """Make all instances that lie wholly in a rectangle painted cells.

    Parameters
    ----------
    annotation, shown : (Y, X) array of int32
        As `accept` takes them.
    box : Box
        The rectangle.

    Returns
    -------
    Edit

    Raises
    ------
    UserError
        If there is none that is large enough.
    """
    parts, numbers = parts_within(annotation, shown, box)
    large = np.bincount(parts.ravel(), minlength=len(numbers)) >= LEAST_AREA
    chosen = np.flatnonzero(large & (numbers > 0))
    table = np.zeros(len(numbers), np.int32)
    table[chosen] = _labels_for(annotation, shown, numbers[chosen].tolist())
    return _edit(annotation, box, table[parts], cells=_some(len(chosen)))


def reject_within(annotation: Labels, shown: Labels, box: Box) -> Edit:
    """Turn all instances that lie wholly in a rectangle into background.

    Painted and accepted cells stay. Parameters and errors are those of
    `accept_within`.
    """
    parts, numbers = parts_within(annotation, shown, box)
    kept = np.count_nonzero(numbers)
    return _edit(
        annotation, box, np.where(numbers[parts] > 0, -1, 0), cells=_some(int(kept))
    )


def complete(annotation: Labels, box: Box) -> Edit:
    """Turn everything unpainted in a rectangle into background.

    Parameters
    ----------
    annotation : (Y, X) array of int32
        As painted.
    box : Box
        The rectangle.

    Returns
    -------
    Edit

    Raises
    ------
    UserError
        If nothing in it is unpainted.
    """
    unknown = annotation[box.slices] == 0
    if not unknown.any():
        raise UserError(
            "Nothing in this rectangle is unpainted; draw it where something is."
        )
    return _edit(annotation, box, np.where(unknown, -1, 0), cells=0)


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
    table[order + 1] = _labels_for(annotation, shown, wanted, own=own)
    drawn = _fill_from_nearest(table[pieces], cell.mask)
    return _edit(annotation, cell.box, drawn, cells=len(order))


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
    (number,) = _labels_for(annotation, shown, [keeper.number], own=own)
    return _edit(annotation, box, np.where(joined, number, 0), cells=2)


def _edit(
    annotation: Labels, box: Box, drawn: NDArray[np.integer], *, cells: int
) -> Edit:
    """Return what differs between the annotation and what is drawn (0 is nothing)."""
    changed = (drawn != 0) & (drawn != annotation[box.slices])
    rows, columns = np.nonzero(changed)
    return Edit(
        (rows + box.top).astype(np.int32),
        (columns + box.left).astype(np.int32),
        drawn[rows, columns].astype(np.int32),
        cells,
    )


def _some(cells: int) -> int:
    if not cells:
        raise UserError(
            "No cell that is still to be judged lies wholly in this rectangle; draw "
            "it all the way around some."
        )
    return cells


def _labels_for(
    annotation: Labels,
    shown: Labels,
    wanted: Sequence[int],
    *,
    own: int | None = None,
) -> list[int]:
    """Choose labels that no painted cell has: those wanted if free, else new ones.

    ``own`` is a painted label that may be used all the same.
    """
    taken = np.setdiff1d(annotation[annotation > 0], own or 0)
    top = max(annotation.max(), shown.max())
    fresh = iter(unused_numbers(np.append(taken, top), len(wanted)).tolist())
    used = {0, *taken.tolist()}
    chosen: list[int] = []
    for number in wanted:
        chosen.append(next(fresh) if number in used else number)
        used.add(number)
    return chosen


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
