"""The buttons that answer an offer to bring unsaved cells back."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget


class OfferRow(QWidget):
    """Restore and Discard; out of sight while there is nothing to offer.

    Signals
    -------
    restored, discarded :
        One of the two was pressed.
    """

    restored = Signal()
    discarded = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.restore = QPushButton("Restore")
        self.restore.setToolTip("Brings the cells back; Ctrl+Z takes that back.")
        self.discard = QPushButton("Discard")
        self.discard.setToolTip("Removes the cells that were found, for good.")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for button in (self.restore, self.discard):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            layout.addWidget(button, 1)
        self.restore.clicked.connect(self.restored)
        self.discard.clicked.connect(self.discarded)
        self.hide()
