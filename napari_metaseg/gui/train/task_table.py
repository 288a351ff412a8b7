"""The table of tasks: what is in them, and what each is used for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_metaseg.core.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_metaseg.io.sources.check import TaskRow
    from napari_metaseg.io.sources.split import Split

_COLUMNS = {
    "Task": "Tick the tasks that are to be used.",
    "Val": "Ticked: never trained on, only used to see how well adapting works.",
    "Img": "Images that will be used.",
    "Obj": "Annotated objects in them.",
    "Ø px": "Median diameter of the objects, px.",
}
_TASK, _VALIDATE = 0, 1
_MOST_REASONS = 3
_ROWS_SHOWN = 6


class TaskTable(QWidget):
    """Tasks with a tick for use and one for validation; the chosen one in words.

    Signals
    -------
    changed :
        A task is used otherwise than before.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[TaskRow, ...] = ()
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setHorizontalHeaderLabels(list(_COLUMNS))
        for column, tip in enumerate(_COLUMNS.values()):
            self._heading(column).setToolTip(tip)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setTabKeyNavigation(False)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setShowGrid(False)
        self._size_columns()
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)
        layout.addWidget(self.about)
        self.table.itemChanged.connect(self._on_item)
        self.table.currentCellChanged.connect(self._describe)
        self._fit()

    @property
    def rows(self) -> tuple[TaskRow, ...]:
        """The tasks."""
        return self._rows

    @property
    def training(self) -> tuple[str, ...]:
        """Names of the tasks that are trained on."""
        return self._names(validate=False)

    @property
    def validation(self) -> tuple[str, ...]:
        """Names of the tasks that are validated on."""
        return self._names(validate=True)

    def show_tasks(self, rows: Sequence[TaskRow], split: Split) -> None:
        """Show tasks, and the split proposed for them."""
        self._rows = tuple(rows)
        self.table.blockSignals(True)
        self.table.setRowCount(len(self._rows))
        for number, row in enumerate(self._rows):
            self._fill(number, row, row.task in split.validation)
        self.table.blockSignals(False)
        self._fit()
        self._describe(self.table.currentRow())
        self.changed.emit()

    def _fill(self, number: int, row: TaskRow, validate: bool) -> None:
        size = "–" if row.diameter is None else f"{row.diameter:.0f}"
        mark = "⚠ " if row.problems or row.skipped else ""
        texts = (mark + row.task, "", str(row.images), str(row.objects), size)
        tip = "\n".join((row.task, *_remarks(row)))
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setToolTip(tip)
            flags = Qt.ItemFlag.ItemIsSelectable
            if row.images:
                flags |= Qt.ItemFlag.ItemIsEnabled
            if column in (_TASK, _VALIDATE):
                flags |= Qt.ItemFlag.ItemIsUserCheckable
                ticked = bool(row.images) if column == _TASK else validate
                item.setCheckState(_ticked(ticked))
            if column > _VALIDATE:
                item.setTextAlignment(
                    Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                )
            item.setFlags(flags)
            self.table.setItem(number, column, item)

    def _names(self, *, validate: bool) -> tuple[str, ...]:
        return tuple(
            row.task
            for number, row in enumerate(self._rows)
            if row.images
            and self._is_ticked(number, _TASK)
            and self._is_ticked(number, _VALIDATE) == validate
        )

    def _is_ticked(self, row: int, column: int) -> bool:
        item = self.table.item(row, column)
        return item is not None and item.checkState() == Qt.CheckState.Checked

    def _on_item(self, item: QTableWidgetItem) -> None:
        if item.column() in (_TASK, _VALIDATE):
            self.changed.emit()

    def _describe(self, number: int, *_: int) -> None:
        """Say what is odd about a task, or else about all of them."""
        if 0 <= number < len(self._rows):
            row = self._rows[number]
            remarks = _remarks(row) or ("nothing odd, nothing skipped",)
            self.about.setText(f"{row.task}: {'; '.join(remarks)}.")
        else:
            skipped = sum(len(row.skipped) for row in self._rows)
            said = counted(sum(r.images for r in self._rows), "image")
            more = f"; {counted(skipped, 'file')} skipped" if skipped else ""
            self.about.setText(f"{said}{more}. Choose a row to read more.")

    def _heading(self, column: int) -> QTableWidgetItem:
        item = self.table.horizontalHeaderItem(column)
        assert item is not None
        return item

    def _size_columns(self) -> None:
        side, top = self.table.verticalHeader(), self.table.horizontalHeader()
        assert side is not None and top is not None
        side.hide()
        side.setDefaultSectionSize(self.fontMetrics().height() + 8)
        top.setMinimumSectionSize(20)
        top.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        top.setSectionResizeMode(_TASK, QHeaderView.ResizeMode.Stretch)

    def _fit(self) -> None:
        """Take the height of the rows, up to a few; more are scrolled to."""
        side, top = self.table.verticalHeader(), self.table.horizontalHeader()
        assert side is not None and top is not None
        rows = min(max(len(self._rows), 2), _ROWS_SHOWN)
        height = top.sizeHint().height() + rows * side.defaultSectionSize()
        self.table.setFixedHeight(height + 4)
        self.setVisible(bool(self._rows))


def _ticked(value: bool) -> Qt.CheckState:
    return Qt.CheckState.Checked if value else Qt.CheckState.Unchecked


def _remarks(row: TaskRow) -> tuple[str, ...]:
    """Tell what is odd and what is skipped; many files with one reason once."""
    reasons: dict[str, list[str]] = {}
    for skipped in row.skipped:
        reasons.setdefault(skipped.why, []).append(Path(skipped.file).name)
    told = [
        f"skipped {files[0]}{f' and {len(files) - 1} more' if files[1:] else ''}: {why}"
        for why, files in list(reasons.items())[:_MOST_REASONS]
    ]
    if len(reasons) > _MOST_REASONS:
        told.append("more is skipped for other reasons")
    return (*row.problems, *told)
