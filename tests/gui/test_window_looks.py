"""How the panel looks in a real window: what fits, where Tab goes, what has a tip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QScrollBar,
    QWidget,
)

from napari_metaseg.gui.form import Column
from napari_metaseg.gui.round_table import Row

from .acting import annotation_of, dock_panel

if TYPE_CHECKING:
    from napari import Viewer
    from pytestqt.qtbot import QtBot

    from napari_metaseg.gui.adapt_panel import AdaptPanel

    from .acting import Settle


@pytest.fixture
def panel(window: Viewer, settle: Settle) -> AdaptPanel:
    return dock_panel(window, settle)


def test_everything_fits_a_small_window(
    qtbot: QtBot, window: Viewer, panel: AdaptPanel
) -> None:
    view = panel.view
    for fold in view.folds:
        fold.heading.setChecked(False)
    for part in (view.status, view.adapt, view.export, view.save, view.target):
        assert part.isVisible()
        qtbot.waitUntil(
            lambda p=part: p.visibleRegion().contains(p.rect().bottomRight())
        )
        assert part.width() >= part.minimumSizeHint().width()
    for fold in view.folds:
        fold.open()
    column = view.findChild(Column)
    qtbot.waitUntil(column.verticalScrollBar().isVisible)
    assert column.widget().minimumSizeHint().width() <= column.viewport().width()


def test_the_rounds_need_no_scrolling_sideways(
    qtbot: QtBot, window: Viewer, panel: AdaptPanel
) -> None:
    panel.rounds.parentWidget().open()
    texts = (
        "12",
        "0.52 → 0.81 ★\nreverted",
        "Start of my own +\n112 cells + 13",
        "113.1 s\n32 steps",
    )
    panel.rounds.show_rows([Row(texts, "", kept=True, current=True)] * 12, 0)

    table = panel.rounds.table
    qtbot.waitUntil(table.verticalScrollBar().isVisible)
    assert not table.horizontalScrollBar().maximum()
    for column in (0, 1, 3):
        assert table.columnWidth(column) >= table.sizeHintForColumn(column)
    line = table.fontMetrics().horizontalAdvance("12 cells + 3")
    assert table.columnWidth(2) > line
    assert table.rowHeight(0) >= 2 * table.fontMetrics().lineSpacing()


def test_tab_walks_down_the_whole_panel(
    qtbot: QtBot, window: Viewer, panel: AdaptPanel, settle: Settle
) -> None:
    annotation_of(panel).paint((12, 12), 1)
    settle(panel)
    panel.adapt()
    settle(panel)
    for fold in panel.view.folds:
        fold.open()
    # Without a window manager no window is active, and Tab itself does nothing.
    part = first = panel.view.folds[0].heading
    walked: list[QWidget] = []
    while not walked or part is not first:
        if panel.isAncestorOf(part) and part.isVisible() and part.isEnabled():
            stops = part.focusPolicy() & Qt.FocusPolicy.TabFocus
            walked += [part] if stops else []
        part = part.nextInFocusChain()

    inside = panel.view.findChild(Column).widget()
    tops = [part.mapTo(inside, QPoint()) for part in walked]
    rows = [(round(top.y() / 12), top.x()) for top in tops]
    assert [y for y, _ in rows] == sorted(y for y, _ in rows)
    view = panel.view
    for part in (
        view.target.targets,
        view.next_cell,
        view.adapt,
        *view.tools.buttons.values(),
        view.export,
        view.masks.open,
        view.source.devices,
        view.reset,
        *(fold.heading for fold in view.folds),
    ):
        assert part in walked, part.toolTip()


def test_everything_that_can_be_used_has_a_tool_tip(
    window: Viewer, panel: AdaptPanel
) -> None:
    kinds = (QAbstractButton, QComboBox, QAbstractSlider, QAbstractSpinBox)
    for fold in panel.view.folds:
        fold.open()
    for part in panel.view.findChildren(QWidget):
        if not part.isVisible():
            continue
        if isinstance(part, kinds) and not isinstance(part, QScrollBar):
            told, above = part.toolTip(), part.parentWidget()
            while not told and above is not panel:
                told, above = above.toolTip(), above.parentWidget()
            assert told, (type(part).__name__, part.objectName())
