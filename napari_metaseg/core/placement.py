"""Where an image lies in the world."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Placement:
    """The way from the pixels of an image to the world, as napari tells it.

    Attributes
    ----------
    scale : tuple of float
        Size of a pixel along each axis.
    units : tuple of str
        Its unit.
    affine : tuple of tuple of float
        What follows the scale: a square matrix with a row and a column more than there
        are axes, which turns, shears and moves.

    Raises
    ------
    ValueError
        If the parts do not fit together.
    """

    scale: tuple[float, ...]
    units: tuple[str, ...]
    affine: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        """Check the values."""
        count = len(self.scale)
        numbers = [*self.scale, *(number for row in self.affine for number in row)]
        if (
            len(self.units) != count
            or [len(row) for row in self.affine] != [count + 1] * (count + 1)
            or not all(map(math.isfinite, numbers))
            or not all(self.scale)
        ):
            raise ValueError(self)

    def of_axes(self, axes: Sequence[int]) -> Placement:
        """Return the placement of an image that has only some of the axes."""
        rows = (*axes, len(self.scale))
        return Placement(
            tuple(self.scale[i] for i in axes),
            tuple(self.units[i] for i in axes),
            tuple(tuple(self.affine[i][j] for j in rows) for i in rows),
        )
