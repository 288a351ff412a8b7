"""How the dock looks: its parts and their order, and nothing they do."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_metaseg.gui.choosers import Chooser
from napari_metaseg.gui.form import Column, Form
from napari_metaseg.gui.look import (
    STYLE,
    Bar,
    StatusCard,
    make_button,
    make_main_button,
)

from .run_view import RunView
from .setup_view import SetupView


class TrainView(QWidget):
    """All parts of the dock, laid out: the page of a new run, or of one that is."""

    def __init__(self) -> None:
        super().__init__()
        self.setStyleSheet(STYLE)
        self.status = StatusCard()
        self.runs = Chooser("A new run, or one that is going on or has ended.")
        self.setup = SetupView()
        self.run = RunView()
        self.progress = Bar(stays=True)
        self.start = make_main_button("Start", "Trains in a process of its own.")
        self.pause = make_button(
            "Pause", "Ends the process after this meta-step; Resume goes on from there."
        )
        self.stop = make_button(
            "Stop and keep", "Ends the run and keeps what it has learned as a start."
        )
        self.resume = make_button("Resume", "Goes on where the run was.")
        self.export = make_button(
            "Export…", "Writes the start as one file, for another machine."
        )
        self.log = make_button(
            "Open log", "Opens what the training process told of errors."
        )
        self._lay_out()

    def show_page(self, *, setup: bool) -> None:
        """Show the page of a new run, or that of a run."""
        self.setup.setVisible(setup)
        self.run.setVisible(not setup)
        self.start.setVisible(setup)
        for button in (self.pause, self.stop, self.resume, self.export):
            button.setVisible(not setup)
        if setup:
            self.log.hide()

    def show_actions(
        self, *, going: bool, ended: bool, finished: bool, installed: bool
    ) -> None:
        """Show what can be done with a run, as far as it is possible now."""
        self.pause.setVisible(not ended)
        self.pause.setEnabled(going)
        self.resume.setVisible(ended and not finished)
        self.stop.setVisible(not (ended and finished))
        self.stop.setEnabled(going or ended)
        self.export.setVisible(ended and finished and installed)

    def _lay_out(self) -> None:
        runs = Form()
        runs.add("Run", self.runs)
        buttons = QWidget()
        row = QHBoxLayout(buttons)
        row.setContentsMargins(0, 0, 0, 0)
        for button in (
            *(self.start, self.resume, self.pause, self.stop),
            *(self.export, self.log),
        ):
            row.addWidget(button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.status)
        layout.addWidget(runs)
        layout.addWidget(Column((self.setup, self.run)), 1)
        layout.addWidget(self.progress)
        layout.addWidget(buttons)
