"""Rectangles of a plane."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Shape: TypeAlias = tuple[int, int]
"""Height and width of a plane (px)."""

Window: TypeAlias = tuple[slice, slice]
"""Rows and columns, from a start to a stop."""


def whole(shape: Shape) -> Window:
    """Return the window that is all of a plane."""
    return slice(0, shape[0]), slice(0, shape[1])


def grid(shape: Shape, side: int) -> list[Window]:
    """Divide a plane into windows, row by row; the last ones may be smaller."""
    rows, columns = (
        [slice(start, min(start + side, n)) for start in range(0, n, side)]
        for n in shape
    )
    return list(product(rows, columns))


def grown(window: Window, by: int, shape: Shape) -> Window:
    """Grow a window by some px on each side, as far as the plane goes."""
    y, x = (
        slice(max(0, s.start - by), min(n, s.stop + by))
        for s, n in zip(window, shape, strict=True)
    )
    return y, x


def doubled(window: Window, shape: Shape) -> Window:
    """Return what a window covers of a plane of twice the size, as far as that goes."""
    y, x = (
        slice(2 * s.start, min(2 * s.stop, n))
        for s, n in zip(window, shape, strict=True)
    )
    return y, x


def apart(windows: Iterable[Window]) -> list[Window]:
    """Join windows that share a pixel, until none do.

    Parameters
    ----------
    windows : iterable of Window
        In any order.

    Returns
    -------
    list of Window
        Each the smallest that holds those it was joined from.
    """
    result: list[Window] = []
    for window in windows:
        joined, known = window, len(result) + 1
        while len(result) < known:
            known = len(result)
            touched = [other for other in result if meet(other, joined)]
            result = [other for other in result if not meet(other, joined)]
            joined = _hull([joined, *touched])
        result.append(joined)
    return result


def _hull(windows: Sequence[Window]) -> Window:
    y, x = (
        slice(min(s.start for s in parts), max(s.stop for s in parts))
        for parts in zip(*windows, strict=True)
    )
    return y, x


def within(inner: Window, outer: Window) -> Window:
    """Express a window relative to the start of another."""
    y, x = (
        slice(i.start - o.start, i.stop - o.start)
        for i, o in zip(inner, outer, strict=True)
    )
    return y, x


def meet(one: Window, other: Window) -> bool:
    """Tell whether two windows share a pixel."""
    pairs = zip(one, other, strict=True)
    return all(a.start < b.stop and b.start < a.stop for a, b in pairs)
