"""The column of the panel's parts: wheel, folds, focus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QComboBox, QLabel, QSpinBox, QWidget

from napari_metaseg.gui.decode_form import DecodeForm
from napari_metaseg.gui.form import Column, Fold

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


def tall(height: int = 600) -> QLabel:
    label = QLabel("here")
    label.setFixedHeight(height)
    return label


def shown(qtbot: QtBot, *parts: QWidget) -> Column:
    column = Column(parts)
    qtbot.addWidget(column)
    column.resize(320, 300)
    column.show()
    qtbot.waitExposed(column)
    return column


def takes_wheel(over: QWidget) -> bool:
    """Turn the wheel; what is not taken goes on, if it is a person's, to the column."""
    middle = QPointF(over.rect().center())
    event = QWheelEvent(
        middle,
        over.mapToGlobal(middle),
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(over, event)
    return event.isAccepted()


def test_the_wheel_scrolls_and_changes_no_field_on_its_way(qtbot: QtBot) -> None:
    images, number, form = QComboBox(), QSpinBox(), DecodeForm()
    images.addItems(["day 1", "day 2"])
    number.setValue(50)
    column = shown(qtbot, images, number, form, tall())
    before = form.settings
    sliders = [form.fields[name].native for name in ("threshold", "split", "min_size")]
    within = [part for slider in sliders for part in slider.findChildren(QWidget)]

    for field in (images, number, *sliders, *within):
        assert not takes_wheel(field), type(field).__name__
    assert takes_wheel(column.viewport())

    assert (images.currentIndex(), number.value()) == (0, 50)
    assert form.settings == before


@pytest.mark.parametrize("height", [120, 900])
def test_what_a_click_unfolds_comes_into_sight(qtbot: QtBot, height: int) -> None:
    fold = Fold("Review", tall(height))
    column = shown(qtbot, tall(250), fold, tall(10))
    bar, port = column.verticalScrollBar(), column.viewport()
    assert fold.y() + height > port.height()

    qtbot.mouseClick(fold.heading, Qt.MouseButton.LeftButton)

    def seen() -> None:
        top, bottom = fold.y() - bar.value(), fold.y() + fold.height() - bar.value()
        assert fold.height() >= height
        assert top >= 0
        assert bottom <= port.height() or top == 0

    qtbot.waitUntil(lambda: seen() is None)


def test_what_is_opened_by_settings_moves_nothing(qtbot: QtBot) -> None:
    fold = Fold("Review", tall(400))
    column = shown(qtbot, tall(250), fold)

    fold.open()
    qtbot.waitUntil(lambda: fold.height() >= 400)
    qtbot.wait(20)

    assert column.verticalScrollBar().value() == 0
