"""What is painted on an image, kept without the unknown pixels around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .windows import grid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SIDE = 256
"""Side of the squares in which paint is kept, px."""


@dataclass(frozen=True, slots=True, eq=False)
class Painting:
    """A copy of an annotation that takes time and memory only where it is painted.

    A few cells on a large image are the usual case. To copy all of 4096 x 4096 px would
    hold up a window for a tenth of a second, and each round of a history keeps its own.

    Attributes
    ----------
    shape : tuple of int
        Of the annotation: (..., Y, X).
    squares : dict of (int, int, int) to (y, x) array of int32
        The squares that hold paint, by their plane, first row and first column.
    """

    shape: tuple[int, ...]
    squares: dict[tuple[int, int, int], NDArray[np.int32]]

    @classmethod
    def of(cls, annotation: NDArray[np.int32]) -> Painting:
        """Copy what is painted.

        Parameters
        ----------
        annotation : (..., Y, X) array of int32
            0 = unknown, k > 0 = one whole cell, -1 = background stroke.

        Returns
        -------
        Painting
        """
        squares = {place: part.copy() for place, part in _painted_squares(annotation)}
        return cls(annotation.shape, squares)

    def array(self) -> NDArray[np.int32]:
        """Return the annotation as a new array, unknown pixels included."""
        result = np.zeros(self.shape, np.int32)
        planes = _planes(result)
        for (plane, top, left), part in self.squares.items():
            height, width = part.shape
            planes[plane, top : top + height, left : left + width] = part
        return result

    def is_still(self, annotation: NDArray[np.int32]) -> bool:
        """Tell whether an annotation is what was copied."""
        if annotation.shape != self.shape:
            return False
        now = dict(_painted_squares(annotation))
        return now.keys() == self.squares.keys() and all(
            np.array_equal(part, self.squares[place]) for place, part in now.items()
        )


def _painted_squares(
    annotation: NDArray[np.int32],
) -> Iterator[tuple[tuple[int, int, int], NDArray[np.int32]]]:
    """Yield place and pixels of each square that holds paint."""
    for plane, pixels in enumerate(_planes(annotation)):
        for rows, columns in grid(pixels.shape, SIDE):
            part = pixels[rows, columns]
            if part.any():
                yield (plane, rows.start, columns.start), part


def _planes(annotation: NDArray[np.int32]) -> NDArray[np.int32]:
    return annotation.reshape(-1, *annotation.shape[-2:])
