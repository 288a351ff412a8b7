"""Outlines drawn as label images: a pixel is inside where its centre is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from .outlines import Outline, Ring

_LARGEST = 2**32 - 1
_MOST_PIXELS = 2**32
# Rows times edges: what one outline may cost.
_MOST_CROSSINGS = 2**27


def draw_outlines(
    outlines: Iterable[Outline], shape: tuple[int, ...]
) -> NDArray[np.int32] | NDArray[np.uint32]:
    """Draw outlines, each above those before it.

    Parameters
    ----------
    outlines : iterable of Outline
        Rings of any orientation, in px; those of one outline are combined by the
        even-odd rule. Outlines of one number and plane are one instance; those of
        number 0 get the next free numbers.
    shape : tuple of int
        Shape of the label image, (..., Y, X).

    Returns
    -------
    array of int32
        Labels of `shape`; uint32 where numbers need it.

    Raises
    ------
    UserError
        If an outline lies outside the image, or its number is no label.
    """
    check_shape(shape)
    drawn = np.zeros(shape, np.uint32)
    outlines = list(outlines)
    numbers = number_all([outline.label for outline in outlines])
    for outline, number in zip(outlines, numbers, strict=True):
        _check_place(outline, shape)
        rings = [ring for polygon in outline.polygons for ring in polygon]
        window, mask = fill(rings, *shape[-2:])
        drawn[outline.plane][window][mask] = number
    return as_signed(drawn)


def number_all(numbers: Sequence[int]) -> list[int]:
    """Give those without a number (0) the next free ones.

    Raises
    ------
    UserError
        If one is no label.
    """
    low, high = min(numbers, default=0), max(numbers, default=0)
    free = iter(range(high + 1, high + 1 + len(numbers)))
    given = [number or next(free) for number in numbers]
    if low < 0 or max(given, default=0) > _LARGEST:
        raise UserError(
            f"The numbers of the outlines reach from {low} to {high}; number cells "
            f"from 1 to {_LARGEST}."
        )
    return given


def as_signed(labels: NDArray[np.uint32]) -> NDArray[np.int32] | NDArray[np.uint32]:
    """Return labels as int32 where their numbers allow it."""
    return labels if labels.max() > 2**31 - 1 else labels.astype(np.int32)


def check_shape(shape: tuple[int, ...]) -> None:
    """Check that a label image of this shape can be made.

    Raises
    ------
    UserError
        If it is empty or has more than 2^32 pixels.
    """
    pixels = 1
    for n in shape:
        pixels *= n
    if len(shape) < 2 or min(shape) < 1 or pixels > _MOST_PIXELS:
        raise UserError(
            f"Outlines cannot be drawn on an image of shape {shape}; give the shape of "
            "the image that they belong to."
        )


def fill(
    rings: Sequence[Ring], height: int, width: int
) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
    """Fill rings by the even-odd rule.

    Parameters
    ----------
    rings : sequence of (N, 2) array
        Corners (x, y) in px, closed or not.
    height, width : int
        Size of the image, which cuts what lies outside.

    Returns
    -------
    window : tuple of slice
        Rows and columns of the image that the mask covers.
    mask : (Y, X) array of bool
        Whether the centre of a pixel is inside.

    Raises
    ------
    UserError
        If the rings have too many corners to be the outline of a cell.
    """
    corners = [np.asarray(ring, float) for ring in rings] or [np.zeros((0, 2))]
    x, y = np.concatenate(corners).T
    end_x, end_y = np.concatenate([np.roll(c, -1, axis=0) for c in corners]).T
    # Rows whose centre line an edge crosses; its lower end belongs to the next edge.
    first = _clip(np.minimum(y, end_y), height)
    count = _clip(np.maximum(y, end_y), height) - first
    if count.sum() > _MOST_CROSSINGS:
        raise UserError(
            "An outline has too many corners to be drawn; simplify it first."
        )
    edge = np.repeat(np.arange(len(x)), count)
    if len(edge) == 0:
        return (slice(0, 0), slice(0, 0)), np.zeros((0, 0), bool)
    row = (
        first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    )
    along = (row + 0.5 - y[edge]) / (end_y - y)[edge]
    column = _clip(x[edge] + along * (end_x - x)[edge], width)
    top, left = row.min(), column.min()
    shape = (int(row.max() - top + 1), int(column.max() - left + 1))
    crossings = np.bincount(
        (row - top) * shape[1] + column - left, minlength=shape[0] * shape[1]
    )
    inside = np.cumsum(crossings.reshape(shape), axis=1)[:, :-1] % 2 == 1
    return (
        slice(int(top), int(top) + shape[0]),
        slice(int(left), int(left) + shape[1] - 1),
    ), inside


def _clip(value: NDArray[Any], limit: int) -> NDArray[np.int64]:
    """Return the first pixel whose centre is not before a position."""
    return np.clip(np.ceil(value - 0.5), 0, limit).astype(np.int64)


def _check_place(outline: Outline, shape: tuple[int, ...]) -> None:
    planes = shape[:-2]
    inside = len(outline.plane) == len(planes) and all(
        0 <= i < n for i, n in zip(outline.plane, planes, strict=True)
    )
    if not inside:
        raise UserError(
            f"An outline lies in plane {outline.plane}, which an image of shape "
            f"{shape} does not have; choose the image that was outlined."
        )
    rings = [ring for p in outline.polygons for ring in p]
    if not rings:
        return
    corners = np.concatenate(rings)
    low, high = corners.min(axis=0), corners.max(axis=0)
    if (high <= 0).any() or low[0] >= shape[-1] or low[1] >= shape[-2]:
        raise UserError(
            f"An outline lies outside an image of shape {shape}; choose the image "
            "that was outlined."
        )
