"""The first walk through the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from qtpy.QtCore import QObject, Signal

from napari_metaseg.gui.first_steps import FirstSteps
from napari_metaseg.gui.painted import Painted

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


class Loop(QObject):
    """Stands for desk, tools and bench alike."""

    changed = Signal()
    edited = Signal()
    adapted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.image: object = None
        self.painted = Painted()

    def open(self) -> None:
        self.image = np.zeros((2, 2))
        self.changed.emit()

    def paint(self, cells: int) -> None:
        self.painted = Painted(cells)
        self.changed.emit()


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def steps(qtbot: QtBot, loop: Loop) -> FirstSteps:
    steps = FirstSteps("Ctrl+Enter")
    qtbot.addWidget(steps)
    steps.follow(loop, loop, loop)  # type: ignore[arg-type]
    return steps


def test_each_step_is_ticked_as_it_is_taken(
    qtbot: QtBot, loop: Loop, steps: FirstSteps
) -> None:
    assert steps.done == 0
    loop.open()
    loop.paint(1)
    assert steps.done == 1
    loop.paint(2)
    assert steps.done == 2
    loop.adapted.emit(None)
    assert steps.done == 3
    loop.edited.emit()
    assert steps.done == 4
    with qtbot.waitSignal(steps.walked):
        loop.adapted.emit(None)
    assert steps.done == 5


@pytest.mark.parametrize("width", range(200, 340, 7))
def test_nothing_below_moves_as_steps_are_ticked(
    loop: Loop, steps: FirstSteps, width: int
) -> None:
    steps.ensurePolished()
    heights = [steps.heightForWidth(width)]
    loop.open()
    loop.paint(2)
    heights.append(steps.heightForWidth(width))
    loop.adapted.emit(None)
    heights.append(steps.heightForWidth(width))

    assert len(set(heights)) == 1


def test_a_step_stays_taken(loop: Loop, steps: FirstSteps) -> None:
    loop.open()
    loop.paint(2)
    loop.paint(0)
    assert steps.done == 2


def test_a_correction_before_any_result_is_none(loop: Loop, steps: FirstSteps) -> None:
    loop.edited.emit()
    assert steps.done == 0


def test_the_end_is_told_once(qtbot: QtBot, loop: Loop, steps: FirstSteps) -> None:
    loop.open()
    loop.paint(2)
    for signal in (loop.adapted, loop.adapted):
        signal.emit(None)
    assert steps.done == 3
    loop.edited.emit()
    loop.adapted.emit(None)
    with qtbot.assertNotEmitted(steps.walked):
        loop.adapted.emit(None)
