"""The buttons that answer an offer to bring unsaved cells back."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QWidget

from .look import make_button


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
        self.restore = make_button(
            "Restore", "Brings the cells back; Ctrl+Z takes that back."
        )
        self.discard = make_button(
            "Discard", "Removes the cells that were found, for good."
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.restore, 1)
        layout.addWidget(self.discard, 1)
        self.restore.clicked.connect(self.restored)
        self.discard.clicked.connect(self.discarded)
        self.hide()
