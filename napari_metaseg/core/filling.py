"""Putting masks that exist already into an annotation, around what is painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .annotation import LEAST_AREA
from .edits import labels_for
from .errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Filling:
    """Unknown pixels of an annotation, and what becomes of them.

    Attributes
    ----------
    pixels : tuple of (N,) arrays of int
        Where, one array an axis; each pixel once.
    labels : (N,) array of int32
        What is written there.
    cells : int
        How many cells that are, counted in each plane.
    left_out : int
        Cells that are not among them, for they are painted or too small.
    """

    pixels: tuple[NDArray[np.intp], ...]
    labels: NDArray[np.int32]
    cells: int
    left_out: int

    def still_unknown(self, annotation: NDArray[np.int32]) -> Filling:
        """Return what of it can be written now that the annotation may have changed."""
        free = annotation[self.pixels] == 0
        pixels = tuple(axis[free] for axis in self.pixels)
        return Filling(pixels, self.labels[free], self.cells, self.left_out)


def fill_unknown(
    annotation: NDArray[np.int32],
    masks: NDArray[np.integer],
    *,
    least: int = LEAST_AREA,
) -> Filling:
    """Put masks into the unknown pixels of an annotation; what is painted stays.

    A mask of which half or more is painted over is left out, for what remains of it
    would be no whole cell. The others keep their number where it is free.

    Parameters
    ----------
    annotation : (..., Y, X) array of int32
        0 = unknown, k > 0 = one whole cell, -1 = background stroke.
    masks : (..., Y, X) array of int
        Numbers likewise; -1 marks background.
    least : int
        Masks with fewer unknown pixels than this are left out.

    Returns
    -------
    Filling

    Raises
    ------
    UserError
        If the shapes differ or a number does not fit an annotation.
    """
    if masks.shape != annotation.shape:
        raise UserError(
            f"The masks have the shape {masks.shape} and the image "
            f"{annotation.shape}; choose masks of this image."
        )
    if masks.size and not -1 <= masks.min() <= masks.max() <= np.iinfo(np.int32).max:
        raise UserError(
            "The masks hold numbers other than 0, -1 for background and up to "
            f"{np.iinfo(np.int32).max} for cells; number the cells from 1."
        )
    places: list[tuple[NDArray[np.intp], ...]] = []
    labels: list[NDArray[np.int32]] = []
    cells = left_out = 0
    for plane in np.ndindex(annotation.shape[:-2]):
        drawn, put_in = _fill_plane(annotation[plane], masks[plane], least)
        rows, columns = np.nonzero(drawn)
        leading = (np.full(rows.size, i, np.intp) for i in plane)
        places.append((*leading, rows, columns))
        labels.append(drawn[rows, columns])
        cells += int(np.count_nonzero(put_in))
        left_out += int(np.count_nonzero(~put_in))
    pixels = tuple(np.concatenate(axis) for axis in zip(*places, strict=True))
    return Filling(pixels, np.concatenate(labels), cells, left_out)


def _fill_plane(
    annotation: NDArray[np.int32], masks: NDArray[np.integer], least: int
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return what to write (0 for nothing), and which of the cells are put in."""
    unknown = annotation == 0
    numbers, which = np.unique(np.maximum(masks, 0), return_inverse=True)
    which = which.reshape(masks.shape)
    area = np.bincount(which.ravel(), minlength=len(numbers))
    free = np.bincount(which[unknown], minlength=len(numbers))
    put_in = (2 * free > area) & (free >= least)
    table = np.zeros(len(numbers), np.int32)
    chosen = np.flatnonzero(put_in & (numbers > 0))
    wanted = numbers[chosen].tolist()
    table[chosen] = labels_for(annotation, masks.astype(np.int32), wanted)
    drawn = np.where(masks < 0, np.int32(-1), table[which])
    return np.where(unknown, drawn, 0), put_in[numbers > 0]
