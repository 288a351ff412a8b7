"""Adapting by itself, once the person rests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtWidgets import QApplication

from .links import after_rest

if TYPE_CHECKING:
    from qtpy.QtWidgets import QCheckBox

    from napari_metaseg.core.painting import Painting

    from .bench import Bench
    from .desk import Desk
    from .work import Work

REST = 800
"""Pause (ms) after the last stroke before a round begins."""


class AutoAdapt(QObject):
    """Asks for a round after each change of the annotation, while its box is ticked.

    Signals
    -------
    due :
        The annotation has changed since the last round, and the mouse rests.
    """

    due = Signal()

    def __init__(
        self, box: QCheckBox, desk: Desk, bench: Bench, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._box, self._desk, self._bench = box, desk, bench
        self._left = False
        self._work: Work | None = None
        self._rest = after_rest(self, REST, self._check)
        desk.stroked.connect(self._wait)
        desk.edited.connect(self._on_edited)
        box.toggled.connect(self._wait)

    def leave(self) -> None:
        """Ask for nothing any more."""
        self._left = True
        self._rest.stop()

    def _wait(self) -> None:
        if self._box.isChecked() and not self._left:
            self._rest.start()

    def _on_edited(self) -> None:
        """See undo too, but not that another image or channel was turned to."""
        work, self._work = self._work, self._bench.works.of(self._desk)
        if work is self._work and self._asked() is not None:
            self._wait()

    def _asked(self) -> Painting | None:
        """Return the annotation that the last run on this image was given."""
        work = self._bench.works.of(self._desk)
        return None if work is None else work.asked

    def _check(self) -> None:
        if not self._box.isChecked() or not self._is_new():
            return
        if mouse_is_down() or self._bench.stopping or self._is_elsewhere():
            self._rest.start()
        else:
            self.due.emit()

    def _is_new(self) -> bool:
        """Whether cells are painted, and not just as the last round saw them."""
        annotation, asked = self._desk.annotation, self._asked()
        if annotation is None or not self._desk.painted.cells:
            return False
        return asked is None or not asked.is_still(annotation.data)

    def _is_elsewhere(self) -> bool:
        """Whether a round on another work is going on, which is not to be cancelled."""
        work = self._bench.adapting_on
        return work is not None and work is not self._bench.works.of(self._desk)


def mouse_is_down() -> bool:
    """Whether a button of the mouse is held."""
    return bool(QApplication.mouseButtons() != Qt.MouseButton.NoButton)
