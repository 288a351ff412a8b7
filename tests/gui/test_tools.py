"""Correcting with the mouse, on a viewer without a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.layers import Labels
from napari.utils._test_utils import read_only_mouse_event
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)

from napari_metaseg.core import edits, reshape
from napari_metaseg.core.errors import UserError
from napari_metaseg.gui import layers
from napari_metaseg.gui.corrections import Tool
from napari_metaseg.gui.protect import protect_cells

from .acting import annotation_of

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_metaseg.gui.adapt_panel import AdaptPanel

    from .acting import Open, Settle
    from .conftest import Engine

    Place = tuple[float, ...]

ZOOM = 8  # px of the canvas to a px of the image


@pytest.fixture
def panel(
    viewer: ViewerModel, image: Image, open_panel: Open, settle: Settle
) -> AdaptPanel:
    """Return a panel that has adapted to the blob at (8, 8); 2, 3 and 4 are found."""
    panel = open_panel(viewer)
    rows, columns = np.mgrid[8:18, 8:18]
    annotation_of(panel).data_setitem((rows.ravel(), columns.ravel()), 1)
    settle(panel)
    panel.adapt()
    settle(panel)
    return panel


def cells_of(viewer: ViewerModel) -> NDArray[np.int32]:
    data: NDArray[np.int32] = viewer.layers["plate cells"].data
    return data


def drag(viewer: ViewerModel, *path: Place) -> None:
    """Press, move and release over pixels of the active layer."""
    layer = viewer.layers.selection.active

    def event(kind: str, place: Place) -> object:
        return read_only_mouse_event(
            type=kind,
            button=1,
            is_dragging=kind == "mouse_move",
            position=tuple(layer.data_to_world(place)),
            pos=ZOOM * np.array(place[-2:]),
        )

    mouse_press_callbacks(layer, event("mouse_press", path[0]))
    for place in path[1:]:
        mouse_move_callbacks(layer, event("mouse_move", place))
    mouse_release_callbacks(layer, event("mouse_release", path[-1]))


def labels_at(data: NDArray[np.int32], y: int, x: int) -> set[int]:
    """Return the values in the blob whose corner is (y, x)."""
    return set(np.unique(data[y : y + 10, x : x + 10]).tolist())


def test_a_click_accepts_a_cell_as_it_is(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    shown = cells_of(viewer).copy()
    number = int(shown[12, 45])

    panel.view.tools.buttons[Tool.ACCEPT].click()
    assert panel.view.status.text.startswith("Click cells that are right")
    drag(viewer, (12, 45))
    settle(panel)

    annotation = annotation_of(panel)
    np.testing.assert_array_equal(annotation.data == number, shown == number)
    np.testing.assert_array_equal(cells_of(viewer), shown)
    assert panel.view.status.text.startswith("1 cell accepted")
    assert panel.desk.painted.cells == 2


def test_a_rejected_cell_vanishes_and_undo_brings_it_back(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    shown = cells_of(viewer).copy()

    panel.view.tools.buttons[Tool.REJECT].click()
    drag(viewer, (12, 45))
    settle(panel)
    assert labels_at(annotation_of(panel).data, 8, 40) == {-1}
    assert not cells_of(viewer)[8:18, 40:50].any()
    assert panel.view.status.text.startswith("1 cell rejected")

    annotation_of(panel).undo()
    settle(panel)
    np.testing.assert_array_equal(cells_of(viewer), shown)
    assert panel.view.status.text.startswith(Tool.REJECT.value)


def test_rejecting_a_painted_cell_makes_it_background(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    panel.view.tools.buttons[Tool.REJECT].click()
    drag(viewer, (12, 12))
    settle(panel)

    assert labels_at(annotation_of(panel).data, 8, 8) == {-1}
    assert not cells_of(viewer)[8:18, 8:18].any()


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
    assert labels_at(cells_of(viewer), 8, 8) == halves
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


def test_escape_gives_the_brush_back_and_the_key_to_napari(
    panel: AdaptPanel, viewer: ViewerModel
) -> None:
    annotation = annotation_of(panel)
    annotation.selected_label = 5
    keys, callbacks = dict(annotation.keymap), list(annotation.mouse_drag_callbacks)
    panel.view.tools.buttons[Tool.ACCEPT].click()
    assert annotation.mode == layers.POINTING
    (escape,) = set(annotation.keymap) - set(keys)
    assert str(escape) == "Escape"

    annotation.keymap[escape](annotation)

    assert panel.tools.tool is None
    assert not panel.view.tools.buttons[Tool.ACCEPT].isChecked()
    assert annotation.keymap == keys
    assert len(annotation.mouse_drag_callbacks) == len(callbacks)
    assert (annotation.mode, annotation.selected_label) == ("paint", 5)


def test_the_brush_never_holds_the_number_of_an_accepted_cell(
    panel: AdaptPanel, viewer: ViewerModel
) -> None:
    annotation = annotation_of(panel)
    number = int(cells_of(viewer)[12, 45])
    annotation.selected_label = number

    panel.view.tools.buttons[Tool.ACCEPT].click()
    drag(viewer, (12, 45))
    panel.tools.put_down()

    assert annotation.data[12, 45] == number
    assert annotation.selected_label == number + 1


def test_pressing_the_button_again_puts_the_tool_down(panel: AdaptPanel) -> None:
    button = panel.view.tools.buttons[Tool.SPLIT]
    button.click()
    button.click()

    assert panel.tools.tool is None
    assert not button.isChecked()


@pytest.mark.parametrize("mode", ["paint", "erase", "fill"])
def test_a_mode_of_napari_puts_the_tool_down(panel: AdaptPanel, mode: str) -> None:
    panel.view.tools.buttons[Tool.REJECT].click()
    annotation_of(panel).mode = mode

    assert panel.tools.tool is None
    assert annotation_of(panel).mode == mode


def test_moving_the_camera_keeps_the_tool_for_later(
    panel: AdaptPanel, viewer: ViewerModel
) -> None:
    annotation = annotation_of(panel)
    before = annotation.data.copy()
    panel.view.tools.buttons[Tool.REJECT].click()

    annotation.mode = "pan_zoom"
    drag(viewer, (12, 45))
    np.testing.assert_array_equal(annotation.data, before)
    assert panel.view.status.text.startswith("The mouse moves the image")
    annotation.mode = layers.POINTING
    drag(viewer, (12, 45))

    assert labels_at(annotation.data, 8, 40) == {-1}


def test_another_layer_or_image_puts_the_tool_down(
    panel: AdaptPanel, viewer: ViewerModel, image: Image, settle: Settle
) -> None:
    panel.view.tools.buttons[Tool.REJECT].click()
    viewer.layers.selection.active = image
    settle(panel)
    assert panel.tools.tool is None
    assert annotation_of(panel).mode == "paint"

    first = annotation_of(panel)
    panel.view.tools.buttons[Tool.REJECT].click()
    other = viewer.add_image(np.ones((32, 32)), name="other")
    panel.view.source.choose_image(other)
    settle(panel)
    assert panel.tools.tool is None
    assert first.mode == "paint"


def test_layers_may_be_deleted_while_a_tool_is_held(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    panel.view.tools.buttons[Tool.REJECT].click()
    viewer.layers.remove(annotation_of(panel))
    settle(panel)
    assert panel.tools.tool is None

    panel.view.tools.buttons[Tool.FINISH].click()
    assert panel.tools.tool is Tool.FINISH
    viewer.layers.clear()
    settle(panel)
    assert panel.tools.tool is None


def test_hidden_cells_are_not_corrected(panel: AdaptPanel, viewer: ViewerModel) -> None:
    viewer.layers["plate cells"].visible = False

    panel.view.tools.buttons[Tool.REJECT].click()
    drag(viewer, (12, 45))

    assert "is hidden" in panel.view.status.text
    assert not (annotation_of(panel).data < 0).any()


def test_two_panels_do_not_act_at_once(
    panel: AdaptPanel, viewer: ViewerModel, open_panel: Open
) -> None:
    other = open_panel(viewer)
    panel.view.tools.buttons[Tool.REJECT].click()
    other.tools.take(Tool.ACCEPT)

    assert panel.tools.tool is None
    assert other.tools.tool is Tool.ACCEPT


def test_tools_wait_for_something_to_correct(
    viewer: ViewerModel, image: Image, open_panel: Open
) -> None:
    panel = open_panel(viewer)
    row = panel.view.tools
    usable = {tool for tool, button in row.buttons.items() if button.isEnabled()}

    assert usable == {Tool.FINISH}
    assert not row.accept_all.isEnabled()


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
    shown = cells_of(viewer).copy()

    panel.view.tools.buttons[Tool.ACCEPT].click()
    drag(viewer, (1, 12, 45))
    settle(panel)

    number = shown[1, 12, 45]
    np.testing.assert_array_equal(annotation.data[1] > 0, shown[1] == number)
    assert not annotation.data[2].any()
    np.testing.assert_array_equal(cells_of(viewer), shown)
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
    shown = cells_of(viewer).copy()
    number = shown[12, 45]
    rows, columns = np.mgrid[8:18, 40:43]

    annotation.data_setitem((rows.ravel(), columns.ravel()), -1)
    settle(panel)
    expected = shown.copy()
    expected[8:18, 40:43] = 0
    np.testing.assert_array_equal(cells_of(viewer), expected)
    assert cells_of(viewer)[12, 45] == number

    annotation.undo()
    settle(panel)
    np.testing.assert_array_equal(cells_of(viewer), shown)
    viewer.layers["plate cells"].undo()
    np.testing.assert_array_equal(cells_of(viewer), shown)


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

    assert not cells_of(viewer)[8:18, 40:50].any()
    assert len(labels_at(cells_of(viewer), 40, 40)) == 1


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
    corrected, shown = annotation.data.copy(), cells_of(viewer).copy()

    panel.adapt()
    settle(panel)

    np.testing.assert_array_equal(annotation.data, corrected)
    np.testing.assert_array_equal(cells_of(viewer), shown)
    assert set(np.unique(corrected)) == set(np.unique(shown)) | {-1}


SIDE = 24
PLACES = st.tuples(st.integers(0, SIDE - 1), st.integers(0, SIDE - 1))
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["accept", "reject"]), PLACES, PLACES),
        st.tuples(st.sampled_from(["split", "join", "complete"]), PLACES, PLACES),
        st.tuples(st.just("paint"), PLACES, st.integers(-1, 3)),
        st.just(("undo",)),
        st.just(("redo",)),
    ),
    max_size=20,
)


def found() -> NDArray[np.int32]:
    """Four squares that touch, and one apart."""
    shown = np.zeros((SIDE, SIDE), np.int32)
    shown[2:8, 2:8], shown[2:8, 8:14] = 1, 2
    shown[8:14, 2:8], shown[8:14, 8:14], shown[17:22, 17:22] = 3, 4, 5
    return shown


def correct(plane: NDArray[np.int32], action: tuple) -> edits.Edit | None:
    name, one, other = action
    try:
        match name:
            case "accept" | "reject":
                return getattr(edits, name)(plane, found(), one)
            case "split":
                return reshape.split(plane, found(), [one, other])
            case "join":
                return reshape.join(plane, found(), one, other)
        return edits.complete(plane, edits.Box.between(one, other, plane.shape))
    except UserError:
        return None


@settings(max_examples=60, deadline=None)
@given(ACTIONS)
def test_undo_takes_back_strokes_and_corrections_in_order(actions: list[tuple]) -> None:
    layer = Labels(np.zeros((SIDE, SIDE), np.int32))
    layer.brush_size = 4
    protect_cells(layer)
    steps: list[object] = []
    layer.events.paint.connect(steps.append)
    states, now = [layer.data.copy()], 0

    for action in actions:
        before, steps[:] = layer.data.copy(), []
        match action:
            case ("undo",):
                layer.undo()
                now = max(now - 1, 0)
            case ("redo",):
                layer.redo()
                now = min(now + 1, len(states) - 1)
            case ("paint", place, label):
                layer.paint(place, label)
                assert len(steps) <= 1
                if steps:
                    states[now + 1 :] = [layer.data.copy()]
            case _:
                edit = correct(before, action)
                if edit is not None and len(edit.rows):
                    layers.write(layer, (), edit)
                    assert len(steps) == 1
                    states[now + 1 :] = [edit.apply(before)]
        now += len(steps)
        np.testing.assert_array_equal(layer.data, states[now])
