"""The table of classes: key and colour, name, examples, cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .palette import Entry

_COLUMNS = {
    "Key": "Takes the class while the classes layer is chosen.",
    "Class": "Double-click to rename.",
    "Given": "Cells that you gave as examples.",
    "Cells": "Cells of this class, examples among them.",
}
_NAME = 1
_ROWS_SHOWN = 5
_SWATCH = 14  # px


class ClassTable(QTableWidget):
    """One row a class; the row that is chosen is the class in hand.

    Signals
    -------
    taken : int
        The row of the class that a person chose.
    renamed : int, str
        A row, and its new name.
    """

    taken = Signal(int)
    renamed = Signal(int, str)

    def __init__(self) -> None:
        super().__init__(0, len(_COLUMNS))
        self.setHorizontalHeaderLabels(list(_COLUMNS))
        for column, tip in enumerate(_COLUMNS.values()):
            heading = self.horizontalHeaderItem(column)
            assert heading is not None
            heading.setToolTip(tip)
        self.setToolTip("Choose a class, then click cells of it in the image.")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._size_columns()
        self.cellClicked.connect(lambda row, _: self.taken.emit(row))
        self.currentCellChanged.connect(self._on_current)
        self.itemChanged.connect(self._on_item)

    def show_classes(
        self,
        entries: Sequence[Entry],
        given: Mapping[int, int],
        cells: Mapping[int, int],
        taken: int | None,
    ) -> None:
        """Show classes.

        Parameters
        ----------
        entries : sequence of Entry
            The classes.
        given, cells : mapping of int to int
            Examples and cells of each class, by its key.
        taken : int or None
            Key of the class in hand.
        """
        self.blockSignals(True)
        self.setRowCount(len(entries))
        for row, entry in enumerate(entries):
            counts = given.get(entry.key, 0), cells.get(entry.key, 0)
            texts = (str(entry.key), entry.name, *map(str, counts))
            for column, text in enumerate(texts):
                self.setItem(row, column, _item(text, column))
            first = self.item(row, 0)
            assert first is not None
            first.setIcon(_swatch(entry.colour))
        rows = [row for row, entry in enumerate(entries) if entry.key == taken]
        self.clearSelection()
        if rows:
            self.selectRow(rows[0])
        self.blockSignals(False)
        self._fit()

    def _on_current(self, row: int, _column: int, before: int, _before: int) -> None:
        if row != before and row >= 0 and self.hasFocus():
            self.taken.emit(row)

    def _on_item(self, item: QTableWidgetItem) -> None:
        if item.column() == _NAME:
            self.renamed.emit(item.row(), item.text().strip())

    def _size_columns(self) -> None:
        side, top = self.verticalHeader(), self.horizontalHeader()
        assert side is not None and top is not None
        side.hide()
        side.setDefaultSectionSize(self.fontMetrics().height() + 8)
        top.setMinimumSectionSize(20)
        top.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        top.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)

    def _fit(self) -> None:
        """Take the height of the rows, up to a few; more are scrolled to."""
        side, top = self.verticalHeader(), self.horizontalHeader()
        assert side is not None and top is not None
        rows = min(max(self.rowCount(), 2), _ROWS_SHOWN)
        height = top.sizeHint().height() + rows * side.defaultSectionSize()
        self.setFixedHeight(height + 4)


def _item(text: str, column: int) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    flags = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled
    if column == _NAME:
        flags |= Qt.ItemFlag.ItemIsEditable
    item.setFlags(flags)
    if column > _NAME:
        item.setTextAlignment(
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        )
    return item


def _swatch(colour: str) -> QIcon:
    picture = QPixmap(_SWATCH, _SWATCH)
    picture.fill(QColor(colour))
    return QIcon(picture)
