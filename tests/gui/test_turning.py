"""What is shown as a person turns to another channel, image or round, or leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.gui import history

from .acting import adapt, annotation_of, cells_of, go_to, paint_cell, paint_on, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari.components import ViewerModel
    from napari.layers import Image
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from napari_metaseg.gui.adapt_panel import AdaptPanel

    from .acting import Open, Settle
    from .conftest import Engine

    Begin = Callable[[AdaptPanel], Callable[[], None]]


@pytest.fixture
def panel(viewer: ViewerModel, image: Image, open_panel: Open) -> AdaptPanel:
    return open_panel(viewer)


@pytest.fixture
def channels(
    viewer: ViewerModel, blobs: NDArray[np.float32], open_panel: Open
) -> AdaptPanel:
    """Return a panel with an image of four cells in one channel, two in the other."""
    both = np.stack([blobs, np.where(np.arange(64) < 32, blobs, 0)])
    viewer.add_image(both, name="plate", axis_labels=("channel", "y", "x"))
    return open_panel(viewer)


def turn(panel: AdaptPanel, settle: Settle, channel: int) -> None:
    panel.view.source.channels.setCurrentText(f"Channel {channel}")
    settle(panel)


def count(viewer: ViewerModel) -> int:
    """Count the cells that are shown."""
    return len(np.unique(cells_of(viewer).data)) - 1


@pytest.fixture
def begin(settle: Settle, engine: Engine, qtbot: QtBot) -> Begin:
    """Return how to start a round that shows a preview, and waits to go on."""

    def start(panel: AdaptPanel) -> Callable[[], None]:
        settle(panel)
        engine.gate.clear()
        engine.preview = True
        panel.adapt()
        layers = panel.desk._layers
        qtbot.waitUntil(lambda: "plate cells" in layers)
        qtbot.waitUntil(lambda: (layers["plate cells"].data == 7).all())
        return engine.gate.set

    return start


def threshold_of(panel: AdaptPanel) -> Any:
    return panel.view.decode.fields["threshold"]


def test_a_channel_that_is_turned_back_to_has_its_rounds_and_cells(
    channels: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    paint_cell(channels)
    adapt(channels, settle)
    assert count(viewer) == 4
    turn(channels, settle, 2)
    assert texts(channels) == []
    assert not channels.view.export.isEnabled()
    adapt(channels, settle)
    assert count(viewer) == 2

    turn(channels, settle, 1)
    assert count(viewer) == 4
    assert len(texts(channels)) == 1
    assert channels.view.export.isEnabled()
    assert channels.view.status.text.startswith("Adapted in")

    turn(channels, settle, 2)
    assert count(viewer) == 2


def test_a_channel_without_a_result_shows_no_cells_of_another(
    channels: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    paint_cell(channels)
    adapt(channels, settle)
    cells = cells_of(viewer)
    cells.opacity = 0.3

    turn(channels, settle, 2)
    assert count(viewer) == 0
    turn(channels, settle, 1)
    assert count(viewer) == 4
    # The layer stays, with its looks and what else a person has set of it.
    assert cells_of(viewer) is cells
    assert cells.opacity == 0.3


def test_a_round_behind_another_channel_shows_no_cells_in_a_third(
    viewer: ViewerModel,
    blobs: NDArray[np.float32],
    open_panel: Open,
    settle: Settle,
    begin: Begin,
) -> None:
    three = np.stack([blobs] * 3)
    viewer.add_image(three, name="plate", axis_labels=("channel", "y", "x"))
    panel = open_panel(viewer)
    paint_cell(panel)
    adapt(panel, settle)
    turn(panel, settle, 2)
    go_on = begin(panel)
    panel.view.source.channels.setCurrentText("Channel 1")
    panel.view.source.channels.setCurrentText("Channel 3")
    assert count(viewer) == 0

    go_on()
    settle(panel)
    assert count(viewer) == 0


def test_the_result_stays_where_an_axis_is_named_otherwise(
    viewer: ViewerModel, blobs: NDArray[np.float32], open_panel: Open, settle: Settle
) -> None:
    both = np.stack([blobs, np.where(np.arange(64) < 32, blobs, 0)])
    movie = viewer.add_image(np.stack([both] * 7, 1), name="plate")
    movie.axis_labels = ("c", "z", "y", "x")
    panel = open_panel(viewer)
    turn(panel, settle, 2)
    rows, columns = np.mgrid[8:18, 8:18]
    first = np.zeros(rows.size, int)
    annotation = annotation_of(panel)
    annotation.data_setitem((first, rows.ravel(), columns.ravel()), 1)
    adapt(panel, settle)
    shown = cells_of(viewer).data.copy()
    work = panel.work

    movie.axis_labels = ("c", "t", "y", "x")
    settle(panel)

    assert panel.desk.reading is not None
    assert panel.desk.reading.axes == "CTYX"
    assert panel.view.source.channels.currentText() == "Channel 2"
    assert panel.view.large.links.titles == ["no", "through T"]
    assert annotation_of(panel) is annotation
    assert annotation.axis_labels == cells_of(viewer).axis_labels == ("t", "y", "x")
    assert panel.work is work
    assert len(texts(panel)) == 1
    assert panel.view.export.isEnabled()
    np.testing.assert_array_equal(cells_of(viewer).data, shown)


def test_an_axis_that_turns_out_to_be_channels_is_another_work(
    viewer: ViewerModel, blobs: NDArray[np.float32], open_panel: Open, settle: Settle
) -> None:
    stack = viewer.add_image(np.stack([blobs] * 3), name="plate")
    panel = open_panel(viewer)
    rows, columns = np.mgrid[8:18, 8:18]
    first = np.zeros(rows.size, int)
    annotation_of(panel).data_setitem((first, rows.ravel(), columns.ravel()), 1)
    adapt(panel, settle)
    assert len(texts(panel)) == 1

    stack.axis_labels = ("channel", "y", "x")
    settle(panel)

    assert panel.view.source.channels.titles[0] == "Channel 1"
    assert annotation_of(panel).data.shape == (64, 64)
    assert texts(panel) == []
    assert not panel.view.export.isEnabled()


def test_the_rounds_of_all_channels_share_what_memory_an_image_has(
    channels: AdaptPanel, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "KEPT", 2)
    paint_cell(channels)
    works = []
    for channel in (1, 2):
        turn(channels, settle, channel)
        adapt(channels, settle)
        adapt(channels, settle)
        works.append(channels.work)

    kept = [[e.past is not None for e in work.rounds] for work in works if work]
    # The current result of each stays.
    assert kept == [[False, True], [True, True]]


def test_turning_to_a_channel_begins_no_round_by_itself(
    channels: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    """The annotation of all channels is one, and newer than the last round of each."""
    paint_cell(channels)
    adapt(channels, settle)
    turn(channels, settle, 2)
    annotation_of(channels).selected_label = 2
    paint_cell(channels, 40, 40)
    channels.view.choices.automatic.click()
    settle(channels)
    assert [call.channel for call in engine.calls] == [0, 1]

    turn(channels, settle, 1)
    assert [call.channel for call in engine.calls] == [0, 1]

    annotation_of(channels).undo()
    settle(channels)
    assert len(engine.calls) == 2
    annotation_of(channels).redo()
    settle(channels)
    assert [call.channel for call in engine.calls] == [0, 1, 0]


def test_what_is_painted_meanwhile_is_seen_in_the_other_channel(
    channels: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    paint_cell(channels)
    adapt(channels, settle)
    turn(channels, settle, 2)
    adapt(channels, settle)
    channels.background()
    paint_cell(channels, 40, 8)
    settle(channels)
    assert count(viewer) == 1

    turn(channels, settle, 1)

    assert count(viewer) == 3


def test_a_first_round_goes_on_behind_another_channel(
    channels: AdaptPanel, viewer: ViewerModel, settle: Settle, begin: Begin
) -> None:
    paint_cell(channels)
    go_on = begin(channels)
    channels.view.source.channels.setCurrentText("Channel 2")
    assert "plate cells" not in viewer.layers

    go_on()
    settle(channels)
    assert "plate cells" not in viewer.layers
    assert texts(channels) == []

    turn(channels, settle, 1)
    assert count(viewer) == 4
    assert len(texts(channels)) == 1


def test_a_round_behind_another_channel_leaves_its_cells_alone(
    channels: AdaptPanel, viewer: ViewerModel, settle: Settle, begin: Begin
) -> None:
    paint_cell(channels)
    adapt(channels, settle)
    turn(channels, settle, 2)
    go_on = begin(channels)
    channels.view.source.channels.setCurrentText("Channel 1")
    assert count(viewer) == 4

    go_on()
    settle(channels)
    assert count(viewer) == 4

    turn(channels, settle, 2)
    assert count(viewer) == 2


def test_the_sliders_are_those_of_the_image_that_is_chosen(
    panel: AdaptPanel, viewer: ViewerModel, image: Image, settle: Settle
) -> None:
    other = viewer.add_image(image.data, name="other")
    paint_on(panel, settle, other)
    adapt(panel, settle)
    paint_on(panel, settle, image)
    adapt(panel, settle)
    threshold_of(panel).value = 0.95
    settle(panel)

    panel.view.source.choose_image(other)
    settle(panel)
    assert threshold_of(panel).value == DecodeSettings().threshold
    panel.view.decode.fields["split"].value = 0.2
    settle(panel)
    assert panel.work is not None
    assert panel.work.shown is not None
    assert panel.work.shown.settings == DecodeSettings(split=0.2)

    panel.view.source.choose_image(image)
    settle(panel)
    assert threshold_of(panel).value == 0.95


def refuse() -> Generator[Any, None, Any]:
    """Stand for a run that is begun in another way than by Adapt."""
    yield from ()
    raise UserError("This model is no model.")


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("slide", "1 cell with these settings"),
        ("look", "Round 1"),
        ("run", "This model is no model."),
        ("compare", "Before adaptation"),
        ("turn", "Paint one whole cell"),
    ],
)
def test_news_does_not_hide_what_comes_after_it(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle, act: str, said: str
) -> None:
    other = viewer.add_image(np.zeros((32, 32)), name="other")
    paint_cell(panel)
    adapt(panel, settle)
    adapt(panel, settle)
    panel.saver.saved.emit("Saved cells.tif")
    assert panel.view.status.text == "Saved cells.tif"

    match act:
        case "slide":
            threshold_of(panel).value = 0.95
        case "look":
            go_to(panel, 0, settle)
        case "run":
            assert panel.work is not None
            panel.bench.run(panel.work, refuse)
        case "compare":
            panel.view.before.click()
        case "turn":
            panel.view.source.choose_image(other)
    settle(panel)

    assert panel.view.status.text.startswith(said)


def test_a_panel_that_is_left_leaves_no_preview(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle, begin: Begin
) -> None:
    paint_cell(panel)
    adapt(panel, settle)
    shown = cells_of(viewer).data.copy()
    begin(panel)

    panel.leave()

    np.testing.assert_array_equal(cells_of(viewer).data, shown)


def test_a_panel_that_is_left_in_its_first_round_leaves_no_cells(
    panel: AdaptPanel, viewer: ViewerModel, begin: Begin
) -> None:
    paint_cell(panel)
    begin(panel)

    panel.leave()

    assert "plate cells" not in viewer.layers
