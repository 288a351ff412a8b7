"""What is done on one image, reading or layer reaches that one, and no other."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_metaseg.gui import decoding, desk
from napari_metaseg.gui.corrections import Tool
from napari_metaseg.gui.painted import Painted
from napari_metaseg.workflows.results import Progress

from .acting import adapt, annotation_of, paint_cell, paint_on

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari.components import ViewerModel
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from napari_metaseg.gui.worker import Tick

    from .acting import Open, Settle
    from .conftest import Engine

    Image = NDArray[np.float32]


def test_a_stack_is_adapted_to_beside_a_flat_image_with_cells(
    viewer: ViewerModel, blobs: Image, open_panel: Open, settle: Settle, engine: Engine
) -> None:
    stack = viewer.add_image(np.stack([blobs] * 5), name="stack")
    flat = viewer.add_image(blobs, name="flat")
    panel = open_panel(viewer)
    paint_on(panel, settle, flat)
    panel.view.source.choose_image(stack)
    settle(panel)
    rows, columns = np.mgrid[8:18, 8:18]
    places = np.zeros(rows.size, int), rows.ravel(), columns.ravel()
    annotation_of(panel).data_setitem(places, 1)

    adapt(panel, settle)

    assert len(engine.calls) == 1
    assert "stack cells" in viewer.layers


def test_an_image_that_loses_an_axis_during_a_run_ends_it_with_a_sentence(
    viewer: ViewerModel, blobs: Image, open_panel: Open, settle: Settle, engine: Engine
) -> None:
    stack = viewer.add_image(np.stack([blobs] * 3), name="stack")
    panel = open_panel(viewer)
    places = np.array([0, 0]), np.array([8, 9]), np.array([8, 8])
    annotation_of(panel).data_setitem(places, 1)
    settle(panel)
    engine.gate.clear()
    panel.view.adapt.click()

    stack.data = blobs
    engine.gate.set()
    settle(panel)

    assert not panel.bench.running
    assert "stack cells" not in viewer.layers


def test_a_correction_of_one_image_shows_while_another_is_adapted_to(
    viewer: ViewerModel,
    blobs: Image,
    open_panel: Open,
    settle: Settle,
    engine: Engine,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = viewer.add_image(blobs, name="first")
    second = viewer.add_image(blobs, name="second")
    panel = open_panel(viewer)
    for image in (second, first):
        panel.view.source.choose_image(image)
        settle(panel)
        paint_cell(panel)
        adapt(panel, settle)
    panel.next_cell()
    paint_cell(panel, 40, 8)
    settle(panel)
    engine.gate.clear()
    panel.view.adapt.click()
    panel.view.source.choose_image(second)
    qtbot.waitUntil(lambda: panel.desk.annotation is not None)
    qtbot.wait(100)
    cells = viewer.layers["second cells"]
    assert cells.data[44, 44] > 0
    # The run ends while the cells of the second image follow what is rejected there.
    begun, go_on, follow = Event(), Event(), decoding.follow

    def slowly(*given: Any) -> Generator[Any, None, Any]:
        begun.set()
        while not go_on.wait(0.01):
            yield Progress("follow", 0, 1, "Following")
        return (yield from follow(*given))

    monkeypatch.setattr(decoding, "follow", slowly)

    panel.tools.judge(Tool.REJECT, (44, 44))
    qtbot.waitUntil(begun.is_set)
    engine.gate.set()
    qtbot.waitUntil(lambda: not panel.bench.running)
    go_on.set()
    settle(panel)

    assert annotation_of(panel).data[44, 44] < 0
    assert cells.data[44, 44] == 0


@pytest.mark.parametrize("name", ["scale", "translate"])
def test_layers_of_an_image_follow_it_to_another_place(
    viewer: ViewerModel, blobs: Image, open_panel: Open, settle: Settle, name: str
) -> None:
    image = viewer.add_image(blobs, name="plate")
    panel = open_panel(viewer)
    paint_cell(panel)
    adapt(panel, settle)

    setattr(image, name, (0.5, 0.25))

    for layer in (annotation_of(panel), viewer.layers["plate cells"]):
        np.testing.assert_allclose(
            layer.world_to_data((22, 23)), image.world_to_data((22, 23))
        )


def test_the_channel_follows_the_annotation_that_is_clicked(
    viewer: ViewerModel, blobs: Image, open_panel: Open, settle: Settle
) -> None:
    viewer.add_image(np.stack([blobs] * 3), name="short")
    panel = open_panel(viewer)
    first = annotation_of(panel)
    channels = panel.view.source.channels
    channels.setCurrentIndex(1)
    settle(panel)
    assert annotation_of(panel) is not first

    viewer.layers.selection.active = first
    settle(panel)
    first.data_setitem((np.array([0, 0]), np.array([8, 9]), np.array([8, 8])), 1)
    settle(panel)

    assert annotation_of(panel) is first
    assert channels.currentIndex() == 0
    assert panel.desk.painted.cells == 1


def test_channels_within_a_stack_are_painted_on_a_part(
    viewer: ViewerModel, blobs: Image, open_panel: Open, settle: Settle
) -> None:
    stack = np.stack([np.stack([blobs] * 2)] * 3)
    viewer.add_image(stack, name="movie", axis_labels=("t", "c", "y", "x"))
    panel = open_panel(viewer)

    assert panel.desk.annotation is None
    assert "channels within a stack" in panel.view.status.text
    assert panel.view.part.isVisibleTo(panel)


def test_a_slow_measurement_of_one_image_is_not_told_of_another(
    viewer: ViewerModel,
    blobs: Image,
    open_panel: Open,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> None:
    large = viewer.add_image(np.zeros((100, 100), np.float32), name="large")
    small = viewer.add_image(blobs, name="small")
    gate = Event()

    def measure(data: NDArray[np.int32]) -> Generator[Tick, None, Painted]:
        yield from ()
        if data.any():
            gate.wait(30)
        return Painted(cells=7)

    monkeypatch.setattr(desk, "_AT_ONCE", blobs.size)
    monkeypatch.setattr(desk, "_measure", measure)
    panel = open_panel(viewer)
    panel.view.source.choose_image(large)
    qtbot.waitUntil(lambda: panel.desk.annotation is not None)
    paint_cell(panel)
    qtbot.wait(300)
    panel.view.source.choose_image(small)
    qtbot.wait(300)

    gate.set()
    settle(panel)

    assert panel.desk.painted.cells == 0
