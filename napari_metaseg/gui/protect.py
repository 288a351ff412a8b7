"""Only cells protect each other: a painting rule that napari's brush lacks."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.layers import Labels
    from numpy.typing import NDArray

_UNPROTECTED: set[object] = set()


@dataclass(frozen=True, slots=True)
class _Stroke:
    """A stroke: its edits as napari keeps them, and the cell pixels it changes.

    Attributes
    ----------
    edits : list
        The very list in napari's undo history: an edit appended here is undone
        and redone together with the stroke.
    pixels : array of int
        Flat indices.
    before : array of int
        Their labels before the stroke.
    """

    edits: list[Any]
    pixels: NDArray[np.intp]
    before: NDArray[np.integer]

    def is_drawn(self, data: NDArray[np.integer]) -> bool:
        """Whether the stroke has reached the array."""
        return bool((data.flat[self.pixels] != self.before).any())

    def restore_cells(self, layer: Labels) -> None:
        """Give overpainted cells their pixels back, as part of the stroke."""
        data: NDArray[np.integer] = layer.data
        now = data.flat[self.pixels]
        lost = (now != self.before) & (now != 0)
        if lost.any():
            where = np.unravel_index(self.pixels[lost], data.shape)
            self.edits.append((where, now[lost], self.before[lost]))
            data[where] = self.before[lost]
            layer.refresh(extent=False, thumbnail=False)


def protect_cells(layer: Labels) -> None:
    """Keep strokes of one label from overwriting the cells of another.

    Unknown pixels (0) and background strokes (-1) may be painted over by
    anything, and the eraser removes anything; a pixel of a cell (k > 0) that a
    stroke turned into another cell or into background gets its label back. The
    stroke and the restored pixels are one step for undo and redo.

    Parameters
    ----------
    layer : Labels
        Layer over a writable numpy array.
    """
    waiting: list[_Stroke] = []

    def on_paint(event: Any) -> None:
        """Act on a stroke; a drag is drawn by now, a polygon only later."""
        layer: Labels = event.source
        if layer.unique_id in _UNPROTECTED:
            return
        stroke = _Stroke(event.value, *_overpainted(event.value, layer.data.shape))
        waiting.clear()
        if stroke.is_drawn(layer.data):
            stroke.restore_cells(layer)
        elif stroke.pixels.size:
            waiting.append(stroke)

    def on_drawn(event: Any) -> None:
        if waiting:
            waiting.pop().restore_cells(event.source)

    layer.events.paint.connect(on_paint)
    layer.events.labels_update.connect(on_drawn)


@contextmanager
def unprotected(layer: Labels) -> Iterator[None]:
    """Let edits change cells, as splitting and joining must, for as long as it lasts.

    Undo and redo need no leave: they bring back what was there.

    Parameters
    ----------
    layer : Labels
        Layer whose cells `protect_cells` keeps.
    """
    _UNPROTECTED.add(layer.unique_id)
    try:
        yield
    finally:
        _UNPROTECTED.discard(layer.unique_id)


def _overpainted(
    atoms: list[Any], shape: tuple[int, ...]
) -> tuple[NDArray[np.intp], NDArray[np.integer]]:
    """Return the flat indices of cell pixels that changed, and their old labels."""
    changes = [_cell_pixels(atom, shape) for atom in atoms]
    pixels = np.concatenate([c[0] for c in changes])
    before = np.concatenate([c[1] for c in changes])
    pixels, first = np.unique(pixels, return_index=True)
    return pixels, before[first]


def _cell_pixels(
    atom: Any, shape: tuple[int, ...]
) -> tuple[NDArray[np.intp], NDArray[np.integer]]:
    """Read one edit of a stroke, in either of the two forms napari uses.

    A masked box (brush, fill, polygon), or a tuple of indices, old values and
    new values (single pixels set by scripts; every edit before napari 0.9).
    """
    if hasattr(atom, "slice_key"):
        old = np.ravel(atom.old_values)
        box = [s.stop - s.start for s in atom.slice_key]
        mask = np.ones(box, bool) if atom.mask is None else atom.mask
        inside = np.nonzero(mask)
        starts = [s.start for s in atom.slice_key]
        where = [i + start for i, start in zip(inside, starts, strict=True)]
    else:
        where, old = list(np.broadcast_arrays(*atom[0])), np.ravel(atom[1])
    flat = np.ravel(np.ravel_multi_index(tuple(where), shape))
    cells = old > 0
    return flat[cells], old[cells]
