"""Buttons for sessions and for the text on methods."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from .form import beside


class SessionForm(QWidget):
    """Save and open, and what else is kept of the work on an image.

    Parameters
    ----------
    methods : QPushButton
        Copies a text for a paper.
    """

    def __init__(self, methods: QPushButton) -> None:
        super().__init__()
        self.save = QPushButton("Save session…")
        self.save.setToolTip(
            "Keeps annotation, cells, settings and model in one file, to go on later "
            "or to be replayed elsewhere; the image stays where it is."
        )
        self.open = QPushButton("Open session…")
        self.open.setToolTip(
            "Brings a session back as it was. A file that is dropped on napari opens "
            "in the same way."
        )
        for button in (self.save, self.open):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(beside(self.save, self.open))
        layout.addWidget(methods)
