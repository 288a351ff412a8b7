"""Correcting with the mouse, on a viewer without a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_metaseg.gui.corrections import Tool

from .acting import adapt, annotation_of, cells_of, drag, labels_at, paint_cell

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_metaseg.gui.adapt_panel import AdaptPanel

    from .acting import Open, Settle
    from .conftest import Engine

    Place = tuple[float, ...]


@pytest.fixture
def panel(
    viewer: ViewerModel, image: Image, open_panel: Open, settle: Settle
) -> AdaptPanel:
    """Return a panel that has adapted to the blob at (8, 8); 2, 3 and 4 are found."""
    panel = open_panel(viewer)
    paint_cell(panel)
    adapt(panel, settle)
    return panel


def test_a_click_accepts_a_cell_as_it_is(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    shown = cells_of(viewer).data.copy()
    number = int(shown[12, 45])

    panel.view.tools.buttons[Tool.ACCEPT].click()
    assert panel.view.status.text.startswith("Click cells that are right")
    drag(viewer, (12, 45))
    settle(panel)

    annotation = annotation_of(panel)
    np.testing.assert_array_equal(annotation.data == number, shown == number)
    np.testing.assert_array_equal(cells_of(viewer).data, shown)
    assert panel.view.status.text.startswith("1 cell accepted")
    assert panel.desk.painted.cells == 2


def test_a_rejected_cell_vanishes_and_undo_brings_it_back(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    shown = cells_of(viewer).data.copy()

    panel.view.tools.buttons[Tool.REJECT].click()
    drag(viewer, (12, 45))
    settle(panel)
    assert labels_at(annotation_of(panel).data, 8, 40) == {-1}
    assert not cells_of(viewer).data[8:18, 40:50].any()
    assert panel.view.status.text.startswith("1 cell rejected")

    annotation_of(panel).undo()
    settle(panel)
    np.testing.assert_array_equal(cells_of(viewer).data, shown)
    assert panel.view.status.text.startswith(Tool.REJECT.value)


def test_rejecting_a_painted_cell_makes_it_background(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    panel.view.tools.buttons[Tool.REJECT].click()
    drag(viewer, (12, 12))
    settle(panel)

    assert labels_at(annotation_of(panel).data, 8, 8) == {-1}
    assert not cells_of(viewer).data[8:18, 8:18].any()


def test_a_line_splits_a_painted_cell_in_one_step(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    annotation = annotation_of(panel)
    before = annotation.data.copy()

    panel.view.tools.buttons[Tool.SPLIT].click()
    drag(viewer, (4, 12), (12, 12), (22, 12))
    settle(panel)

    halves = labels_at(annotation.data, 8, 8)
    assert len(halves) == 2
    assert 0 not in halves
    assert labels_at(cells_of(viewer).data, 8, 8) == halves
    annotation.undo()
    np.testing.assert_array_equal(annotation.data, before)


def test_a_line_that_ends_inside_is_refused(
    panel: AdaptPanel, viewer: ViewerModel
) -> None:
    before = annotation_of(panel).data.copy()

    panel.view.tools.buttons[Tool.SPLIT].click()
    drag(viewer, (4, 45), (12, 45))

    assert "does not cut the cell in two" in panel.view.status.text
    np.testing.assert_array_equal(annotation_of(panel).data, before)


def test_two_clicks_join_two_halves(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    annotation = annotation_of(panel)
    before = annotation.data.copy()
    panel.view.tools.buttons[Tool.SPLIT].click()
    drag(viewer, (4, 12), (22, 12))
    halved = annotation.data.copy()

    panel.view.tools.buttons[Tool.JOIN].click()
    drag(viewer, (12, 9))
    assert panel.view.status.text.startswith("Now click")
    drag(viewer, (12, 16))

    assert len(labels_at(annotation.data, 8, 8)) == 1
    annotation.undo()
    np.testing.assert_array_equal(annotation.data, halved)
    annotation.undo()
    np.testing.assert_array_equal(annotation.data, before)
    annotation.redo()
    np.testing.assert_array_equal(annotation.data, halved)


def test_joining_far_cells_is_refused_and_starts_anew(
    panel: AdaptPanel, viewer: ViewerModel
) -> None:
    panel.view.tools.buttons[Tool.JOIN].click()
    drag(viewer, (12, 12))
    drag(viewer, (12, 45))
    assert "px apart" in panel.view.status.text

    drag(viewer, (12, 45))
    assert panel.view.status.text.startswith("Now click")


def test_rectangles_accept_and_reject_what_lies_wholly_in_them(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    panel.view.tools.buttons[Tool.ACCEPT].click()
    drag(viewer, (2, 2), (45, 60))
    assert panel.view.status.text.startswith("1 cell accepted")
    panel.view.tools.buttons[Tool.REJECT].click()
    drag(viewer, (30, 2), (60, 60))
    settle(panel)

    data = annotation_of(panel).data
    assert panel.view.status.text.startswith("2 cells rejected")
    assert labels_at(data, 8, 8) == {1}
    assert len(labels_at(data, 8, 40)) == 1
    assert labels_at(data, 40, 8) == labels_at(data, 40, 40) == {-1}
    assert (data != 0).sum() == 400


def test_a_finished_region_is_background_around_its_cells(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    annotation = annotation_of(panel)
    before = annotation.data.copy()

    panel.view.tools.buttons[Tool.FINISH].click()
    drag(viewer, (4, 4), (30, 30))
    settle(panel)

    region = np.zeros((64, 64), bool)
    region[4:31, 4:31] = True
    np.testing.assert_array_equal(
        annotation.data, np.where(region & (before == 0), -1, before)
    )
    annotation.undo()
    np.testing.assert_array_equal(annotation.data, before)


def test_finishing_over_cells_that_were_not_accepted_says_so(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    panel.view.tools.buttons[Tool.FINISH].click()
    drag(viewer, (36, 36), (56, 56))
    settle(panel)

    assert "1 cell that you had not accepted too" in panel.view.status.text


def test_all_in_view_are_accepted_without_a_tool(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    annotation = annotation_of(panel)
    annotation.corner_pixels = np.array([[0, 0], [63, 39 + 10]])

    panel.view.tools.accept_all.click()
    settle(panel)

    assert panel.view.status.text.startswith("3 cells accepted")
    assert annotation.mode == "paint"
    assert panel.desk.painted.cells == 4
    panel.next_cell()
    annotation.paint((30, 30), annotation.selected_label)
    settle(panel)
    assert panel.view.status.text.startswith("5 cells painted")


@pytest.mark.parametrize("tool", list(Tool))
def test_a_click_on_nothing_says_so(
    panel: AdaptPanel, viewer: ViewerModel, tool: Tool
) -> None:
    before = annotation_of(panel).data.copy()

    panel.view.tools.buttons[tool].click()
    drag(viewer, (30, 30))

    hint = "There is no cell here"
    if tool in (Tool.SPLIT, Tool.FINISH):
        hint = tool.value
    assert panel.view.status.text.startswith(hint)
    np.testing.assert_array_equal(annotation_of(panel).data, before)


def test_the_brush_never_holds_the_number_of_an_accepted_cell(
    panel: AdaptPanel, viewer: ViewerModel
) -> None:
    annotation = annotation_of(panel)
    number = int(cells_of(viewer).data[12, 45])
    annotation.selected_label = number

    panel.view.tools.buttons[Tool.ACCEPT].click()
    drag(viewer, (12, 45))
    panel.tools.put_down()

    assert annotation.data[12, 45] == number
    assert annotation.selected_label == number + 1


def test_the_plane_in_view_of_a_stack_is_corrected(
    viewer: ViewerModel,
    blobs: NDArray[np.float32],
    open_panel: Open,
    settle: Settle,
) -> None:
    viewer.add_image(np.stack([blobs, blobs.T, 0 * blobs]), name="plate")
    panel = open_panel(viewer)
    annotation = annotation_of(panel)
    annotation.paint((0, 12, 12), 1)
    settle(panel)
    panel.adapt()
    settle(panel)
    viewer.dims.set_point(0, 1)
    shown = cells_of(viewer).data.copy()

    panel.view.tools.buttons[Tool.ACCEPT].click()
    drag(viewer, (1, 12, 45))
    settle(panel)

    number = shown[1, 12, 45]
    np.testing.assert_array_equal(annotation.data[1] > 0, shown[1] == number)
    assert not annotation.data[2].any()
    np.testing.assert_array_equal(cells_of(viewer).data, shown)
    annotation.undo()
    assert not annotation.data[1].any()


def test_only_planes_in_2d_are_corrected(
    viewer: ViewerModel,
    blobs: NDArray[np.float32],
    open_panel: Open,
) -> None:
    viewer.add_image(np.stack([blobs, blobs]), name="plate")
    panel = open_panel(viewer)
    viewer.dims.order = (1, 0, 2)

    panel.view.tools.buttons[Tool.FINISH].click()
    drag(viewer, (0, 4, 4), (0, 30, 30))

    assert panel.view.status.text.startswith("Show a single plane")
    assert not annotation_of(panel).data.any()


def test_strokes_reshape_what_is_shown(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    annotation = annotation_of(panel)
    shown = cells_of(viewer).data.copy()
    number = shown[12, 45]
    rows, columns = np.mgrid[8:18, 40:43]

    annotation.data_setitem((rows.ravel(), columns.ravel()), -1)
    settle(panel)
    expected = shown.copy()
    expected[8:18, 40:43] = 0
    np.testing.assert_array_equal(cells_of(viewer).data, expected)
    assert cells_of(viewer).data[12, 45] == number

    annotation.undo()
    settle(panel)
    np.testing.assert_array_equal(cells_of(viewer).data, shown)
    viewer.layers["plate cells"].undo()
    np.testing.assert_array_equal(cells_of(viewer).data, shown)


def test_a_stroke_across_a_long_cell_leaves_two(
    viewer: ViewerModel, open_panel: Open, settle: Settle
) -> None:
    pixels = np.zeros((64, 64), np.float32)
    pixels[8:18, 8:18] = pixels[40:48, 4:60] = 1
    viewer.add_image(pixels, name="plate")
    panel = open_panel(viewer)
    paint_cell(panel)
    adapt(panel, settle)
    shown = cells_of(viewer).data.copy()
    number = shown[44, 10]
    rows, columns = np.mgrid[38:50, 30:33]

    annotation_of(panel).data_setitem((rows.ravel(), columns.ravel()), -1)
    settle(panel)

    cut = cells_of(viewer).data
    assert sorted(np.unique(cut).tolist()) == [0, 1, number, cut[44, 10]]
    assert cut[44, 10] != cut[44, 50] == number  # the larger part has the number
    assert panel.work is not None and panel.work.shown is not None
    assert panel.work.shown.cells == 3
    adapt(panel, settle)
    np.testing.assert_array_equal(cells_of(viewer).data, cut)
    annotation_of(panel).undo()
    settle(panel)
    np.testing.assert_array_equal(cells_of(viewer).data, shown)


def test_a_deleted_cells_layer_does_not_come_back_by_itself(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    viewer.layers.remove("plate cells")
    annotation_of(panel).paint((30, 30), -1)
    settle(panel)

    assert "plate cells" not in viewer.layers


def test_corrections_during_a_run_show_when_it_ends(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle, engine: Engine
) -> None:
    engine.gate.clear()
    panel.adapt()
    panel.view.tools.buttons[Tool.REJECT].click()
    drag(viewer, (12, 45))
    engine.gate.set()
    settle(panel)

    assert not cells_of(viewer).data[8:18, 40:50].any()
    assert len(labels_at(cells_of(viewer).data, 40, 40)) == 1


def test_corrected_cells_survive_the_next_round_bit_for_bit(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    annotation = annotation_of(panel)
    for tool, path in (
        (Tool.ACCEPT, [(12, 45)]),
        (Tool.SPLIT, [(38, 12), (52, 12)]),
        (Tool.REJECT, [(45, 45)]),
    ):
        panel.view.tools.buttons[tool].click()
        drag(viewer, *path)
        settle(panel)
    corrected, shown = annotation.data.copy(), cells_of(viewer).data.copy()

    panel.adapt()
    settle(panel)

    np.testing.assert_array_equal(annotation.data, corrected)
    np.testing.assert_array_equal(cells_of(viewer).data, shown)
    assert set(np.unique(corrected)) == set(np.unique(shown)) | {-1}
