"""The tasks, each of which is trained on, or validates, or neither."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from qtpy.QtCore import QPoint, Qt

from napari_metaseg.gui.train.task_table import TaskTable
from napari_metaseg.io.sources.check import TaskRow
from napari_metaseg.io.sources.found import Skipped
from napari_metaseg.io.sources.split import Split

from .training import row

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


def tick(qtbot: QtBot, table: TaskTable, row: int, column: int) -> None:
    """Click the box of a cell."""
    item = table.table.item(row, column)
    assert item is not None
    place = table.table.visualItemRect(item)
    at = QPoint(place.left() + 10, place.center().y())
    viewport = table.table.viewport()
    assert viewport is not None
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=at)


@pytest.fixture
def table(qtbot: QtBot) -> TaskTable:
    table = TaskTable()
    qtbot.addWidget(table)
    skipped = (Skipped("/x/1.tif", "has no masks"), Skipped("/x/2.tif", "has no masks"))
    odd = TaskRow("odd", "own", "s", "l", 2, 9, 12.0, ("tiny objects: 3",), skipped)
    rows = [row("a"), row("b"), odd, row("empty", images=0)]
    table.show_tasks(rows, Split(("a", "odd"), ("b",)))
    table.resize(330, 300)
    table.show()
    return table


def test_the_proposed_split_is_ticked(table: TaskTable) -> None:
    assert table.training == ("a", "odd")
    assert table.validation == ("b",)


def test_a_task_moves_by_its_boxes(qtbot: QtBot, table: TaskTable) -> None:
    with qtbot.waitSignal(table.changed):
        tick(qtbot, table, 0, 1)
    assert (table.training, table.validation) == (("odd",), ("a", "b"))
    tick(qtbot, table, 1, 0)
    assert (table.training, table.validation) == (("odd",), ("a",))


def test_a_task_moves_by_the_keyboard(qtbot: QtBot, table: TaskTable) -> None:
    table.table.setCurrentCell(0, 1)
    qtbot.keyClick(table.table, Qt.Key.Key_Space)

    assert table.validation == ("a", "b")


def test_a_task_without_images_cannot_be_used(qtbot: QtBot, table: TaskTable) -> None:
    tick(qtbot, table, 3, 0)

    assert "empty" not in table.training + table.validation


def test_the_chosen_task_says_what_is_odd_and_what_is_skipped(table: TaskTable) -> None:
    assert "2 files skipped" in table.about.text()
    table.table.setCurrentCell(2, 2)

    said = "odd: tiny objects: 3; skipped 1.tif and 1 more: has no masks."
    assert table.about.text() == said
