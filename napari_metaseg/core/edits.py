"""Corrections of one plane: which pixels of the annotation change, and to what.

An edit touches unpainted pixels, and those of the cells that it is told to change; no
other painted cell, ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .annotation import LEAST_AREA
from .cut_out import Box, Labels, Point, cell_at, parts_within
from .errors import UserError
from .numbering import unused_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


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
    (number,) = labels_for(annotation, shown, [cell.number])
    return make_edit(annotation, cell.box, np.where(cell.mask, number, 0), cells=1)


def reject(annotation: Labels, shown: Labels, point: Point) -> Edit:
    """Turn the cell under a point, shown or painted, into background.

    Parameters and errors are those of `accept`.
    """
    cell = cell_at(annotation, shown, point)
    return make_edit(annotation, cell.box, np.where(cell.mask, -1, 0), cells=1)


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
    table[chosen] = labels_for(annotation, shown, numbers[chosen].tolist())
    return make_edit(annotation, box, table[parts], cells=_some(len(chosen)))


def reject_within(annotation: Labels, shown: Labels, box: Box) -> Edit:
    """Turn all instances that lie wholly in a rectangle into background.

    Painted and accepted cells stay. Parameters and errors are those of
    `accept_within`.
    """
    parts, numbers = parts_within(annotation, shown, box)
    kept = np.count_nonzero(numbers)
    return make_edit(
        annotation, box, np.where(numbers[parts] > 0, -1, 0), cells=_some(int(kept))
    )


def complete(annotation: Labels, shown: Labels, box: Box) -> Edit:
    """Turn everything unpainted in a rectangle into background.

    Parameters
    ----------
    annotation : (Y, X) array of int32
        As painted.
    shown : (Y, X) array of int32
        The instances shown, which are background there unless they were accepted.
    box : Box
        The rectangle.

    Returns
    -------
    Edit
        Its cells are the instances that became background, in whole or in part.

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
    lost = np.unique(shown[box.slices][unknown])
    drawn = np.where(unknown, -1, 0)
    return make_edit(annotation, box, drawn, cells=int(np.count_nonzero(lost)))


def make_edit(
    annotation: Labels, box: Box, drawn: NDArray[np.integer], *, cells: int
) -> Edit:
    """Return what differs between the annotation and what is drawn.

    Parameters
    ----------
    annotation : (Y, X) array of int32
        As painted.
    box : Box
        A window.
    drawn : (y, x) array of int
        New labels in the window; 0 changes nothing.
    cells : int
        How many cells that concerns.
    """
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


def labels_for(
    annotation: Labels,
    shown: Labels,
    wanted: Sequence[int],
    *,
    own: int | None = None,
) -> list[int]:
    """Choose labels that no painted cell has: those wanted if free, else new ones.

    Parameters
    ----------
    annotation, shown : (Y, X) array of int32
        As `accept` takes them.
    wanted : sequence of int
        Labels; 0 for any.
    own : int, optional
        A painted label that may be used all the same.
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
