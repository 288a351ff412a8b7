"""The button that opens a sample, where nothing is open yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Layer
from qtpy.QtCore import QObject

from . import samples
from .worker import Runner

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari.components import LayerList
    from qtpy.QtWidgets import QPushButton

    from .worker import Tick


class Sampling(QObject):
    """Draws a sample in a thread, and adds it to the viewer.

    Parameters
    ----------
    layer_list : LayerList
        The viewer's layers.
    button : QPushButton
        What asks for it; it rests while the sample is drawn.
    parent : QObject
        Owner.
    """

    def __init__(
        self, layer_list: LayerList, button: QPushButton, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._layers, self._button = layer_list, button
        self._drawing = Runner("Drawing a sample", self)
        self._drawing.returned.connect(self._on_drawn)
        self._drawing.idle.connect(self._on_idle)
        button.clicked.connect(self._draw)

    def _draw(self) -> None:
        self._button.setEnabled(False)
        self._drawing.start(_sample)

    def _on_drawn(self, sample: list[samples.LayerData]) -> None:
        self._layers.extend([Layer.create(*layer) for layer in sample])

    def _on_idle(self) -> None:
        self._button.setEnabled(True)


def _sample() -> Generator[Tick, None, list[samples.LayerData]]:
    yield from ()
    return samples.phase_contrast()
