"""The table of rounds of an image, its buttons and its curve: looks only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from .curve import Curve
from .form import beside
from .look import make_button

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLUMNS = {
    "#": "Which round.",
    "Own IoU": "IoU of your own cells before → after adapting, ★ for the best of a "
    "comparison; kept, or reverted because adapting made things worse.",
    "Start, painted": "The initialization it started from, + if the model before went "
    "on; the cells that were painted, + background strokes.",
    "Took": "Seconds from the click to the result; steps of the inner loop.",
}
_STRETCHED = list(_COLUMNS).index("Start, painted")
_ROWS = 3  # of two lines, in sight at once
_GONE = "Too long ago: its result is no longer kept. "


@dataclass(frozen=True, slots=True)
class Row:
    """What the table shows of a round.

    Attributes
    ----------
    cells : tuple of str
        One text a column, of one line or two.
    tip : str
        What more there is to tell.
    kept : bool
        Whether it can be shown again.
    current : bool
        Whether it is the current result.
    """

    cells: tuple[str, ...]
    tip: str
    kept: bool
    current: bool


class RoundTable(QWidget):
    """Rows of rounds; choosing one asks to see it.

    Signals
    -------
    chosen : int
        A person went to this row.
    """

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setToolTip("Every round on this image. Click one to see it again.")
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setTabKeyNavigation(False)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setHorizontalHeaderLabels(list(_COLUMNS))
        for column, tip in enumerate(_COLUMNS.values()):
            heading = self.table.horizontalHeaderItem(column)
            if heading is not None:
                heading.setToolTip(tip)
        across, down = self.table.horizontalHeader(), self.table.verticalHeader()
        if across is not None and down is not None:
            across.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            across.setSectionResizeMode(_STRETCHED, QHeaderView.ResizeMode.Stretch)
            across.setHighlightSections(False)
            down.hide()
            line = self.fontMetrics().lineSpacing()
            down.setDefaultSectionSize(2 * line + 6)
            self.table.setFixedHeight(_ROWS * (2 * line + 6) + 2 * line)
        self.back = make_button(
            "Go back to this round", "Makes the round you see the current result."
        )
        self.compare = make_button(
            "Compare starts",
            "Adapts once from each initialization to what is painted, one row each; "
            "the current result stays.",
        )
        self.curve = Curve()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)
        layout.addWidget(beside(self.back, self.compare))
        layout.addWidget(self.curve)
        self.table.currentCellChanged.connect(self._on_current)
        self.table.cellClicked.connect(self._on_clicked)

    def show_rows(self, rows: Sequence[Row], seen: int | None) -> None:
        """Replace all rows, with the one that is seen selected."""
        self.table.blockSignals(True)
        self.table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            for column, text in enumerate(row.cells):
                self.table.setItem(number, column, _item(text, row))
        if seen is None:
            self.table.setCurrentCell(-1, -1)
            self.table.clearSelection()
        else:
            self.table.setCurrentCell(seen, 0)
        self.table.blockSignals(False)

    def _on_current(self, row: int, _column: int, before: int, _was: int) -> None:
        if row >= 0 and row != before:
            self.chosen.emit(row)

    def _on_clicked(self, row: int, _column: int) -> None:
        """Ask for the row that is selected already, too."""
        self.chosen.emit(row)


def _item(text: str, row: Row) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
    item.setToolTip(row.tip if row.kept else _GONE + row.tip)
    font = item.font()
    font.setBold(row.current)
    item.setFont(font)
    if not row.kept:
        item.setFlags(Qt.ItemFlag.NoItemFlags)
    return item
