"""Buttons for sessions and for the text on methods."""

from __future__ import annotations

from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from .form import beside
from .look import make_button


class SessionForm(QWidget):
    """Save and open, and what else is kept of the work on an image.

    Parameters
    ----------
    methods : QPushButton
        Copies a text for a paper.
    """

    def __init__(self, methods: QPushButton) -> None:
        super().__init__()
        self.save = make_button(
            "Save session…",
            "Keeps annotation, cells, settings and model in one file, to go on later "
            "or to be replayed elsewhere; the image stays where it is.",
        )
        self.open = make_button(
            "Open session…",
            "Brings a session back as it was. A file that is dropped on napari opens "
            "in the same way.",
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(beside(self.save, self.open))
        layout.addWidget(methods)
