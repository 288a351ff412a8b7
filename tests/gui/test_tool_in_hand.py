"""Tools that are taken, put down, or not possible."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_metaseg.gui import layers
from napari_metaseg.gui.corrections import Tool

from .acting import adapt, annotation_of, drag, labels_at, paint_cell

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_metaseg.gui.adapt_panel import AdaptPanel

    from .acting import Open, Settle

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
