"""What all docks do: they fill their place, and leave when they are closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QHideEvent, QKeySequence
from qtpy.QtWidgets import QMainWindow, QShortcut, QSizePolicy, QVBoxLayout, QWidget

from .links import after_rest

if TYPE_CHECKING:
    from collections.abc import Callable


ENTER_KEY = "F6"
_HEAD_START = 100  # ms in which the window is drawn before torch is imported


class Dock(QWidget):
    """A widget that napari puts into a dock."""

    def __init__(self) -> None:
        super().__init__()
        # As tall as the dock: napari would otherwise add empty space below.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def fill(self, view: QWidget) -> None:
        """Show one widget, and nothing around it."""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(view)

    def press_by_keys(self, call: Callable[[], None]) -> None:
        """Let Ctrl+Enter, with either Enter key, do what the dock is for."""
        for name in ("Ctrl+Return", "Ctrl+Enter"):
            shortcut = QShortcut(QKeySequence(name), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(call)

    def enter_by_key(self, call: Callable[[], None]) -> None:
        """Let F6 take the keyboard into the dock, wherever it is in the window.

        Of several such docks in one window, into one after the other.
        """
        entrance = QShortcut(QKeySequence(ENTER_KEY), self)
        entrance.activated.connect(call)
        entrance.activatedAmbiguously.connect(call)

    def begin_soon(self, call: Callable[[], None]) -> None:
        """Call once the window is drawn: Python's import lock would hold that up."""
        after_rest(self, _HEAD_START, call).start()

    def leave(self) -> None:
        """Leave the layers alone and end whatever runs."""
        raise NotImplementedError

    def changeEvent(self, event: QEvent | None) -> None:
        """Leave once napari has closed the dock."""
        super().changeEvent(event)
        detached = event is not None and event.type() == QEvent.Type.ParentChange
        if detached and self.parent() is None:
            self.leave()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Leave if it is the whole window that closes, and not only the dock."""
        super().hideEvent(event)
        window = window_of(self)
        if window is not None and not window.isVisible():
            self.leave()


def window_of(dock: QWidget) -> QWidget | None:
    """Return the main window that a widget is in, if it is in one."""
    owner = dock.parentWidget()
    while owner is not None and not isinstance(owner, QMainWindow):
        owner = owner.parentWidget()
    return owner
