"""The mouse and the keys on a layer of classes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_metaseg.core.classes import MOST
from napari_metaseg.gui import layers

from . import class_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari.components import LayerList
    from napari.layers import Labels

_CLICK = 4  # px of the canvas within which a drag is still a click


class Clicks(QObject):
    """Turns clicks and digits on the layer it is put on into signals.

    Digits that choose napari's modes elsewhere choose classes there: the layer is
    a picture of the result, and what is painted into it would be lost.

    Signals
    -------
    turned : object
        The layer that is clicked on, or a key pressed on, before that is told.
    clicked : int
        Number of the cell that was clicked, 0 beside all.
    pressed : int
        The digit that was pressed.
    confirmed :
        Ctrl+Enter was pressed.
    """

    turned = Signal(object)
    clicked = Signal(int)
    pressed = Signal(int)
    confirmed = Signal()

    def __init__(self, shown: LayerList, parent: QObject) -> None:
        super().__init__(parent)
        self._layers = shown
        self._on: list[Labels] = []
        self._keys: dict[str, Callable[[], None]] = {
            "Control-Enter": self.confirmed.emit,
            **{str(n): partial(self.pressed.emit, n) for n in range(1, MOST + 1)},
        }

    def follow(self, layer: Labels) -> None:
        """Make a layer active, and take its clicks and keys."""
        layers.point_at(self._layers, layer)
        if layer in self._on:
            return
        self._on.append(layer)
        layer.mouse_drag_callbacks.append(self._on_mouse)
        for key, tell in self._keys.items():
            layers.bind_keys(layer, {key: partial(self._on_key, layer, tell)})

    def leave(self) -> None:
        """Take no clicks and keys any more."""
        for layer in self._on:
            layer.mouse_drag_callbacks.remove(self._on_mouse)
            for key in self._keys:
                layer.bind_key(key, None, overwrite=True)
        self._on.clear()

    def _on_key(self, layer: Labels, tell: Callable[[], None]) -> None:
        self.turned.emit(layer)
        tell()

    def _on_mouse(self, layer: Labels, event: Any) -> Generator[None, None, None]:
        start, place = np.array(event.pos), tuple(event.position)
        yield
        while event.type == "mouse_move":
            yield
        moved = float(np.abs(np.array(event.pos) - start).max())
        if event.button in (None, 1) and not event.modifiers and moved <= _CLICK:
            self.turned.emit(layer)
            self.clicked.emit(class_layer.number_at(layer, place))
