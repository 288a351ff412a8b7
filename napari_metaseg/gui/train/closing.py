"""The question that is asked when napari closes while a run is going on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_metaseg.gui.dock import window_of

if TYPE_CHECKING:
    from collections.abc import Callable


class Farewell(QObject):
    """Watches the window that holds a dock, and calls once when it is about to close.

    Parameters
    ----------
    dock : QWidget
        The dock's widget, by which it is owned.
    call : callable
        Bound method without arguments.
    """

    def __init__(self, dock: QWidget, call: Callable[[], None]) -> None:
        super().__init__(dock)
        self._dock = dock
        self._call = call
        self._window: QWidget | None = None

    def find_window(self) -> None:
        """Watch the main window that the dock is in now."""
        owner = window_of(self._dock)
        if owner is not None and owner is not self._window:
            self._window = owner
            owner.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Call before the window closes; never hold it up."""
        if (
            watched is self._window
            and event is not None
            and event.type() == QEvent.Type.Close
        ):
            self._call()
        return False


def ask_to_keep(window: QWidget, run: str) -> bool:
    """Ask whether a run is to go on when napari closes; that is the default."""
    box = QMessageBox(window)
    box.setWindowTitle("MetaSeg: Meta-train")
    box.setText(f"The run “{run}” is going on.")
    box.setInformativeText(
        "It can go on without napari, and is found here again; or pause, to be resumed."
    )
    keep = box.addButton("Keep training", QMessageBox.ButtonRole.AcceptRole)
    pause = box.addButton("Pause it", QMessageBox.ButtonRole.DestructiveRole)
    box.setDefaultButton(keep)
    box.setEscapeButton(keep)
    box.exec()
    kept = box.clickedButton() is not pause
    box.deleteLater()
    return kept
