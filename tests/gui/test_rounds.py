"""Rounds that go on from others, are compared, and are seen while they run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyqtgraph import PlotWidget
from qtpy.QtTest import QTest

from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.overlay import number
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.gui import decoding
from napari_metaseg.gui.course import Point
from napari_metaseg.gui.curve import Curve
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
    paint_on,
    table_of,
    texts,
)

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


def test_continuing_is_offered_where_it_is_possible(
    panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    box = panel.view.choices.continue_
    assert not box.isEnabled()
    assert "adapt once first" in box.toolTip()
    paint_cell(panel)
    adapt(panel, settle)
    assert engine.calls[0].start is None
    assert box.isEnabled()
    assert not box.isChecked()

    box.click()
    adapt(panel, settle)
    assert panel.work is not None
    assert engine.calls[1].start is panel.work.rounds[0].past.model
    assert texts(panel)[1][2] == "MAML +\n1 cell"

    panel.view.source.inits.choose("imaml")
    assert not box.isEnabled()
    assert "comes from MAML" in box.toolTip()
    adapt(panel, settle)
    assert engine.calls[2].start is None
    assert engine.calls[2].init == "imaml"
    assert texts(panel)[2][2] == "iMAML\n1 cell"

    go_to(panel, 0, settle)
    panel.rounds.back.click()
    settle(panel)
    assert not box.isEnabled()
    panel.view.source.inits.choose("maml")
    assert box.isEnabled()


def test_a_reverted_round_is_no_start(
    panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    engine.report = {"kept": False, "reason": "It lost a cell"}
    paint_cell(panel)
    adapt(panel, settle)

    assert not panel.view.choices.continue_.isEnabled()
    assert "before adaptation" in panel.view.choices.continue_.toolTip()


def test_other_images_that_carry_cells_are_support(
    panel: AdaptPanel,
    viewer: ViewerModel,
    image: Image,
    blobs: NDArray[np.float32],
    settle: Settle,
    engine: Engine,
) -> None:
    other = viewer.add_image(blobs[::-1, :50], name="other")
    viewer.add_image(blobs, name="unpainted")
    colours = viewer.add_image(np.stack([blobs] * 3, -1), name="colours", rgb=True)
    paint_on(panel, settle, other, colours, image)
    adapt(panel, settle)

    (call,) = engine.calls
    assert call.only_first
    assert call.image.shape == call.annotation.shape == (64, 64)
    ((pixels, painted),) = call.others
    assert pixels.shape == painted.shape == (64, 50)
    assert painted.any()
    assert "Learned from 2 images." in panel.view.status.text
    assert "Left out, because read in another way: 'colours'" in panel.view.status.text
    assert cells_of(viewer).data.shape == (64, 64)


@pytest.mark.parametrize(("cells", "told"), [(3, False), (4, True)])
def test_many_cells_of_one_image_are_told_to_serve_others_less(
    panel: AdaptPanel, settle: Settle, engine: Engine, cells: int, *, told: bool
) -> None:
    engine.report = {"n_cells": cells}
    paint_cell(panel)
    adapt(panel, settle)

    assert ("Other images gain more" in panel.view.status.text) == told


def test_nothing_more_is_told_where_several_images_are_painted(
    panel: AdaptPanel,
    viewer: ViewerModel,
    image: Image,
    blobs: NDArray[np.float32],
    settle: Settle,
    engine: Engine,
) -> None:
    engine.report = {"n_cells": 9}
    paint_on(panel, settle, viewer.add_image(blobs[::-1], name="other"), image)
    adapt(panel, settle)

    assert "Learned from 2 images." in panel.view.status.text
    assert "Other images gain more" not in panel.view.status.text


def test_comparing_adds_a_row_each_and_chooses_none(
    panel: AdaptPanel,
    viewer: ViewerModel,
    settle: Settle,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = engine._model

    def scored(image: Any, annotation: Any, channel: Any) -> Any:
        model = plain(image, annotation, channel)
        better = engine.calls[-1].init == "imaml"
        score = 0.95 if better else 0.6
        model.report = replace(model.report, own_iou_after=score)
        return model

    monkeypatch.setattr(engine, "_model", scored)
    paint_cell(panel)
    adapt(panel, settle)
    shown = cells_of(viewer).data.copy()
    assert panel.work is not None
    assert panel.work.last is not None
    current = panel.work.last.model

    panel.rounds.compare.click()
    settle(panel)

    assert [call.init for call in engine.calls] == ["maml", "maml", "imaml"]
    assert panel.work.last.model is current
    np.testing.assert_array_equal(cells_of(viewer).data, shown)
    rows = texts(panel)
    scores = [row[1].removesuffix("\nkept") for row in rows]
    assert scores == ["0.50 → 0.60", "0.50 → 0.60", "0.50 → 0.95 ★"]
    assert table_of(panel).currentRow() == 0
    assert "MAML 0.60, iMAML 0.95" in panel.view.status.text
    assert panel.view.source.init == "maml"

    go_to(panel, 2, settle)
    assert panel.view.status.text.startswith("Round 3")
    panel.rounds.back.click()
    settle(panel)
    assert panel.work.last.init == "imaml"


def test_comparing_before_any_round_shows_nothing_until_a_row_is_chosen(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    assert not panel.rounds.compare.isEnabled()
    paint_cell(panel)
    settle(panel)
    panel.rounds.compare.click()
    settle(panel)
    assert "plate cells" not in viewer.layers
    assert len(texts(panel)) == 2

    go_to(panel, 1, settle)

    assert len(np.unique(cells_of(viewer).data)) == 5
    panel.rounds.back.click()
    settle(panel)
    assert panel.view.export.isEnabled()


def test_a_cancelled_comparison_leaves_everything(
    panel: AdaptPanel, settle: Settle, engine: Engine, viewer: ViewerModel
) -> None:
    paint_cell(panel)
    adapt(panel, settle)
    shown = cells_of(viewer).data.copy()
    engine.gate.clear()
    panel.rounds.compare.click()
    assert not panel.rounds.compare.isEnabled()
    panel.view.adapt.click()
    settle(panel)

    assert len(texts(panel)) == 1
    np.testing.assert_array_equal(cells_of(viewer).data, shown)
    assert panel.view.status.text.startswith("Cancelled")


def test_sliders_that_are_moved_during_a_round_act_on_its_result(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle, engine: Engine
) -> None:
    fields = panel.view.decode.fields
    paint_cell(panel)
    adapt(panel, settle)
    engine.split = 0.8
    engine.gate.clear()
    panel.view.adapt.click()

    fields["threshold"].value = 0.95
    QTest.qWait(300)  # until it has acted on the cells of before
    engine.gate.set()
    settle(panel)

    assert panel.work is not None
    assert panel.work.last is not None
    assert panel.work.last.decoded.settings == DecodeSettings(0.95, split=0.8)
    assert panel.view.decode.settings == DecodeSettings(0.95, split=0.8)
    assert np.unique(cells_of(viewer).data).tolist() == [0, 1]
    assert len(texts(panel)) == 2


def test_sliders_that_are_moved_during_a_round_say_nothing_of_the_next(
    panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    paint_cell(panel)
    adapt(panel, settle)
    engine.gate.clear()
    panel.view.adapt.click()
    panel.view.decode.fields["min_size"].value = 0.4
    QTest.qWait(300)
    panel.view.adapt.click()
    settle(panel)

    engine.split = 0.8
    engine.gate.set()
    adapt(panel, settle)

    assert panel.view.decode.settings == DecodeSettings(split=0.8, min_size=0.4)


def test_a_part_is_drawn_anew_while_it_runs(
    qtbot: QtBot,
    panel: AdaptPanel,
    viewer: ViewerModel,
    settle: Settle,
    engine: Engine,
) -> None:
    paint_cell(panel)
    adapt(panel, settle)
    shown = cells_of(viewer).data.copy()
    place = slice(10, 20), slice(30, 50)
    labels = np.arange(1, 201, dtype=np.int32).reshape(10, 20)
    engine.parts = [Part(place, labels, 0.7), Part(place, labels + 1, 0.8)]
    engine.preview = True
    engine.gate.clear()

    panel.view.adapt.click()
    qtbot.waitUntil(lambda: cells_of(viewer).data[10, 30] == 2)
    now = cells_of(viewer).data
    np.testing.assert_array_equal(now[place], labels + 1)
    outside = np.ones(now.shape, bool)
    outside[place] = False
    assert (now[outside] == 7).all()
    points = panel.rounds.curve.points
    assert [(p.loss, p.own_iou) for p in points] == [(1.0, 0.7), (0.5, 0.8)]
    panel.view.adapt.click()
    settle(panel)

    np.testing.assert_array_equal(cells_of(viewer).data, shown)


def test_a_part_is_never_drawn_into_a_result(
    qtbot: QtBot,
    panel: AdaptPanel,
    viewer: ViewerModel,
    settle: Settle,
    engine: Engine,
) -> None:
    paint_cell(panel)
    adapt(panel, settle)
    shown = cells_of(viewer).data.copy()
    engine.parts = [Part((slice(0, 4), slice(0, 4)), np.ones((4, 4), int), 0.7)]
    engine.gate.clear()
    panel.view.adapt.click()
    qtbot.waitUntil(lambda: len(panel.rounds.curve.points) == 1)

    np.testing.assert_array_equal(cells_of(viewer).data, shown)
    engine.gate.set()
    settle(panel)


def test_what_is_in_view_is_looked_at(
    viewer: ViewerModel, open_panel: Open, settle: Settle, engine: Engine
) -> None:
    viewer.add_image(np.ones((4, 64, 64), np.float32), name="series")
    panel = open_panel(viewer)
    layer = annotation_of(panel)
    layer.data_setitem((np.full(4, 1), np.arange(4), np.arange(4)), 1)
    viewer.dims.set_point(0, 2)
    adapt(panel, settle)
    assert engine.calls[0].look_at == (2, slice(0, 64), slice(0, 64))

    layer.corner_pixels = np.array([[2, 5, 7], [2, 30, 40]])
    adapt(panel, settle)
    assert engine.calls[1].look_at == (2, slice(5, 31), slice(7, 41))
    viewer.dims.order = (1, 0, 2)
    adapt(panel, settle)
    assert engine.calls[2].look_at is None


def test_a_curve_is_drawn_once_it_is_in_sight(qtbot: QtBot) -> None:
    curve = Curve()
    qtbot.addWidget(curve)
    curve.show_points([Point(None, 0.2), Point(4.0, 0.5), Point(1.0, 0.9)])
    assert curve.findChild(PlotWidget) is None

    with qtbot.waitExposed(curve):
        curve.show()

    own, loss = (line.getData() for line in curve.findChild(PlotWidget).listDataItems())
    np.testing.assert_allclose(own, ([0, 1, 2], [0.2, 0.5, 0.9]))
    np.testing.assert_allclose(loss, ([0, 1], [1.0, 0.25]))
    assert "0.20 → 0.90" in curve.legend.text()
    assert "4.00 → 1.00" in curve.legend.text()
    curve.show_points(())
    assert "→" not in curve.legend.text()


def test_a_region_is_one_object_however_cells_are_linked() -> None:
    parts = np.zeros((2, 4, 6), np.int32)
    parts[0, :, :2] = parts[1, :, 4:] = 1
    nothing = np.zeros_like(parts)
    numbered = tuple(number(plane, nothing[0], region=True) for plane in parts)
    decoded = decoding.put_in(numbered, nothing, DecodeSettings(region=True))

    followed = exhaust(decoding.follow(decoded, nothing, decoding.Link("ZYX", "z")))

    assert followed is not None
    np.testing.assert_array_equal(followed.decoded.labels, parts)
