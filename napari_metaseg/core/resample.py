"""Parts of a resized image, without the rest of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .windows import Shape, Window


def source_window(old: Shape, new: Shape, part: Window) -> Window:
    """Return the pixels that a part of a resized image is made of.

    Parameters
    ----------
    old, new : (int, int)
        Shape of the image before and after resizing.
    part : pair of slices
        Part of the resized image.

    Returns
    -------
    pair of slices
        Of the image before.
    """
    if old == new:
        return part
    y, x = (_source(*sizes) for sizes in zip(old, new, part, strict=True))
    return y, x


def resize_part(
    source: NDArray[np.float32], old: Shape, new: Shape, part: Window
) -> NDArray[np.float32]:
    """Do for a part of an image what `resize_image` does for the whole.

    Parameters
    ----------
    source : (C, Y, X) array of float32
        The pixels that `source_window` names.
    old, new : (int, int)
        Shape of the whole image before and after resizing.
    part : pair of slices
        Part of the resized image.

    Returns
    -------
    (C, y, x) array of float32
    """
    if old == new:
        return source
    rows, columns = (_weights(*sizes) for sizes in zip(old, new, part, strict=True))
    return np.stack([(columns @ (rows @ channel).T).T for channel in source])


def _reach(old: int, new: int, part: slice) -> tuple[NDArray[Any], ...]:
    """Return, for each new pixel, its centre and the old pixels that it is made of.

    A triangle as wide as two pixels of the coarser grid, as PyTorch's bilinear
    interpolation with ``antialias`` uses.
    """
    scale = old / new
    centre = (np.arange(part.start, part.stop) + 0.5) * scale
    support = max(scale, 1.0)
    first = np.maximum((centre - support + 0.5).astype(np.intp), 0)
    stop = np.minimum((centre + support + 0.5).astype(np.intp), old)
    return centre, first, stop


def _source(old: int, new: int, part: slice) -> slice:
    _, first, stop = _reach(old, new, part)
    return slice(int(first[0]), int(stop[-1]))


def _weights(old: int, new: int, part: slice) -> csr_array:
    centre, first, stop = _reach(old, new, part)
    counts = stop - first
    row = np.repeat(np.arange(len(first)), counts)
    within = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    pixel = first[row] + within
    away = np.abs(pixel + 0.5 - centre[row]) / max(old / new, 1.0)
    weight = np.maximum(1 - away, 0)
    weight /= np.bincount(row, weight)[row]
    span = _source(old, new, part)
    places = (row, pixel - span.start)
    shape = (len(first), span.stop - span.start)
    return csr_array((weight.astype(np.float32), places), shape)


def labels_under(
    labels: NDArray[np.integer], at: Window, old: Shape, new: Shape, part: Window
) -> NDArray[np.integer]:
    """Do for a part of a label image what `resize_labels` does for the whole.

    Parameters
    ----------
    labels : (y, x) array of int
        Labels of the window `at`.
    at : pair of slices
        Where they are in the whole, of shape `old`.
    old, new : (int, int)
        Shape of the whole before and after resizing.
    part : pair of slices
        Part of the resized labels.

    Returns
    -------
    array of int
        Of the shape of `part`.
    """
    rows, columns = (
        ((np.arange(p.start, p.stop) + 0.5) * (a / b)).astype(np.intp) - w.start
        for a, b, p, w in zip(old, new, part, at, strict=True)
    )
    under: NDArray[np.integer] = labels[rows[:, None], columns]
    return under
