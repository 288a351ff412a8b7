"""What a person painted: checked, measured, and read generously."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import starmap
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage as ndi

from .errors import UserError
from .objects import object_diameters, usual_diameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

LEAST_AREA = 12
"""Painted cells below this many px are slips of the brush."""

MOST_OF_IMAGE = 0.8
"""Share of the plane from which one painted cell is the whole image."""


@dataclass(frozen=True, slots=True)
class Annotated:
    """A checked annotation.

    Attributes
    ----------
    diameter : float
        Diameter (px) of the painted cells, see `usual_diameter`.
    n_cells : int
        Number of painted cells.
    n_strokes : int
        Number of connected background strokes.
    note : str
        What the person should know; may be empty.
    """

    diameter: float
    n_cells: int
    n_strokes: int
    note: str = ""


def as_annotation(
    annotation: NDArray[np.generic], shape: tuple[int, ...]
) -> NDArray[np.int32]:
    """Check type, shape and values.

    Parameters
    ----------
    annotation : array
        Integers or booleans.
    shape : tuple of int
        Shape of the image without its channel axis.

    Returns
    -------
    array of int32

    Raises
    ------
    UserError
        If it is no annotation of an image of this shape.
    """
    annotation = np.asarray(annotation)
    if annotation.dtype.kind not in "iub":
        raise UserError(
            f"The annotation has type {annotation.dtype}; use whole numbers "
            "(0 unknown, 1, 2, ... cells, -1 background)."
        )
    if annotation.shape != shape:
        raise UserError(
            f"The annotation is {annotation.shape} but the image, without channels, "
            f"is {shape}; both must have the same shape. Of a stack or movie, give all "
            "planes, with 0 where nothing is painted, or adapt to single ones."
        )
    if annotation.size and (
        annotation.min() < -1 or annotation.max() > np.iinfo(np.int32).max
    ):
        raise UserError(
            "The annotation holds numbers below -1 or above 2147483647; use 0 for "
            "unknown, 1, 2, ... for cells and -1 for background."
        )
    return annotation.astype(np.int32)


class PaintedSize(NamedTuple):
    """How large a painted cell is. Sorted, they tell the object size the better first.

    Attributes
    ----------
    cut_off : bool
        Whether it touches the edge of the plane, so that more of it may lie beyond.
    number : int
        Number in the annotation: the order of painting.
    diameter : float
        In px.
    """

    cut_off: bool
    number: int
    diameter: float


def painted_sizes(
    parts: NDArray[np.int32], plane: NDArray[np.int32]
) -> list[PaintedSize]:
    """Measure the cells of a plane.

    Parameters
    ----------
    parts : (Y, X) array of int32
        What `separate_parts` made of the plane.
    plane : (Y, X) array of int32
        As painted.

    Returns
    -------
    list of PaintedSize
        One a part.
    """
    known, first = np.unique(parts[parts > 0], return_index=True)
    numbers = plane[parts > 0][first].tolist()
    at_edge = np.concatenate((parts[0], parts[-1], parts[:, 0], parts[:, -1]))
    cut_off = np.isin(known, at_edge).tolist()
    diameters = object_diameters(parts).values()
    return list(starmap(PaintedSize, zip(cut_off, numbers, diameters, strict=True)))


def diameter_of(sizes: Iterable[PaintedSize]) -> float:
    """Return the diameter (px) of painted cells, on whatever planes they are.

    Cells that are cut off come last: label images are often numbered from the upper
    edge on, where slivers would stand for all whole cells below.

    Parameters
    ----------
    sizes : iterable of PaintedSize
        Of one or more cells.
    """
    return usual_diameter([size.diameter for size in sorted(sizes)])


def separate_parts(annotation: NDArray[np.int32]) -> NDArray[np.int32]:
    """Give each connected part of a plane a number of its own.

    Two cells painted with one number are still two cells; parts below
    `LEAST_AREA` px that belong to a larger one stay with it.

    Parameters
    ----------
    annotation : (Y, X) array of int32
        As painted.

    Returns
    -------
    (Y, X) array of int32
        -1 strokes and 0 as before; parts numbered from 1.
    """
    result = np.minimum(annotation, 0)
    next_id = 0
    for k, box in _boxes(annotation):
        parts, n = ndi.label(annotation[box] == k, np.ones((3, 3)))
        area = np.bincount(parts.ravel())[1:]
        main = int(area.argmax())
        numbers = np.zeros(n + 1, np.int32)
        for part in range(n):
            if part != main and area[part] >= LEAST_AREA:
                next_id += 1
                numbers[part + 1] = next_id
        # The main part takes its crumbs along.
        next_id += 1
        numbers[1:][numbers[1:] == 0] = next_id
        result[box] = np.where(parts > 0, numbers[parts], result[box])
    return result


def _boxes(annotation: NDArray[np.int32]) -> Iterator[tuple[int, tuple[slice, ...]]]:
    """Return where each positive number lies, which may be any, in rising order."""
    painted = annotation > 0
    known, numbers = np.unique(annotation[painted], return_inverse=True)
    # As large as the plane: small numbers take the least memory and time.
    ranks = np.zeros(annotation.shape, np.int32)
    ranks[painted] = numbers + 1
    return zip(map(int, known), ndi.find_objects(ranks), strict=True)


def check_annotation(planes: Iterable[NDArray[np.int32]]) -> Annotated:
    """Measure planes and refuse what cannot be learned from.

    Parameters
    ----------
    planes : iterable of (Y, X) array of int32
        Annotation, plane by plane, of any shapes: 0 = unknown, k > 0 = one cell,
        -1 = background.

    Returns
    -------
    Annotated

    Raises
    ------
    UserError
        If no cell is painted, or one is a slip or the whole image.
    """
    sizes: list[PaintedSize] = []
    strokes = 0
    doubled: list[int] = []
    for plane in planes:
        if not plane.any():
            continue
        parts = separate_parts(plane)
        cells = plane[parts > 0]
        _, first, area = np.unique(
            parts[parts > 0], return_index=True, return_counts=True
        )
        for k, size in zip(cells[first], area, strict=True):
            if size < LEAST_AREA:
                raise UserError(
                    f"Cell {k} covers only {size} px; paint the whole cell "
                    f"(at least {LEAST_AREA} px) or erase it."
                )
            if size > MOST_OF_IMAGE * plane.size:
                raise UserError(
                    f"Cell {k} covers the whole image; paint a single cell, which must "
                    "be smaller than the image."
                )
        names = np.unique(cells)
        if len(names) < len(area):
            doubled.extend(names)
        sizes += painted_sizes(parts, plane)
        strokes += ndi.label(plane < 0, np.ones((3, 3)))[1]
    if not sizes:
        raise UserError(
            "Only background is painted; paint one whole cell as well."
            if strokes
            else "Nothing is painted yet; paint one whole cell."
        )
    note = (
        "Some cells have parts that do not touch; each part was learned as one cell. "
        "Choose the next cell before painting another."
        if doubled
        else ""
    )
    return Annotated(diameter_of(sizes), len(sizes), strokes, note)
