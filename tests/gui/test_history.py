"""Rounds that are rows of a table, seen again and gone back to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.gui import history
from napari_metaseg.gui.rounds import Ready
from napari_metaseg.workflows.results import Part

from .acting import (
    IMAML,
    MAML,
    adapt,
    annotation_of,
    cells_of,
    go_to,
    paint_cell,
    table_of,
    texts,
)

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_metaseg.gui.adapt_panel import AdaptPanel

    from .acting import Open, Settle
    from .conftest import Engine


@pytest.fixture
def panel(viewer: ViewerModel, image: Image, open_panel: Open) -> AdaptPanel:
    panel = open_panel(viewer)
    panel.view.source.offer_ready(Ready((MAML, IMAML), ()))
    panel.view.source.inits.choose("maml")
    return panel


def threshold_of(panel: AdaptPanel) -> Any:
    return panel.view.decode.fields["threshold"]


def two_rounds(panel: AdaptPanel, settle: Settle) -> None:
    """Adapt to one cell, then to two of them, seen with a high threshold."""
    paint_cell(panel)
    adapt(panel, settle)
    panel.next_cell()
    paint_cell(panel, 40, 40)
    adapt(panel, settle)
    threshold_of(panel).value = 0.95
    settle(panel)


def test_each_round_is_a_row(panel: AdaptPanel, settle: Settle, engine: Engine) -> None:
    assert texts(panel) == []
    paint_cell(panel)
    adapt(panel, settle)
    engine.report = {"kept": False, "reason": "It lost a cell", "own_iou_after": 0.1}
    adapt(panel, settle)

    first, second = texts(panel)
    assert first[:3] == ["1", "0.50 → 0.90\nkept", "MAML\n1 cell"]
    assert first[3].endswith(" s\n4 steps")
    assert second[:2] == ["2", "0.50 → 0.10\nreverted"]
    assert "It lost a cell" in table_of(panel).item(1, 0).toolTip()
    assert table_of(panel).currentRow() == 1
    assert table_of(panel).item(1, 0).font().bold()
    assert not table_of(panel).item(0, 0).font().bold()


def test_an_earlier_round_is_seen_with_its_own_settings_and_todays_annotation(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    paint_cell(panel)
    adapt(panel, settle)
    first = cells_of(viewer).data.copy()
    panel.next_cell()
    paint_cell(panel, 40, 40)
    adapt(panel, settle)
    threshold_of(panel).value = 0.95
    settle(panel)
    second = cells_of(viewer).data.copy()
    assert len(np.unique(first)) == 5
    assert len(np.unique(second)) == 3

    go_to(panel, 0, settle)

    annotated = annotation_of(panel).data
    shown = cells_of(viewer).data
    np.testing.assert_array_equal(shown[annotated == 0], first[annotated == 0])
    np.testing.assert_array_equal(shown[annotated > 0], annotated[annotated > 0])
    assert threshold_of(panel).value == DecodeSettings().threshold
    assert panel.view.status.text.startswith("Round 1: 4 cells.")
    assert panel.work is not None
    assert panel.work.last is not None
    assert panel.work.last.decoded.settings.threshold == 0.95

    go_to(panel, 1, settle)
    np.testing.assert_array_equal(cells_of(viewer).data, second)
    assert threshold_of(panel).value == 0.95
    assert "the current result" in panel.view.status.text


def test_an_earlier_round_is_seen_again_after_the_view_before_adaptation(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    two_rounds(panel, settle)
    go_to(panel, 0, settle)
    seen, told = cells_of(viewer).data.copy(), panel.view.status.text

    panel.view.before.click()
    settle(panel)
    assert panel.view.status.text.startswith("Before adaptation")
    assert not np.array_equal(cells_of(viewer).data, seen)
    panel.view.before.click()
    settle(panel)

    np.testing.assert_array_equal(cells_of(viewer).data, seen)
    assert panel.view.status.text == told
    assert told.startswith("Round 1")
    assert table_of(panel).currentRow() == 0
    assert threshold_of(panel).value == DecodeSettings().threshold


def test_going_back_makes_a_round_current_and_loses_nothing(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle, engine: Engine
) -> None:
    two_rounds(panel, settle)
    annotated = annotation_of(panel).data.copy()
    assert not panel.rounds.back.isEnabled()
    go_to(panel, 0, settle)
    shown = cells_of(viewer).data.copy()
    assert panel.work is not None
    assert panel.work.last is not None
    second = panel.work.last.model

    panel.rounds.back.click()
    settle(panel)

    assert panel.work.last.model is not second
    np.testing.assert_array_equal(cells_of(viewer).data, shown)
    np.testing.assert_array_equal(panel.work.last.decoded.labels, shown)
    np.testing.assert_array_equal(annotation_of(panel).data, annotated)
    assert len(texts(panel)) == 2
    assert table_of(panel).item(0, 0).font().bold()
    assert not panel.rounds.back.isEnabled()

    annotation_of(panel).undo()
    settle(panel)
    assert set(np.unique(annotation_of(panel).data)) == {0, 1}

    adapt(panel, settle)
    assert len(texts(panel)) == 3
    assert engine.calls[2].previous.shape == (64, 64)
    go_to(panel, 1, settle)
    assert panel.view.status.text.startswith("Round 2")


def test_sliders_act_on_the_round_that_is_seen(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    two_rounds(panel, settle)
    go_to(panel, 0, settle)
    assert len(np.unique(cells_of(viewer).data)) == 5

    threshold_of(panel).value = 0.92
    settle(panel)
    assert len(np.unique(cells_of(viewer).data)) == 3
    go_to(panel, 1, settle)
    go_to(panel, 0, settle)

    assert threshold_of(panel).value == 0.92
    assert table_of(panel).currentRow() == 0


def test_a_correction_follows_on_the_round_that_is_seen(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    two_rounds(panel, settle)
    go_to(panel, 0, settle)

    panel.background()
    paint_cell(panel, 8, 40)
    settle(panel)

    assert not cells_of(viewer).data[8:18, 40:50].any()
    assert cells_of(viewer).data[40:50, 8:18].all()
    go_to(panel, 1, settle)
    assert not cells_of(viewer).data[8:18, 40:50].any()


def test_only_the_last_rounds_keep_their_results(
    panel: AdaptPanel, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "KEPT", 2)
    paint_cell(panel)
    for _ in range(3):
        adapt(panel, settle)

    assert panel.work is not None
    assert [e.past is not None for e in panel.work.rounds] == [False, True, True]
    assert [row[0] for row in texts(panel)] == ["1", "2", "3"]
    item = table_of(panel).item(0, 0)
    assert not item.flags()
    assert item.toolTip().startswith("Too long ago")
    go_to(panel, 0, settle)
    assert panel.work.seen is panel.work.rounds[2].past.model


def test_large_results_are_kept_as_far_as_memory_goes(
    panel: AdaptPanel, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MEMORY", 64 * 64 * 4)
    paint_cell(panel)
    for _ in range(2):
        adapt(panel, settle)

    assert panel.work is not None
    assert [e.past is not None for e in panel.work.rounds] == [False, True]


def test_the_history_belongs_to_its_image(
    panel: AdaptPanel, viewer: ViewerModel, image: Image, settle: Settle
) -> None:
    paint_cell(panel)
    adapt(panel, settle)
    other = viewer.add_image(np.ones((32, 32)), name="other")

    panel.view.source.choose_image(other)
    settle(panel)
    assert texts(panel) == []
    panel.view.source.choose_image(image)
    settle(panel)

    assert [row[0] for row in texts(panel)] == ["1"]


def test_the_course_of_a_round_comes_back_with_it(
    panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    place = slice(0, 4), slice(0, 4)
    for scores in ((0.2, 0.4), (0.6,)):
        engine.parts = [Part(place, np.ones((4, 4), np.int32), s) for s in scores]
        if panel.desk.painted.cells == 0:
            paint_cell(panel)
        adapt(panel, settle)
    assert [p.own_iou for p in panel.rounds.curve.points] == [0.6]

    go_to(panel, 0, settle)

    assert [p.own_iou for p in panel.rounds.curve.points] == [0.2, 0.4]
    assert "0.20 → 0.40" in panel.rounds.curve.legend.text()
