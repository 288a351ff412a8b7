"""The loop in the panel: paint, adapt, correct, adapt again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.utils.notifications import NotificationSeverity, notification_manager

from napari_metaseg.core.errors import UserError
from napari_metaseg.gui.guidance import Line, Tone

from .acting import adapt, annotation_of, cells_of, paint_cell

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image
    from pytestqt.qtbot import QtBot

    from napari_metaseg.gui.adapt_panel import AdaptPanel

    from .acting import Open, Settle
    from .conftest import Engine


@pytest.fixture
def panel(viewer: ViewerModel, image: Image, open_panel: Open) -> AdaptPanel:
    return open_panel(viewer)


def test_painting_can_start_at_once(panel: AdaptPanel, viewer: ViewerModel) -> None:
    annotation = annotation_of(panel)

    assert viewer.layers.selection.active is annotation
    assert annotation.mode == "paint"
    assert panel.view.status.text.startswith("Paint one whole cell")
    assert not panel.view.adapt.isEnabled()


def test_the_line_counts_what_is_painted_and_undo_is_seen(
    panel: AdaptPanel, settle: Settle
) -> None:
    paint_cell(panel)
    settle(panel)
    assert panel.view.status.text.startswith("1 cell painted: press Adapt")
    assert panel.view.object_size.shown == 11
    panel.next_cell()
    paint_cell(panel, 40, 40)
    settle(panel)
    assert panel.view.status.text.startswith("2 cells painted")

    annotation_of(panel).undo()
    settle(panel)

    assert panel.view.status.text.startswith("1 cell painted")


def test_the_two_brushes(panel: AdaptPanel, viewer: ViewerModel, image: Image) -> None:
    annotation = annotation_of(panel)
    paint_cell(panel)
    viewer.layers.selection.active = image
    annotation.mode = "pan_zoom"

    panel.view.background.click()
    assert annotation.selected_label == -1
    assert panel.view.background.isChecked()
    panel.view.next_cell.click()
    assert annotation.selected_label == 2
    assert panel.view.next_cell.isChecked()
    assert not panel.view.background.isChecked()

    assert annotation.mode == "paint"
    assert viewer.layers.selection.active is annotation


def test_adapt_shows_the_cells_and_says_so(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle, engine: Engine
) -> None:
    paint_cell(panel)
    adapt(panel, settle)

    assert len(np.unique(cells_of(viewer).data)) == 5
    assert panel.view.status.text.startswith("Adapted in ")
    assert "on CPU: 4 cells. Paint what is missing." in panel.view.status.text
    assert viewer.layers.selection.active is annotation_of(panel)
    (call,) = engine.calls
    assert (call.axes, call.channel, call.diameter) == ("YX", None, None)
    assert call.previous is None


def test_the_next_stroke_asks_for_adapt_again_and_ids_are_handed_on(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle, engine: Engine
) -> None:
    paint_cell(panel)
    adapt(panel, settle)
    panel.next_cell()
    paint_cell(panel, 40, 40)
    settle(panel)
    assert panel.view.status.text.startswith("2 cells painted: press Adapt")
    assert "The last round took" in panel.view.status.text
    shown = cells_of(viewer).data.copy()

    adapt(panel, settle)

    np.testing.assert_array_equal(engine.calls[1].previous, shown)
    assert [layer.name for layer in viewer.layers] == [
        "plate",
        "plate cells",
        "plate annotation",
    ]


def test_the_worker_gets_copies_of_what_was_painted(
    panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    paint_cell(panel)
    settle(panel)
    engine.gate.clear()
    panel.view.adapt.click()
    panel.next_cell()
    paint_cell(panel, 40, 40)
    engine.gate.set()
    settle(panel)

    assert set(np.unique(engine.calls[0].annotation)) == {0, 1}
    assert set(np.unique(annotation_of(panel).data)) == {0, 1, 2}


def test_a_size_by_hand_is_handed_on(
    panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    paint_cell(panel)
    panel.view.object_size.set_by_hand(20)
    adapt(panel, settle)

    assert engine.calls[0].diameter == 20
    assert panel.view.object_size.shown == 20


def test_cancel_brings_everything_back(
    qtbot: QtBot,
    panel: AdaptPanel,
    viewer: ViewerModel,
    settle: Settle,
    engine: Engine,
) -> None:
    paint_cell(panel)
    adapt(panel, settle)
    shown = cells_of(viewer).data.copy()
    annotated = annotation_of(panel).data.copy()
    engine.gate.clear()
    engine.preview = True
    panel.view.adapt.click()
    qtbot.waitUntil(lambda: (cells_of(viewer).data == 7).all())
    assert panel.view.adapt.text().startswith("Cancel")

    panel.view.adapt.click()
    assert panel.view.adapt.text() == "Cancelling…"
    assert not panel.view.adapt.isEnabled()
    settle(panel)

    assert engine.closed == 2
    np.testing.assert_array_equal(cells_of(viewer).data, shown)
    np.testing.assert_array_equal(annotation_of(panel).data, annotated)
    assert panel.view.status.text.startswith("Cancelled")
    assert panel.view.adapt.text().startswith("Adapt")
    assert panel.view.adapt.isEnabled()


def test_a_preview_of_a_first_round_leaves_with_cancel(
    qtbot: QtBot,
    panel: AdaptPanel,
    viewer: ViewerModel,
    settle: Settle,
    engine: Engine,
) -> None:
    paint_cell(panel)
    settle(panel)
    engine.gate.clear()
    engine.preview = True
    panel.view.adapt.click()
    qtbot.waitUntil(lambda: "plate cells" in viewer.layers)

    panel.view.adapt.click()
    settle(panel)

    assert "plate cells" not in viewer.layers


def test_a_sentence_of_the_engine_is_told_twice_and_without_a_traceback(
    panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    engine.error = UserError("Cell 1 covers only 3 px; paint the whole cell.")
    paint_cell(panel)
    told: list[Any] = []
    notification_manager.notification_ready.connect(told.append)
    try:
        adapt(panel, settle)
    finally:
        notification_manager.notification_ready.disconnect(told.append)

    assert panel.view.status.text == str(engine.error)
    assert [(str(note.message), note.severity) for note in told] == [
        (str(engine.error), NotificationSeverity.WARNING)
    ]
    assert panel.view.adapt.isEnabled()


def test_any_other_error_gives_the_buttons_back(
    panel: AdaptPanel, settle: Settle, engine: Engine, viewer: ViewerModel
) -> None:
    engine.error = RuntimeError("out of luck")
    paint_cell(panel)
    adapt(panel, settle)

    assert "out of luck" in panel.view.status.text
    assert panel.view.adapt.text().startswith("Adapt")
    assert panel.view.adapt.isEnabled()
    assert annotation_of(panel).data.any()
    assert "plate cells" not in viewer.layers


def test_a_reverted_adaptation_says_why(
    panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    engine.report = {"kept": False, "reason": "It lost a painted cell"}
    paint_cell(panel)
    adapt(panel, settle)

    assert "It lost a painted cell." in panel.view.status.text
    assert "before adaptation" in panel.view.status.text


def test_sliders_act_on_the_stored_output_and_not_on_the_annotation(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle, engine: Engine
) -> None:
    paint_cell(panel)
    adapt(panel, settle)
    annotated = annotation_of(panel).data.copy()

    panel.view.decode.fields["threshold"].value = 0.95
    settle(panel)

    np.testing.assert_array_equal(cells_of(viewer).data, annotated)
    assert panel.view.status.text.startswith("1 cell with these settings")
    assert len(engine.calls) == 1
    np.testing.assert_array_equal(annotation_of(panel).data, annotated)


def test_each_round_sets_the_splitting_until_a_person_does(
    panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    paint_cell(panel)
    form = panel.view.decode
    engine.split = 0.65
    adapt(panel, settle)

    assert engine.calls[-1].fit_decoding
    assert form.fields["split"].value == 0.65
    assert form.fitted.isChecked()
    assert panel.bench.works.of(panel.desk).last.decoded.settings == form.settings

    form.fields["split"].value = 0.3
    settle(panel)
    assert not form.fitted.isChecked()
    adapt(panel, settle)
    assert not engine.calls[-1].fit_decoding
    assert engine.calls[-1].settings.split == form.fields["split"].value == 0.3

    form.fitted.click()
    adapt(panel, settle)
    assert form.fields["split"].value == 0.65
    assert form.fitted.isChecked()
    form.fields["threshold"].value = 0.4
    settle(panel)
    assert not form.fitted.isChecked()
    form.fields["region"].value = True
    assert not form.fitted.isEnabled()


def test_one_region_instead_of_cells(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle, engine: Engine
) -> None:
    paint_cell(panel)
    adapt(panel, settle)
    cells = cells_of(viewer).data.copy()
    fields = panel.view.decode.fields

    fields["region"].value = True
    settle(panel)

    np.testing.assert_array_equal(cells_of(viewer).data, cells > 0)
    assert panel.view.status.text.startswith("1 region with these settings")
    assert not fields["split"].enabled
    # A background stroke takes a part of it away.
    annotation_of(panel).data_setitem(np.nonzero(cells == 2), -1)
    settle(panel)
    np.testing.assert_array_equal(cells_of(viewer).data, (cells > 0) & (cells != 2))
    adapt(panel, settle)
    assert "1 region" in panel.view.status.text
    fields["region"].value = False
    settle(panel)
    assert len(np.unique(cells_of(viewer).data)) > 2 and fields["split"].enabled


def test_settings_hold_for_the_next_round(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    panel.view.decode.fields["threshold"].value = 0.95
    paint_cell(panel)
    adapt(panel, settle)

    np.testing.assert_array_equal(cells_of(viewer).data, annotation_of(panel).data)


def test_mirror_images_may_be_left_out(
    panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    paint_cell(panel)
    adapt(panel, settle)
    panel.view.source.mirrors.click()
    adapt(panel, settle)

    assert [call.mirrors for call in engine.calls] == [4, 1]


def test_before_and_after(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    paint_cell(panel)
    adapt(panel, settle)

    panel.view.before.click()
    settle(panel)
    assert set(np.unique(cells_of(viewer).data)) == {0, 1}
    assert panel.view.status.text.startswith("Before adaptation: 1 cell.")

    panel.view.before.click()
    settle(panel)
    assert len(np.unique(cells_of(viewer).data)) == 5


def test_a_comparison_does_not_stay_behind_on_another_image(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    paint_cell(panel)
    adapt(panel, settle)
    other = viewer.add_image(np.ones((32, 32)), name="other")
    panel.view.before.click()
    settle(panel)

    panel.view.source.choose_image(other)
    settle(panel)

    assert len(np.unique(cells_of(viewer).data)) == 5
    assert not panel.view.before.isChecked()


def test_news_stays_until_the_next_stroke(panel: AdaptPanel, settle: Settle) -> None:
    panel.saver.saved.emit("Saved cells.tif")
    assert panel.view.status.text == "Saved cells.tif"

    paint_cell(panel)
    settle(panel)

    assert panel.view.status.text.startswith("1 cell painted")


def test_lines_have_a_tone(panel: AdaptPanel) -> None:
    edges = set()
    for tone in Tone:
        panel.view.status.show_line(Line("x", tone))
        edges.add(panel.view.status.styleSheet())

    assert len(edges) == len(Tone)
