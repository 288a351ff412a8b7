"""The buttons of the correcting tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget

from .corrections import Tool

if TYPE_CHECKING:
    from collections.abc import Callable

_COLUMNS = 3
_TITLES = {
    Tool.ACCEPT: ("Accept", "A", "Makes predicted cells examples, as they are."),
    Tool.REJECT: ("Reject", "R", "Makes cells, predicted or painted, background."),
    Tool.SPLIT: ("Split", "S", "Cuts a cell in two."),
    Tool.JOIN: ("Join", "J", "Makes two cells one, and closes a small gap."),
    Tool.FINISH: (
        "Finish",
        "D",
        "Calls a region done: all its cells are painted or accepted.",
    ),
}
_ALL_KEY = "Shift+A"
_ALL_TIP = "Accepts every cell that lies wholly in view."


class ToolButton(QPushButton):
    """A button that names its key; a click leaves the focus on the canvas."""

    def __init__(self, text: str, key: str, tip: str) -> None:
        name = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
        super().__init__(f"{text} ({name})")
        self.key = key.replace("+", "-")
        self.setObjectName("tool")
        self.setToolTip(tip)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def press(self) -> None:
        """Do what a click does, but never put a tool down: a click then would paint."""
        if not self.isChecked():
            self.click()


class ToolRow(QWidget):
    """One button a tool, and one that accepts all in view.

    Signals
    -------
    chosen : object
        The `Tool` whose button was pressed.
    """

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.buttons = {tool: ToolButton(*words) for tool, words in _TITLES.items()}
        self.accept_all = ToolButton("All", _ALL_KEY, _ALL_TIP)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        for tool, button in self.buttons.items():
            button.setCheckable(True)
            button.setToolTip(f"{button.toolTip()} {tool.value}")
            button.clicked.connect(lambda _on, tool=tool: self.chosen.emit(tool))
        accept, *others = self.buttons.values()
        for place, button in enumerate((accept, self.accept_all, *others)):
            grid.addWidget(button, *divmod(place, _COLUMNS))

    @property
    def keys(self) -> dict[str, Callable[[], None]]:
        """What each key does."""
        every = (*self.buttons.values(), self.accept_all)
        return {button.key: button.press for button in every}

    def show_tool(
        self, held: Tool | None, *, possible: bool, cells: bool, result: bool
    ) -> None:
        """Show which tool is in hand and which can be taken.

        Parameters
        ----------
        held : Tool or None
            The tool in hand.
        possible : bool
            Whether there is an image to annotate.
        cells : bool
            Whether there are cells at all, painted or predicted.
        result : bool
            Whether any are predicted.
        """
        usable = dict.fromkeys(self.buttons, possible and cells)
        usable[Tool.ACCEPT], usable[Tool.FINISH] = possible and result, possible
        for tool, button in self.buttons.items():
            button.setEnabled(usable[tool])
            button.setChecked(tool is held)
        self.accept_all.setEnabled(usable[Tool.ACCEPT])
