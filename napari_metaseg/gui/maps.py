"""The maps on demand: layers of probability and of uncertainty."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

from . import judged, side_layers
from .links import Links
from .worker import Runner

if TYPE_CHECKING:
    import numpy as np
    from napari.components import LayerList
    from numpy.typing import NDArray
    from qtpy.QtWidgets import QCheckBox

    from .bench import Bench
    from .desk import Desk
    from .work import Work


class Maps(QObject):
    """Shows maps of the chosen image as layers for as long as their boxes are ticked.

    The layers tell what is ticked: one that the person deletes unticks its box, and
    each image has its own. Another result is shown in the same layers.

    Parameters
    ----------
    layer_list : LayerList
        The viewer's layers.
    desk, bench : Desk, Bench
        The image and its result.
    boxes : dict of str to QCheckBox
        One a map, by its role in `gui.side_layers`.
    parent : QObject
        Owner.
    """

    def __init__(
        self,
        layer_list: LayerList,
        desk: Desk,
        bench: Bench,
        boxes: dict[str, QCheckBox],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._layers, self._desk, self._bench = layer_list, desk, bench
        self._boxes = boxes
        self._asked: Work | None = None
        self._drawn_of: object = None
        self._drawing = Runner("Drawing maps", self)
        self._drawing.returned.connect(self._on_drawn)
        self._links = Links()
        self._links.connect(layer_list.events.removed, self._on_removed)
        for role, box in boxes.items():
            box.clicked.connect(partial(self._on_box, role))
        desk.image_changed.connect(self._on_image)
        bench.shown.connect(self._on_shown)

    def leave(self) -> None:
        """Stop following the layers, and end whatever runs."""
        self._links.cut()
        self._drawing.drop()

    def _on_box(self, role: str, ticked: bool) -> None:
        work = self._bench.works.of(self._desk)
        if work is not None and ticked:
            self._draw(work)
        elif work is not None:
            side_layers.hide_map(self._layers, work.image, work.reading, role)

    def _on_image(self) -> None:
        self._drawing.drop()
        work = self._bench.works.of(self._desk)
        for role, box in self._boxes.items():
            box.setChecked(work is not None and self._shows(work, role))
        self._drawn_of = None

    def _on_removed(self, _event: object) -> None:
        """Follow the person who deletes a layer, unless it is about to come."""
        if not self._drawing.running:
            self._on_image()

    def _on_shown(self, work: Work) -> None:
        """Draw anew what is ticked, if the network's output is another one."""
        if work is self._bench.works.of(self._desk) and self._drawn_of != _origin(work):
            self._draw(work)

    def _draw(self, work: Work) -> None:
        roles = tuple(role for role, box in self._boxes.items() if box.isChecked())
        if roles and work.seen is not None and work.shown is not None:
            self._asked, self._drawn_of = work, _origin(work)
            steps = partial(judged.draw_maps, work.seen, work.shown, roles)
            self._drawing.start(steps)

    def _on_drawn(self, maps: dict[str, NDArray[np.float32]]) -> None:
        work, self._asked = self._asked, None
        if work is None or work.image not in self._layers:
            return
        for role, data in maps.items():
            if self._boxes[role].isChecked():
                side_layers.show_map(self._layers, work.image, work.reading, role, data)

    def _shows(self, work: Work, role: str) -> bool:
        found = side_layers.find_map(self._layers, work.image, work.reading, role)
        return found is not None


def _origin(work: Work) -> tuple[object, bool]:
    """Return what a map is drawn from: a model, after or before adaptation."""
    return work.seen, work.shown is not None and work.shown.adapted
