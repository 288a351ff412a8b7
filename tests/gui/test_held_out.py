"""Marks of cells that are held out as a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_metaseg.gui.held_out import cells_at, held_out_cells

from .acting import annotation_of, paint_cell

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_metaseg.gui.adapt_panel import AdaptPanel

    from .acting import Open, Settle
    from .conftest import Engine


@pytest.fixture
def panel(
    viewer: ViewerModel, image: Image, open_panel: Open, settle: Settle
) -> AdaptPanel:
    """Return a panel with two painted cells: 1 at (8, 8), and 2 at (40, 40)."""
    panel = open_panel(viewer)
    paint_cell(panel, 8, 8)
    annotation_of(panel).selected_label = 2
    paint_cell(panel, 40, 40)
    settle(panel)
    return panel


def press(panel: AdaptPanel, settle: Settle) -> None:
    layer = annotation_of(panel)
    {str(key): action for key, action in layer.keymap.items()}["H"](layer)
    settle(panel)


def held(panel: AdaptPanel, viewer: ViewerModel) -> set[int]:
    image, reading = panel.desk.image, panel.desk.reading
    assert image is not None
    assert reading is not None
    cells = held_out_cells(viewer.layers, image, reading)
    return set() if cells is None else set(np.unique(cells[cells > 0]).tolist())


def test_the_cell_of_the_brush_is_held_out_and_taken_back(
    panel: AdaptPanel, viewer: ViewerModel, image: Image, settle: Settle
) -> None:
    part = panel.trust.part
    part.hold_out.click()
    settle(panel)

    marks = viewer.layers["plate test cells"]
    assert held(panel, viewer) == {2}
    assert panel.view.status.text.startswith("Cell 2 is held out")
    assert viewer.layers.selection.active is annotation_of(panel)
    np.testing.assert_array_equal(marks.scale, image.scale)
    ((y, x),) = marks.data
    assert 43 <= y <= 46
    assert 43 <= x <= 46

    part.hold_out.click()
    assert held(panel, viewer) == set()
    assert len(marks.data) == 0
    assert panel.view.status.text == "Cell 2 is learned from again."


def test_the_key_means_the_cell_under_the_mouse(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    viewer.mouse_over_canvas = True
    viewer.cursor.position = (0.5 * 12, 0.5 * 12)

    press(panel, settle)

    assert held(panel, viewer) == {1}


def test_where_no_cell_is_meant_it_says_so(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    annotation_of(panel).selected_label = 9

    press(panel, settle)

    assert panel.view.status.text.startswith("There is no painted cell under the mouse")
    assert "plate test cells" not in viewer.layers


def test_marks_survive_undo_redo_and_other_numbers(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    annotation = annotation_of(panel)
    press(panel, settle)
    annotation.undo()
    assert held(panel, viewer) == set()
    annotation.redo()
    assert held(panel, viewer) == {2}

    annotation.data[annotation.data == 2] = 7
    assert held(panel, viewer) == {7}


def test_a_new_cell_of_the_same_number_is_learned_from(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    annotation = annotation_of(panel)
    press(panel, settle)
    annotation.undo()
    rows, columns = np.mgrid[40:50, 8:18]
    annotation.data_setitem((rows.ravel(), columns.ravel()), 2)

    assert held(panel, viewer) == set()


def test_adapt_is_told_of_them_and_tells_how_they_fare(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle, engine: Engine
) -> None:
    engine.report = {"held_out_iou_before": 0.42, "held_out_iou_after": 0.81}
    panel.adapt()
    settle(panel)
    press(panel, settle)
    panel.adapt()
    settle(panel)

    first, second = engine.calls
    assert first.held_out is None
    np.testing.assert_array_equal(
        second.held_out[0], np.where(second.annotation == 2, 2, 0)
    )
    assert "Held-out cells: IoU 0.42 before, 0.81 now." in panel.view.status.text


def test_marks_that_the_person_deletes_or_moves_away_hold_nothing(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    press(panel, settle)
    marks = viewer.layers["plate test cells"]
    marks.data = [[-3.0, 200.0]]
    assert held(panel, viewer) == set()
    marks.data = [[12.2, 11.8]]
    assert held(panel, viewer) == {1}

    viewer.layers.remove(marks)
    assert held(panel, viewer) == set()
    press(panel, settle)
    assert held(panel, viewer) == {2}


def test_of_two_parts_with_one_number_only_the_marked_one_is_held() -> None:
    drawn = np.zeros((2, 20, 20), np.int32)
    drawn[1, 2:6, 2:6] = drawn[1, 10:14, 10:14] = drawn[0, 2:6, 2:6] = 5

    found = cells_at(drawn, [[1, 3, 3]])

    assert found[1, 2:6, 2:6].all()
    assert (found > 0).sum() == 16


def test_cells_held_out_on_another_image_are_not_learned_from(
    panel: AdaptPanel, viewer: ViewerModel, image: Image, settle: Settle, engine: Engine
) -> None:
    """Each image has a target of this name under a key of its own."""
    other = viewer.add_image(image.data, name="other")
    for chosen in (other, image):
        panel.view.source.choose_image(chosen)
        panel.targets.add("nuclei")
        settle(panel)
        paint_cell(panel, 8, 8)
        annotation_of(panel).selected_label = 2
        paint_cell(panel, 40, 40)
        settle(panel)
        if chosen is other:
            panel.trust.part.hold_out.click()
            settle(panel)

    panel.adapt()
    settle(panel)

    ((_, learned),) = engine.calls[0].others
    assert np.unique(learned).tolist() == [0, 1]
