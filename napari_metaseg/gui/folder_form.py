"""Many images: where they are, how they are segmented, and what came of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QWidget,
)

from .asking import ask_folder, open_file
from .choosers import Chooser
from .form import Form, beside
from .look import Bar, make_button

if TYPE_CHECKING:
    from collections.abc import Sequence

_LINES = 5


class FolderField(QWidget):
    """The path of a folder, typed or chosen.

    Parameters
    ----------
    title : str
        Title of the dialog.
    tip : str
        What the folder is for.
    """

    def __init__(self, title: str, tip: str) -> None:
        super().__init__()
        self.setToolTip(tip)
        self._title = title
        self.text = QLineEdit()
        self.choose = make_button("…", f"{title}…")
        self.choose.setFixedWidth(28)
        self.choose.clicked.connect(self._ask)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.choose)

    @property
    def path(self) -> Path | None:
        """The folder; None while none is given."""
        text = self.text.text().strip()
        return Path(text).expanduser() if text else None

    def _ask(self) -> None:
        chosen = ask_folder(self, self._title, self.path or Path.home())
        if chosen is not None:
            self.text.setText(str(chosen))


class FolderForm(Form):
    """Fields for a folder of images, a bar, and a list of what came of each."""

    def __init__(self) -> None:
        super().__init__()
        self.images = FolderField("Folder of images", "The images to segment.")
        self.output = FolderField(
            "Folder of results",
            "Gets a label image for each image, under the same folders and names, and "
            "a table.",
        )
        self.normalise = Chooser(
            "Each image by its own intensities, or all by those of all together: then "
            "differences between images stay, and a blank image stays blank."
        )
        self.normalise.offer([("each image alone", "each"), ("all together", "all")])
        self.jobs = QSpinBox()
        self.jobs.setRange(1, os.cpu_count() or 1)
        self.jobs.setToolTip("How many images are segmented side by side.")
        self.start = make_button(
            "Segment folder",
            "Segments all images of the folder with the current model. What is "
            "finished already is kept. Press again to cancel.",
        )
        self.summary = make_button(
            "Open summary", "Opens the table: a row for each image."
        )
        self.bar = Bar()
        self.report = QPlainTextEdit()
        self.report.setReadOnly(True)
        self.report.setToolTip("What came of each image.")
        line = self.report.fontMetrics().lineSpacing()
        self.report.setFixedHeight(_LINES * line + 12)
        self.report.setTabChangesFocus(True)
        self.add("Images", self.images)
        self.add("Results", self.output)
        self.add("Normalise", self.normalise)
        self.add("At a time", self.jobs)
        self.add_wide(beside(self.start, self.summary))
        self.add_wide(self.bar)
        self.add_wide(self.report)
        self._table: Path | None = None
        self.summary.clicked.connect(self._open_table)
        self.show_table(None)
        self.show_running(False, False, possible=False)
        self.report.hide()

    def show_running(self, running: bool, stopping: bool, *, possible: bool) -> None:
        """Turn the button into Cancel while a folder is at work."""
        cancel = "Cancelling…" if stopping else "Cancel"
        self.start.setText(cancel if running else "Segment folder")
        self.start.setEnabled(not stopping if running else possible)
        self.bar.setVisible(running)
        for field in (self.images, self.output, self.normalise, self.jobs):
            field.setEnabled(not running)

    def show_progress(self, done: float, total: int) -> None:
        """Show how far the folder has come."""
        self.bar.setMaximum(max(1, 1000 * total))
        self.bar.setValue(round(1000 * done))

    def show_lines(self, lines: Sequence[str]) -> None:
        """Begin the list anew with some lines."""
        self.report.setPlainText("\n".join(lines))
        self.report.setVisible(bool(lines))

    def add_line(self, line: str) -> None:
        """Add a line at the end of the list."""
        self.report.appendPlainText(line)
        self.report.show()

    def show_table(self, path: Path | None) -> None:
        """Offer to open a table."""
        self._table = path
        self.summary.setEnabled(path is not None)

    def _open_table(self) -> None:
        if self._table is not None:
            open_file(self._table)
