"""What has been painted so far, read from the annotation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from napari_metaseg.core.annotation import (
    PaintedSize,
    diameter_of,
    painted_sizes,
    separate_parts,
)
from napari_metaseg.core.windows import grown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Painted:
    """A summary of an annotation.

    Attributes
    ----------
    cells : int
        Connected parts in each plane, as adaptation counts them.
    background : bool
        Whether there is a background stroke.
    diameter : float or None
        Diameter (px) of the cells, as adaptation measures it.
    """

    cells: int = 0
    background: bool = False
    diameter: float | None = None


def painted(annotation: NDArray[np.int32]) -> Painted:
    """Summarise an annotation, looking closely only where something is painted.

    Parameters
    ----------
    annotation : (..., Y, X) array of int32
        0 unknown, k > 0 cells, -1 background.

    Returns
    -------
    Painted
    """
    sizes: list[PaintedSize] = []
    background = False
    for part in _painted_parts(annotation):
        for cell in _cells(part):
            sizes += painted_sizes(separate_parts(cell), cell)
        background = background or bool((part < 0).any())
    return Painted(len(sizes), background, diameter_of(sizes) if sizes else None)


def _cells(part: NDArray[np.int32]) -> Iterator[NDArray[np.int32]]:
    """Yield each label alone, cut out, with its number.

    Like the part itself it has a rim of 1 px: only a label at the plane's edge touches
    its edge.
    """
    for k, box in enumerate(ndi.find_objects(np.maximum(part, 0)), start=1):
        if box is not None:
            around = part[grown(box, 1, part.shape)]
            yield np.where(around == k, around, 0)


def _painted_parts(annotation: NDArray[np.int32]) -> Iterator[NDArray[np.int32]]:
    """Yield of each plane the smallest rectangle that holds its paint, and a rim."""
    for plane in annotation.reshape(-1, *annotation.shape[-2:]):
        rows = np.flatnonzero(plane.any(axis=1))
        if rows.size:
            columns = np.flatnonzero(plane[rows[0] : rows[-1] + 1].any(axis=0))
            box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
            yield plane[grown(box, 1, plane.shape)]
