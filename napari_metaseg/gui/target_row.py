"""What is segmented in the image: a chooser, and what can be done to a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QHBoxLayout, QInputDialog, QMenu, QToolButton, QWidget

from .choosers import Chooser

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .images import Target


class TargetRow(QWidget):
    """Targets to choose from, with "Add…" at the end, and a menu.

    Signals
    -------
    chosen : object
        The `Target` that was chosen.
    add_wanted, rename_wanted, remove_wanted, link_wanted :
        The person wants to do that.
    """

    chosen = Signal(object)
    add_wanted = Signal()
    rename_wanted = Signal()
    remove_wanted = Signal()
    link_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        tip = (
            "What you paint and segment, such as cells and nuclei; each target has "
            "its own annotation, model and result."
        )
        self.setToolTip(tip)
        self.targets = Chooser(tip)
        self.menu = QMenu(self)
        self.menu.setToolTipsVisible(True)
        self.rename = self._action("Rename…", self.rename_wanted, "Renames the target.")
        self.remove = self._action(
            "Remove…", self.remove_wanted, "Removes the target and its layers."
        )
        self.link = self._action(
            "Link targets",
            self.link_wanted,
            "Shows each object under the number of the one around it, of any target.",
        )
        self.more = QToolButton()
        self.more.setText("…")
        self.more.setToolTip("Rename, remove or link targets.")
        self.more.setMenu(self.menu)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.more.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.targets, 1)
        layout.addWidget(self.more)
        self.targets.currentIndexChanged.connect(self._on_chosen)

    def offer(
        self, targets: Iterable[Target], chosen: Target, *, linkable: bool
    ) -> None:
        """Show the targets of the chosen image."""
        choices = [(target.name, target) for target in targets]
        self.targets.offer([*choices, ("Add…", None)], chosen)
        own = bool(chosen.key)
        self.rename.setEnabled(own)
        self.remove.setEnabled(own)
        self.link.setEnabled(linkable)
        self.more.setEnabled(own or linkable)

    def ask_name(self, title: str, before: str = "") -> str:
        """Ask for a name; empty if the person changed their mind."""
        name, given = QInputDialog.getText(
            self, title, "Name, such as nuclei:", text=before
        )
        return name.strip() if given else ""

    def _action(self, text: str, signal: Any, tip: str) -> QAction:
        action = QAction(text, self.menu)
        self.menu.addAction(action)
        action.setToolTip(tip)
        action.triggered.connect(lambda _checked=False: signal.emit())
        return action

    def _on_chosen(self) -> None:
        if self.targets.value is None:
            self.add_wanted.emit()
        else:
            self.chosen.emit(self.targets.value)
