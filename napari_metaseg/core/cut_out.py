"""Cells and rectangles of one plane, cut out so that work stays small.

A cell is one connected part (8 neighbours) of a number: of a painted cell, or of an
instance shown, less what was painted over it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.measure import label

from .errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

Labels: TypeAlias = NDArray[np.int32]
Mask: TypeAlias = NDArray[np.bool_]
Point: TypeAlias = tuple[int, int]

_SQUARE = np.ones((3, 3), bool)
_WINDOW = 64  # px around a click in which a cell is looked for first


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels: rows top to bottom - 1, columns left to right - 1."""

    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def between(
        cls, one: Sequence[float], other: Sequence[float], shape: tuple[int, int]
    ) -> Box:
        """Return the pixels whose centres lie between two corners (y, x)."""
        low = np.ceil(np.minimum(one, other)).astype(int)
        high = np.floor(np.maximum(one, other)).astype(int) + 1
        top, left = np.clip(low, 0, shape)
        bottom, right = np.clip(high, 0, shape)
        return cls(int(top), int(left), int(bottom), int(right))

    @property
    def slices(self) -> tuple[slice, slice]:
        """The rectangle as an index."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grown(self, margin: int, shape: tuple[int, int]) -> Box:
        """Return a larger rectangle, as far as the plane goes."""
        return Box(
            max(self.top - margin, 0),
            max(self.left - margin, 0),
            min(self.bottom + margin, shape[0]),
            min(self.right + margin, shape[1]),
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell, cut out.

    Attributes
    ----------
    number : int
        Its label, or the number under which it is shown.
    painted : bool
        Whether it is a painted cell.
    box : Box
        A window around it.
    mask : (y, x) array of bool
        Its pixels in the window.
    """

    number: int
    painted: bool
    box: Box
    mask: Mask

    def covers(self, points: Sequence[Point] | NDArray[np.intp]) -> Mask:
        """Return of each pixel (y, x) whether it belongs to the cell."""
        places = np.asarray(points) - (self.box.top, self.box.left)
        inside = ((places >= 0) & (places < self.mask.shape)).all(axis=1)
        result = np.zeros(len(places), bool)
        result[inside] = self.mask[tuple(places[inside].T)]
        return result

    def on(self, box: Box) -> Mask:
        """Return its pixels in a window that holds its own."""
        result = np.zeros((box.bottom - box.top, box.right - box.left), bool)
        y, x = self.box.top - box.top, self.box.left - box.left
        result[y : y + self.mask.shape[0], x : x + self.mask.shape[1]] = self.mask
        return result


def around(boxes: Sequence[Box]) -> Box:
    """Return the smallest rectangle that holds all of some."""
    return Box(
        min(box.top for box in boxes),
        min(box.left for box in boxes),
        max(box.bottom for box in boxes),
        max(box.right for box in boxes),
    )


def cell_at(annotation: Labels, shown: Labels, point: Point) -> Cell:
    """Cut out the cell under a pixel, in a window that grows with it.

    Parameters
    ----------
    annotation, shown : (Y, X) array of int32
        The annotation, and the instances shown.
    point : (int, int)
        Pixel (y, x).

    Returns
    -------
    Cell

    Raises
    ------
    UserError
        If there is none.
    """
    y, x = point
    inside = 0 <= y < annotation.shape[0] and 0 <= x < annotation.shape[1]
    painted = int(annotation[y, x]) if inside else 0
    number = painted if painted else (int(shown[y, x]) if inside else 0)
    if number <= 0:
        raise UserError("There is no cell here; click inside an outline.")
    box = Box(y, x, y + 1, x + 1)
    margin = _WINDOW
    while True:
        box = box.grown(margin, annotation.shape)
        drawn, seen = annotation[box.slices], shown[box.slices]
        same = drawn == number if painted else (seen == number) & (drawn == 0)
        parts, _ = ndi.label(same, _SQUARE)
        mask = parts == parts[y - box.top, x - box.left]
        if box == box.grown(1, annotation.shape) or not _meets_edge(mask):
            return _trimmed(Cell(number, painted > 0, box, mask))
        margin *= 2


def _meets_edge(mask: Mask) -> bool:
    return bool(mask[[0, -1]].any() or mask[:, [0, -1]].any())


def _trimmed(cell: Cell) -> Cell:
    """Return the same cell in the smallest window."""
    rows, columns = ndi.find_objects(cell.mask.astype(np.uint8))[0]
    box = Box(
        cell.box.top + rows.start,
        cell.box.left + columns.start,
        cell.box.top + rows.stop,
        cell.box.left + columns.stop,
    )
    return Cell(cell.number, cell.painted, box, cell.mask[rows, columns])


def parts_within(
    annotation: Labels, shown: Labels, box: Box
) -> tuple[NDArray[np.intp], Labels]:
    """Find the parts of unpainted instances in a rectangle.

    Parameters
    ----------
    annotation, shown : (Y, X) array of int32
        The annotation, and the instances shown.
    box : Box
        The rectangle.

    Returns
    -------
    (y, x) array of int
        Parts 1..n, as the rectangle sees them.
    (n + 1,) array of int32
        The number shown of each part, 0 for those that reach beyond.
    """
    wide = box.grown(1, annotation.shape)
    free = np.where(annotation[wide.slices] == 0, shown[wide.slices], 0)
    parts = label(free, connectivity=2)
    numbers = np.zeros(parts.max(initial=0) + 1, np.int32)
    numbers[parts] = free
    inner = np.zeros(parts.shape, bool)
    y, x = box.top - wide.top, box.left - wide.left
    within = (
        slice(y, y + box.bottom - box.top),
        slice(x, x + box.right - box.left),
    )
    inner[within] = True
    numbers[parts[~inner]] = 0
    return parts[within], numbers
