"""How all docks look: their style, their line, their buttons and bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QFrame, QLabel, QProgressBar, QPushButton, QVBoxLayout

from .form import LEFT
from .guidance import Tone

if TYPE_CHECKING:
    from .guidance import Line

ADAPT_KEY = QKeySequence("Ctrl+Enter").toString(QKeySequence.SequenceFormat.NativeText)

_SELECTABLE = Qt.TextInteractionFlag.TextSelectableByMouse
# Okabe and Ito's blue, green and orange, at a lightness that reads on both themes.
_ACCENT = {Tone.NEXT: "#2d86c9", Tone.DONE: "#0b9e74", Tone.WARNING: "#d97a1d"}
# The ring of the focus is Okabe and Ito's vermillion: at least 3:1 beside both themes.
STYLE = """
QPushButton#main {
    background: #1f6fb2; color: white; font-weight: 600;
    border: 2px solid transparent; padding: 5px; border-radius: 3px;
}
QPushButton#main:hover { background: #2d86c9; }
QPushButton#main:pressed { background: #185a92; }
QPushButton#main:disabled { background: rgba(128, 128, 128, 60); color: gray; }
QPushButton#main[running="true"] { background: #a8590f; }
QProgressBar#progress { background: rgba(128, 128, 128, 60); border: none; }
QProgressBar#progress::chunk { background: #2d86c9; }
QPushButton:focus, QToolButton:focus, QComboBox:focus, QCheckBox:focus,
QAbstractSlider:focus, QAbstractSpinBox:focus { border: 1px solid #d55e00; }
QPushButton#main:focus { border-color: #f0a040; }
QLabel#caption { font-weight: 600; }
QToolButton#fold {
    font-weight: 600; border: 1px solid transparent; background: transparent;
}
QToolButton#fold:focus { border-color: #d55e00; }
"""


class StatusCard(QFrame):
    """The line that says what to do next, with a coloured edge for its tone."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("status")
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setAlignment(LEFT)
        self._text.setTextInteractionFlags(_SELECTABLE)
        self._text.setMinimumHeight(3 * self.fontMetrics().lineSpacing())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 6, 8, 6)
        layout.addWidget(self._text)

    @property
    def text(self) -> str:
        """The line shown."""
        return str(self._text.text())

    def show_line(self, line: Line) -> None:
        """Show a line."""
        self._text.setText(line.text)
        self.setStyleSheet(
            "#status { background: rgba(128, 128, 128, 38); border: none;"
            f" border-left: 4px solid {_ACCENT[line.tone]}; border-radius: 2px; }}"
            "#status QLabel { background: transparent; }"
        )


class Bar(QProgressBar):
    """A thin line that shows how far something is.

    Parameters
    ----------
    stays : bool
        Whether it keeps its place while it is out of sight.
    """

    def __init__(self, *, stays: bool = False) -> None:
        super().__init__()
        self.setObjectName("progress")
        self.setTextVisible(False)
        self.setFixedHeight(6)
        keeping = self.sizePolicy()
        keeping.setRetainSizeWhenHidden(stays)
        self.setSizePolicy(keeping)

    def show_progress(self, step: int, total: int, *, busy: bool) -> None:
        """Show how far something is; a total of 0 shows only that it goes on."""
        self.setVisible(busy)
        self.setMaximum(total)
        self.setValue(step)


def make_button(text: str, tip: str, key: str = "") -> QPushButton:
    """Make a button that names its key; a click leaves the focus on the canvas."""
    made = QPushButton(f"{text}  ({key})" if key else text)
    made.setToolTip(tip)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return made


def make_main_button(text: str, tip: str, key: str = "") -> QPushButton:
    """Make the button that matters most."""
    made = make_button(text, tip, key)
    made.setObjectName("main")
    return made
