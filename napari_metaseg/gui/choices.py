"""Choices of how to adapt: from which model on, and when."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

_CONTINUE = (
    "Starts from the model of the last round instead of the initialization. "
    "Usually not needed: each round learns from everything that is painted."
)
_AUTOMATIC = (
    "Adapts by itself after each stroke or correction, a moment after the mouse rests; "
    "a run that is overtaken is cancelled."
)


class AdaptChoices(QWidget):
    """Two boxes to tick below Adapt."""

    def __init__(self) -> None:
        super().__init__()
        self.continue_ = QCheckBox("Continue from the current model")
        self.automatic = QCheckBox("Adapt after each stroke")
        self.automatic.setToolTip(_AUTOMATIC)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.continue_)
        layout.addWidget(self.automatic)
        self.offer_start("")

    @property
    def continues(self) -> bool:
        """Whether the next round is to start from the current model, if it can."""
        return bool(self.continue_.isChecked() and self.continue_.isEnabled())

    def offer_start(self, why_not: str) -> None:
        """Offer the current model as a start, or say why it is none."""
        self.continue_.setEnabled(not why_not)
        self.continue_.setToolTip(why_not or _CONTINUE)
