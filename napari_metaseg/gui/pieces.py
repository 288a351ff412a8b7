"""Large results are shown in pieces, those in view first, so that the window goes on.

Where the data of a large layer are set, napari looks for the outlines of all cells at
once, and the window stands still meanwhile. Of what is written piece by piece each is
outlined by itself, and the event loop runs in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from qtpy.QtCore import QObject, QTimer

from napari_metaseg.core.windows import grid
from napari_metaseg.workflows.results import Part

from .camera import visible_plane
from .live import show_part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.components import ViewerModel
    from napari.layers import Labels
    from numpy.typing import NDArray

    Array = NDArray[np.int32]
    Place = tuple[int | slice, ...]

SIDE = 512
"""Side of a piece, px: it takes napari about 12 ms to show one."""

LARGE = 4 * SIDE * SIDE
"""Pixels of a plane above which it is shown in pieces."""


class Pieces:
    """Shows labels in layers of a viewer, large ones piece by piece.

    What is written to is an array of its own, so that whoever holds labels that were
    shown does not see them change.

    Parameters
    ----------
    viewer : ViewerModel
        Where the layers are; tells what is in view.
    parent : QObject
        With it ends what is under way.
    """

    def __init__(self, viewer: ViewerModel, parent: QObject) -> None:
        self._viewer, self._parent = viewer, parent
        self._own: WeakKeyDictionary[Labels, Array] = WeakKeyDictionary()

    def prepare(self, labels: Array) -> Array:
        """Return the array for a layer that is to show these labels at once."""
        return labels.copy() if is_large(labels) else labels

    def claim(self, layer: Labels) -> None:
        """Take over a layer whose array came from `prepare`."""
        if is_large(layer.data):
            self._own[layer] = layer.data

    def show(self, layer: Labels, labels: Array) -> bool:
        """Show other labels in a layer that was claimed; tell whether that is possible.

        It is not where they are small, all planes are in view, or the layer has got
        another array since.
        """
        stop(layer)
        plane, own = self._plane(layer), self._own.get(layer)
        if plane is None or own is None or own is not layer.data:
            return False
        if own.shape != labels.shape:
            return False
        for other in np.ndindex(labels.shape[:-2]):
            if other != plane:
                own[other] = labels[other]
        _UNDER_WAY[layer] = _Showing(layer, labels, plane, self._parent)
        return True

    def _plane(self, layer: Labels) -> tuple[int, ...] | None:
        """Return the plane in view; None if not just one is."""
        dims = self._viewer.dims
        if sorted(dims.displayed) != [dims.ndim - 2, dims.ndim - 1]:
            return None
        return visible_plane(self._viewer, layer)


def is_large(labels: Array) -> bool:
    """Whether labels are shown in pieces, in an array of their layer's own."""
    height, width = map(int, labels.shape[-2:])
    return height * width > LARGE


def labels_of(layer: Labels) -> NDArray[np.int32]:
    """Return all the labels that a layer shows, or is about to show."""
    showing = _UNDER_WAY.get(layer)
    labels: Array = layer.data if showing is None else showing.labels
    return labels


def go_on_with(layer: Labels, labels: Array) -> None:
    """Have the pieces that are still to come show these labels instead."""
    if layer in _UNDER_WAY:
        _UNDER_WAY[layer].go_on_with(labels)


def change(layer: Labels, part: Part) -> None:
    """Have the pieces that are still to come show other labels in a part."""
    if layer in _UNDER_WAY:
        _UNDER_WAY[layer].change(part)


def finish(layer: Labels) -> None:
    """Show what is still to come at once."""
    if layer in _UNDER_WAY:
        layer.data[...] = labels_of(layer)
        stop(layer)
        layer.refresh()


def stop(layer: Labels) -> None:
    """Show no more pieces in a layer."""
    if layer in _UNDER_WAY:
        _UNDER_WAY.pop(layer).timer.stop()


class _Showing:
    """One plane that is being shown, a piece at each turn of the event loop."""

    def __init__(
        self, layer: Labels, labels: Array, plane: tuple[int, ...], parent: QObject
    ) -> None:
        self._layer = layer
        self.go_on_with(labels)
        self._places = _nearest_first(layer, plane)
        self.timer = QTimer(parent)
        self.timer.timeout.connect(self._show_next)
        self.timer.start()

    def go_on_with(self, labels: Array) -> None:
        """Show other labels in the pieces that are still to come."""
        self._labels, self._parts = labels, list[Part]()

    def change(self, part: Part) -> None:
        """Change a part of what is to come."""
        self._parts.append(part)

    @property
    def labels(self) -> Array:
        """All that is shown or about to be."""
        # Not in `change`: a copy of large labels would hold up the window at each step.
        if self._parts:
            self._labels = self._labels.copy()
            for part in self._parts:
                self._labels[part.place] = part.labels
            self._parts = []
        return self._labels

    def _show_next(self) -> None:
        place = next(self._places, None)
        if place is None or self._layer.data.shape != self._labels.shape:
            stop(self._layer)
            return
        show_part(self._layer, Part(place, self._labels[place], None))
        for part in self._parts:
            if _meet(part.place, place):
                show_part(self._layer, part)


_UNDER_WAY: WeakKeyDictionary[Labels, _Showing] = WeakKeyDictionary()


def _meet(one: Place, other: Place) -> bool:
    """Tell whether two parts have a pixel in common."""
    ends = [
        [(k.start, k.stop) if isinstance(k, slice) else (k, k + 1) for k in place]
        for place in (one, other)
    ]
    return all(a < d and c < b for (a, b), (c, d) in zip(*ends, strict=True))


def _nearest_first(layer: Labels, plane: tuple[int, ...]) -> Iterator[Place]:
    """List the pieces of a plane by their distance to the middle of the view."""
    height, width = layer.data.shape[-2:]
    middle = layer.corner_pixels[:, -2:].mean(0)
    windows = sorted(
        grid((height, width), SIDE),
        key=lambda w: np.hypot(*([(s.start + s.stop) / 2 for s in w] - middle)),
    )
    return iter([(*plane, *window) for window in windows])
