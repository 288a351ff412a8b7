"""Adapting by itself, once the person rests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_metaseg.core.errors import UserError
from napari_metaseg.gui import auto_adapt
from napari_metaseg.gui.rounds import Ready

from .acting import IMAML, MAML, annotation_of, paint_cell, texts

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from napari_metaseg.gui.adapt_panel import AdaptPanel

    from .acting import Open, Settle
    from .conftest import Engine


@pytest.fixture
def panel(viewer: ViewerModel, image: Image, open_panel: Open) -> AdaptPanel:
    panel = open_panel(viewer)
    panel.view.source.offer_ready(Ready((MAML, IMAML), ()))
    panel.view.source.inits.choose("maml")
    return panel


def test_it_adapts_by_itself_once_the_person_rests(
    panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    paint_cell(panel)
    settle(panel)
    assert not panel.view.choices.automatic.isChecked()
    assert engine.calls == []

    panel.view.choices.automatic.click()
    settle(panel)
    assert len(engine.calls) == 1
    panel.next_cell()
    paint_cell(panel, 40, 40)
    settle(panel)
    assert len(engine.calls) == 2
    assert set(np.unique(engine.calls[1].annotation)) == {0, 1, 2}
    annotation_of(panel).undo()
    settle(panel)
    assert len(engine.calls) == 3
    annotation_of(panel).refresh()
    panel.desk.edited.emit()
    settle(panel)
    assert len(engine.calls) == 3
    assert panel.view.status.text.startswith("Adapted in")


def test_a_stroke_overtakes_the_run_it_makes_stale(
    qtbot: QtBot, panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    panel.view.choices.automatic.click()
    engine.gate.clear()
    paint_cell(panel)
    qtbot.waitUntil(lambda: len(engine.calls) == 1)
    panel.next_cell()
    paint_cell(panel, 40, 40)
    qtbot.waitUntil(lambda: len(engine.calls) == 2)
    assert engine.closed == 1

    engine.gate.set()
    settle(panel)

    assert engine.closed == 2
    assert len(texts(panel)) == 1
    assert panel.view.status.text.startswith("Adapted in")


def test_a_cancelled_run_does_not_come_back_by_itself(
    qtbot: QtBot, panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    panel.view.choices.automatic.click()
    engine.gate.clear()
    paint_cell(panel)
    qtbot.waitUntil(lambda: len(engine.calls) == 1)
    panel.view.adapt.click()
    settle(panel)

    assert len(engine.calls) == 1
    assert panel.view.status.text.startswith("Cancelled")


def test_nothing_begins_while_the_mouse_is_down(
    qtbot: QtBot,
    panel: AdaptPanel,
    settle: Settle,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bool] = []

    def down() -> bool:
        asked.append(True)
        return len(asked) < 3

    monkeypatch.setattr(auto_adapt, "mouse_is_down", down)
    panel.view.choices.automatic.click()
    paint_cell(panel)
    qtbot.waitUntil(lambda: len(asked) == 2)
    assert engine.calls == []
    settle(panel)

    assert len(asked) == 3
    assert len(engine.calls) == 1


def test_turning_to_another_image_begins_nothing(
    panel: AdaptPanel,
    viewer: ViewerModel,
    image: Image,
    blobs: NDArray[np.float32],
    settle: Settle,
    engine: Engine,
) -> None:
    paint_cell(panel)
    settle(panel)
    other = viewer.add_image(blobs, name="other")
    panel.view.source.choose_image(other)
    settle(panel)
    panel.view.choices.automatic.click()
    settle(panel)

    panel.view.source.choose_image(image)
    settle(panel)

    assert engine.calls == []


def test_a_run_on_another_image_is_not_overtaken(
    qtbot: QtBot,
    panel: AdaptPanel,
    viewer: ViewerModel,
    blobs: NDArray[np.float32],
    settle: Settle,
    engine: Engine,
) -> None:
    paint_cell(panel)
    settle(panel)
    engine.gate.clear()
    panel.view.adapt.click()
    other = viewer.add_image(blobs, name="other")
    panel.view.source.choose_image(other)
    qtbot.waitUntil(lambda: "other annotation" in viewer.layers)
    panel.view.choices.automatic.click()
    paint_cell(panel)
    qtbot.wait(1500)
    assert len(engine.calls) == 1

    engine.gate.set()
    settle(panel)

    assert "plate cells" in viewer.layers
    assert "other cells" in viewer.layers


def test_a_run_on_another_channel_is_not_overtaken(
    qtbot: QtBot, viewer: ViewerModel, open_panel: Open, settle: Settle, engine: Engine
) -> None:
    both = np.zeros((2, 64, 64), np.float32)
    viewer.add_image(both, name="plate", axis_labels=("channel", "y", "x"))
    panel = open_panel(viewer)
    panel.view.source.channels.setCurrentText("Channel 1")
    paint_cell(panel)
    settle(panel)
    engine.gate.clear()
    panel.view.adapt.click()
    panel.view.source.channels.setCurrentText("Channel 2")
    panel.view.choices.automatic.click()
    paint_cell(panel, 40, 40)
    qtbot.wait(1500)
    assert len(engine.calls) == 1

    engine.gate.set()
    settle(panel)

    # The first was not cancelled, and the second channel had its turn.
    assert [call.channel for call in engine.calls] == [0, 1]
    assert texts(panel)[0][0] == "1"


def test_a_refused_run_says_why_and_waits_for_the_next_stroke(
    panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    engine.error = UserError("Cell 1 covers only 3 px; paint the whole cell.")
    panel.view.choices.automatic.click()
    paint_cell(panel)
    settle(panel)

    assert panel.view.status.text == str(engine.error)
    assert len(engine.calls) == 1
