"""How the dock looks: its parts and their order, and nothing they do."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_metaseg.core.classes import MOST
from napari_metaseg.gui.choosers import Chooser
from napari_metaseg.gui.form import Column, Form, beside, caption
from napari_metaseg.gui.look import (
    ADAPT_KEY,
    STYLE,
    Bar,
    StatusCard,
    make_button,
    make_main_button,
)

from .class_table import ClassTable

if TYPE_CHECKING:
    from .sheet import Sheet

FEWEST = 2
"""Classes that there must be."""


class ClassesView(QWidget):
    """All parts of the dock, laid out."""

    def __init__(self) -> None:
        super().__init__()
        self.setStyleSheet(STYLE)
        self.status = StatusCard()
        self.cells = Chooser("The layer whose cells get classes.")
        self.image = Chooser("The image that shows what the cells look like.")
        self.table = ClassTable()
        self.add = make_button("Add class", "Makes one more class, up to nine.")
        self.remove = make_button(
            "Remove class", "Removes the chosen class; its cells get other ones."
        )
        self.clear = make_button("Clear examples", "Takes all examples back.")
        self.classify = make_main_button(
            "Classify",
            "Gives every cell a class, from the examples. After that each further "
            "example does so by itself.",
            ADAPT_KEY,
        )
        self.export = make_button(
            "Export…", "Saves cells with classes: CSV, QuPath GeoJSON, or COCO."
        )
        self.buttons = (
            self.add,
            self.remove,
            self.clear,
            self.classify,
            self.export,
        )
        self.progress = Bar(stays=True)
        self._lay_out()

    def show_sheet(self, sheet: Sheet | None, *, image: bool, busy: bool) -> None:
        """Show the classes of cells, and what can be done with them.

        Parameters
        ----------
        sheet : Sheet or None
            The classes; None where no cells are chosen.
        image : bool
            Whether an image is chosen in which they lie.
        busy : bool
            Whether they are being classified.
        """
        if not busy:
            self.progress.show_progress(0, 1, busy=False)
        self.table.setEnabled(sheet is not None and image)
        if sheet is None:
            self.table.show_classes((), {}, {}, None)
            for button in self.buttons:
                button.setEnabled(False)
            return
        given, cells = Counter(sheet.examples.values()), Counter(sheet.keys().values())
        self.table.show_classes(sheet.entries, given, cells, sheet.taken)
        count = len(sheet.entries)
        self.add.setEnabled(image and count < MOST)
        self.remove.setEnabled(sheet.taken is not None and count > FEWEST)
        self.clear.setEnabled(bool(sheet.examples))
        self.classify.setEnabled(image and sheet.ready and not busy)
        self.export.setEnabled(bool(sheet.guessed))

    def _lay_out(self) -> None:
        form = Form()
        form.add("Cells", self.cells)
        form.add("Image", self.image)
        parts = (
            form,
            caption("Classes"),
            self.table,
            beside(self.add, self.remove, self.clear),
            self.classify,
            self.progress,
            self.export,
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.status)
        layout.addWidget(Column(parts), 1)
