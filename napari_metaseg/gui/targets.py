"""Several targets in one image: added, renamed, removed, linked."""

from __future__ import annotations

from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QMessageBox

from napari_metaseg.core.nesting import find_parents, lies_inside

from . import target_layers
from .guidance import Tone
from .images import CELLS, Target
from .teller import Teller
from .worker import Runner

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy as np
    from napari.components import LayerList
    from napari.layers import Labels
    from numpy.typing import NDArray
    from qtpy.QtCore import QObject

    from napari_metaseg.core.nesting import Parents

    from .desk import Desk
    from .target_row import TargetRow
    from .worker import Tick


class Targets(Teller):
    """Lets the person choose what they segment in the image on the desk.

    Signals
    -------
    removed : object, object
        An image and its `Target` that is no longer sought.
    """

    removed = Signal(object, object)

    def __init__(
        self, layer_list: LayerList, desk: Desk, row: TargetRow, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._layers = layer_list
        self._desk = desk
        self._row = row
        self._linking = Runner("Linking", self)
        self._linking.returned.connect(self._on_linked)
        self._linking.refused.connect(self.warn)
        self._linked: Labels | None = None
        row.chosen.connect(desk.choose_target)
        row.add_wanted.connect(self._add)
        row.rename_wanted.connect(self._rename)
        row.remove_wanted.connect(self._remove)
        row.link_wanted.connect(self.link)
        desk.changed.connect(self._offer)
        self._offer()

    @property
    def known(self) -> list[Target]:
        """The targets of the chosen image, cells first."""
        image = self._desk.image
        found = [] if image is None else target_layers.targets(self._layers, image)
        every = {t.key: t for t in (CELLS, *found)}
        every.setdefault(self._desk.target.key, self._desk.target)
        return list(every.values())

    def add(self, name: str) -> None:
        """Begin to segment something else, or go back to it."""
        same = (t for t in self.known if t.name.casefold() == name.casefold())
        self._desk.choose_target(next(same, None) or Target(token_hex(8), name))
        self._desk.annotation_at_hand()

    def rename(self, name: str) -> None:
        """Rename the chosen target, and the layers that still bear its name."""
        image, target = self._desk.image, self._desk.target
        if image is None or not target.key:
            return
        if any(t.name.casefold() == name.casefold() for t in self.known if t != target):
            text = f"There is a target '{name}' already; choose another name."
            self.warn(text)
            return
        target_layers.rename_target(self._layers, image, target, name)
        self._desk.choose_target(Target(target.key, name))

    def remove(self) -> None:
        """Remove the chosen target with its layers."""
        image, target = self._desk.image, self._desk.target
        if image is not None and target.key:
            self._desk.choose_target(CELLS)
            self.removed.emit(image, target)
            target_layers.remove_target(self._layers, image, target)

    def link(self) -> None:
        """Show the inner objects under the numbers of the outer ones."""
        image, reading = self._desk.image, self._desk.reading
        if image is None or reading is None:
            return
        shown = target_layers.all_cells(self._layers, image, reading)
        if len(shown) != 2:
            text = "Link targets needs the results of two; adapt both, and no third."
            self.warn(text)
            return
        first, second = shown
        self._linking.start(partial(_link, first, second, first.data, second.data))

    def leave(self) -> None:
        """Take no notice of what is being linked."""
        self._linking.drop()

    def _add(self) -> None:
        name = self._row.ask_name("Add a target")
        if name:
            self.add(name)
        self._offer()

    def _rename(self) -> None:
        name = self._row.ask_name("Rename the target", self._desk.target.name)
        if name:
            self.rename(name)

    def _remove(self) -> None:
        painted = self._desk.painted
        if not (painted.cells or painted.background) or self._sure():
            self.remove()

    def _sure(self) -> bool:
        name = self._desk.target.name
        answer = QMessageBox.question(
            self._row, "Remove a target", f"Remove what you painted for '{name}'?"
        )
        return bool(answer == QMessageBox.StandardButton.Yes)

    def _offer(self) -> None:
        known = self.known
        self._row.setEnabled(self._desk.reading is not None)
        self._row.offer(known, self._desk.target, linkable=len(known) > 1)

    def _on_linked(self, linked: tuple[Labels, Labels, Parents]) -> None:
        inner, outer, parents = linked
        if inner in self._layers and outer in self._layers:
            target_layers.show_linked(self._layers, inner, parents)
            lost = int((parents.outer == 0).sum())
            text = (
                f"'{inner.name}' shown under the numbers of '{outer.name}'; "
                f"{lost} of {parents.inner.size} lie in none."
            )
            self.say(text, Tone.DONE)


def _link(
    first: Labels,
    second: Labels,
    one: NDArray[np.int32],
    other: NDArray[np.int32],
) -> Generator[Tick, None, tuple[Labels, Labels, Parents]]:
    """Link the objects that lie in the others."""
    yield from ()
    if lies_inside(one, other):
        return first, second, find_parents(one, other)
    return second, first, find_parents(other, one)
