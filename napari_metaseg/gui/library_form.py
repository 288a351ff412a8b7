"""What goes into the person's library of tasks: the form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QLabel

from napari_metaseg.core.words import counted

from .asking import open_file
from .form import Form, beside
from .look import make_button

if TYPE_CHECKING:
    from napari_metaseg.io.sources.history import Held


class LibraryForm(Form):
    """The task's name, whether all cells are there, and a button."""

    def __init__(self) -> None:
        super().__init__()
        self._held: Held | None = None
        self.name = QComboBox()
        self.name.setEditable(True)
        self.name.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.name.setMinimumContentsLength(12)
        self.name.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.name.setToolTip(
            "One kind of cell in one kind of image: add all images of that kind to "
            "one task."
        )
        self.all_right = QCheckBox("All cells shown are right")
        self.all_right.setToolTip(
            "Tick if every cell of this image is outlined as it should be: then all "
            "cells shown are added, and the rest counts as background. Otherwise only "
            "what you painted or accepted is added, and the rest stays unknown."
        )
        self.all_right.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.add_button = make_button(
            "Add to my task library",
            "Copies the image and its cells to your library, from which MetaSeg: "
            "Meta-train learns. Added again, an image has its latest cells.",
        )
        self.open = make_button("Open folder", "Opens the folder of your library.")
        self.where = QLabel()
        self.where.setWordWrap(True)
        self.where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.open.clicked.connect(self._open_folder)
        self.open.setEnabled(False)
        self.add("Task", self.name)
        self.add_wide(self.all_right)
        self.add_wide(beside(self.add_button, self.open))
        self.add_wide(self.where)

    @property
    def task(self) -> str:
        """Name of the task."""
        return str(self.name.currentText()).strip()

    @task.setter
    def task(self, name: str) -> None:
        self.name.setEditText(name)

    @property
    def complete(self) -> bool:
        """Whether the cells shown are all that there are, and right."""
        return bool(self.all_right.isChecked() and self.all_right.isEnabled())

    def offer(self, held: Held) -> None:
        """Offer the tasks of the library, and tell where it is."""
        self._held = held
        written = self.task
        self.name.blockSignals(True)
        self.name.clear()
        self.name.addItems(list(held.tasks))
        self.name.blockSignals(False)
        self.task = written
        count = sum(held.tasks.values())
        holds = "empty as yet"
        if held.tasks:
            holds = f"{counted(len(held.tasks), 'task')}, {counted(count, 'image')}"
        self.where.setText(f"Your library, {holds}: {held.folder}")
        self.open.setEnabled(held.folder.is_dir())

    def show_possible(self, *, adding: bool, complete: bool) -> None:
        """Offer what is possible now."""
        self.add_button.setEnabled(adding)
        self.all_right.setEnabled(complete)

    def untick(self) -> None:
        """Take back that all cells are right."""
        self.all_right.setChecked(False)

    def _open_folder(self) -> None:
        if self._held is not None:
            open_file(self._held.folder)
