"""Instances of a plane of any size, found block by block.

Each block is decoded in a window that reaches further out, until every piece that
reaches into the block lies well inside. Neighbours then see the same instances, but for
a pixel between two that a watershed might give to either; all name them by the pixel of
their highest cue, so that nothing has to be matched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage as ndi

from .decode import cut, judge
from .windows import Shape, Window, grown, within

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .settings import DecodeSettings

BLOCK = 1024
"""Side (px at working scale) of a block."""

REACHES = (8, 16, 32)
"""How far a window may reach out of its block, in working diameters. What reaches
further may be cut where blocks meet."""

GUARD = 4
"""Distance that pieces of the block keep from the end of the window, in working
diameters: a piece that the window cuts off may disturb the one beside it."""


class Found(NamedTuple):
    """Instances of a block.

    Attributes
    ----------
    labels : (y, x) array of int64
        Each instance by 1 + the index in the plane of the pixel of its highest cue, the
        first in raster order of equally high ones; 0 = background.
    names : (n,) array of int64
        Those that occur, in rising order.
    outline : (n,) array of float32
        Foreground probability at which each is outlined.
    """

    labels: NDArray[np.int64]
    names: NDArray[np.int64]
    outline: NDArray[np.float32]


def find_in_block(
    read: Callable[[Window], NDArray[np.floating]],
    shape: Shape,
    block: Window,
    settings: DecodeSettings,
    diameter: float,
) -> Found:
    """Find the instances of a block.

    Parameters
    ----------
    read : callable
        Returns foreground and cue (2, y, x) of a window.
    shape : (int, int)
        Shape of the plane at working scale.
    block : pair of slices
        Which part of it.
    settings : DecodeSettings
        Rules for decoding; border removal acts later.
    diameter : float
        Working diameter (px).

    Returns
    -------
    Found
    """
    for reach in REACHES:
        window = grown(block, round(reach * diameter), shape)
        foreground, cue = read(window).astype(np.float32)
        pieces = cut(foreground, cue, settings)
        inner = pieces[within(block, window)]
        if not _reach_out(pieces, inner, window, shape, round(GUARD * diameter)):
            break
    smallest = settings.min_size * np.pi / 4 * diameter**2
    labels, outline = judge(foreground, pieces, settings, min_area=smallest)
    names = _names(labels, cue, window, shape)
    core = labels[within(block, window)]
    numbers = np.unique(core)
    numbers = numbers[numbers > 0]
    order = np.argsort(names[numbers])
    return Found(names[core], names[numbers][order], outline[numbers][order])


def _reach_out(
    pieces: NDArray[np.int32],
    inner: NDArray[np.int32],
    window: Window,
    shape: Shape,
    guard: int,
) -> bool:
    """Tell whether a piece of the block comes close to where the window ends."""
    rows, columns = window
    frame = [
        pieces[:guard] if rows.start > 0 else None,
        pieces[-guard:] if rows.stop < shape[0] else None,
        pieces[:, :guard] if columns.start > 0 else None,
        pieces[:, -guard:] if columns.stop < shape[1] else None,
    ]
    of_block = np.zeros(int(pieces.max(initial=0)) + 1, bool)
    of_block[inner] = True
    of_block[0] = False
    return any(bool(of_block[side].any()) for side in frame if side is not None)


def _names(
    labels: NDArray[np.int32], cue: NDArray[np.floating], window: Window, shape: Shape
) -> NDArray[np.int64]:
    """Return 1 + the index in the plane of the highest pixel of each label."""
    count = int(labels.max(initial=0))
    highest = np.append(0, ndi.maximum(cue, labels, np.arange(1, count + 1)))
    peaks = np.flatnonzero((labels > 0) & (cue == highest[labels]))[::-1]
    first = np.zeros(count + 1, np.int64)
    # The last one written stays: the first in raster order.
    first[labels.ravel()[peaks]] = peaks
    y, x = np.divmod(first, labels.shape[1])
    names: NDArray[np.int64] = (y + window[0].start) * shape[1] + x
    names += window[1].start + 1
    names[0] = 0
    return names
