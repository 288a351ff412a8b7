"""Choices of how to adapt: from which model on, and when."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QWidget

_CONTINUE = (
    "Continues from the current model instead of the initialization. "
    "Usually not needed: each round learns from everything that is painted."
)
_AUTOMATIC = (
    "Adapts by itself after each stroke or correction, a moment after the mouse rests; "
    "a run that is overtaken is cancelled."
)


class AdaptChoices(QWidget):
    """Two boxes to tick below Adapt, side by side: the panel has little height."""

    def __init__(self) -> None:
        super().__init__()
        self.continue_ = QCheckBox("Continue model")
        self.automatic = QCheckBox("Adapt on strokes")
        self.automatic.setToolTip(_AUTOMATIC)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.continue_, 1)
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
