"""The panel in a real napari window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QShortcut

from napari_metaseg.gui import demo
from napari_metaseg.gui.corrections import Tool
from napari_metaseg.gui.trace import Trace

from .acting import annotation_of, dock_panel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari import Viewer
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot
    from qtpy.QtWidgets import QWidget

    from napari_metaseg.gui.adapt_panel import AdaptPanel

    from .acting import Settle
    from .conftest import Engine

ROOT = Path(__file__).resolve().parents[2]
KEYS = ("N", "G", "Ctrl+Enter", "A", "R", "S", "J", "D", "Shift+A", "F6")


@pytest.fixture
def panel(window: Viewer, settle: Settle) -> AdaptPanel:
    return dock_panel(window, settle)


def canvas_of(viewer: Viewer) -> QWidget:
    canvas: QWidget = viewer.window._qt_viewer.canvas.native
    return canvas


def drag(qtbot: QtBot, viewer: Viewer, places: Sequence[tuple[float, float]]) -> None:
    """Drag the mouse over places of the world, (y, x), with the left button."""
    canvas = canvas_of(viewer)
    middle = np.array([canvas.height(), canvas.width()]) / 2
    camera, points = viewer.scene.camera, []
    for place in places:
        y, x = (np.array(place) - camera.center[-2:]) * camera.zoom
        points.append(QPoint(round(x + middle[1]), round(y + middle[0])))
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=points[0])
    for point in points[1:]:
        qtbot.mouseMove(canvas, point)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=points[-1])


def test_our_keys_are_free_in_napari(window: Viewer) -> None:
    labels = window.add_labels(np.zeros((8, 8), int))
    image = window.layers["plate"]
    taken = {
        str(key)
        for owner in (labels, image, window)
        for cls in type(owner).__mro__
        for key in getattr(cls, "class_keymap", {})
    }
    taken |= {str(key) for owner in (labels, image, window) for key in owner.keymap}
    assert {"Ctrl+Z", "B", "M"} <= taken

    assert not taken & set(KEYS)


def test_no_menu_of_napari_uses_our_keys(window: Viewer) -> None:
    from napari._app_model import get_app_model

    app = get_app_model()
    taken = {str(binding.keybinding) for binding in app.keybindings}
    assert "Ctrl+O" in taken

    assert not taken & set(KEYS)


def test_the_keys_paint_and_adapt(
    qtbot: QtBot, window: Viewer, panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    annotation, canvas = annotation_of(panel), canvas_of(window)
    drag(qtbot, window, [(10, 10), (16, 16)])
    canvas.setFocus()

    qtbot.keyClick(canvas, Qt.Key.Key_G)
    assert annotation.selected_label == -1
    qtbot.keyClick(canvas, Qt.Key.Key_N)
    assert annotation.selected_label == 2
    settle(panel)
    qtbot.keyClick(
        canvas, Qt.Key.Key_Return, modifier=Qt.KeyboardModifier.ControlModifier
    )
    settle(panel)

    assert len(engine.calls) == 1
    assert "plate cells" in window.layers


def test_ctrl_enter_adapts_from_within_the_panel(
    qtbot: QtBot, window: Viewer, panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    annotation_of(panel).paint((12, 12), 1)
    settle(panel)
    window.window._qt_window.activateWindow()
    panel.view.source.images.setFocus()

    qtbot.keyClick(
        panel.view.source.images,
        Qt.Key.Key_Return,
        modifier=Qt.KeyboardModifier.ControlModifier,
    )
    settle(panel)

    assert len(engine.calls) == 1


def test_f6_takes_the_keyboard_into_the_panel(
    qtbot: QtBot, window: Viewer, panel: AdaptPanel
) -> None:
    canvas, heading = canvas_of(window), panel.view.folds[0].heading

    # Without a window manager no window is active, and the key itself does nothing.
    (entrance,) = (s for s in panel.findChildren(QShortcut) if s.key() == "F6")
    # The second is what Qt tells one of two panels in a window.
    for signal in (entrance.activated, entrance.activatedAmbiguously):
        canvas.setFocus()
        signal.emit()

        assert canvas.window().focusWidget() is heading


def test_a_click_in_the_panel_leaves_the_keys_with_the_canvas(
    qtbot: QtBot, window: Viewer, panel: AdaptPanel
) -> None:
    canvas = canvas_of(window)
    canvas.setFocus()

    qtbot.mouseClick(panel.view.background, Qt.MouseButton.LeftButton)

    assert annotation_of(panel).selected_label == -1
    qtbot.keyClick(canvas.window().focusWidget(), Qt.Key.Key_N)
    assert annotation_of(panel).selected_label == 1


def test_a_drag_over_a_cell_is_one_step_of_undo(
    qtbot: QtBot, window: Viewer, panel: AdaptPanel
) -> None:
    annotation = annotation_of(panel)
    annotation.brush_size = 6
    drag(qtbot, window, [(20, 40), (40, 40)])
    first = annotation.data.copy()
    assert set(np.unique(first)) == {0, 1}

    panel.next_cell()
    drag(qtbot, window, [(30, 20), (30, 60)])

    np.testing.assert_array_equal(annotation.data[first == 1], 1)
    both = annotation.data.copy()
    assert set(np.unique(both)) == {0, 1, 2}
    annotation.undo()
    np.testing.assert_array_equal(annotation.data, first)
    annotation.redo()
    np.testing.assert_array_equal(annotation.data, both)
    annotation.undo()
    annotation.undo()
    assert not annotation.data.any()


def test_each_tool_has_a_key_and_escape_gives_the_brush_back(
    qtbot: QtBot, window: Viewer, panel: AdaptPanel, settle: Settle
) -> None:
    annotation, canvas = annotation_of(panel), canvas_of(window)
    annotation.paint((12, 12), 1)
    settle(panel)
    panel.adapt()
    settle(panel)
    canvas.setFocus()

    for tool, button in panel.view.tools.buttons.items():
        qtbot.keyClick(canvas, button.key.lower())
        qtbot.keyClick(canvas, button.key.lower())  # again, before the next cell
        assert panel.tools.tool is tool
        assert button.isChecked()
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    assert panel.tools.tool is None
    assert annotation.mode == "paint"

    qtbot.keyClick(canvas, "a", modifier=Qt.KeyboardModifier.ShiftModifier)
    settle(panel)
    assert panel.view.status.text.startswith("4 cells accepted")
    qtbot.keyClick(canvas, "z", modifier=Qt.KeyboardModifier.ControlModifier)
    settle(panel)
    assert panel.view.status.text.startswith("1 cell painted")


def test_the_mouse_corrects_and_ctrl_z_takes_back_in_order(
    qtbot: QtBot, window: Viewer, panel: AdaptPanel, settle: Settle
) -> None:
    annotation, canvas = annotation_of(panel), canvas_of(window)
    annotation.brush_size = 6
    drag(qtbot, window, [(12, 10), (12, 16)])
    settle(panel)
    panel.adapt()
    settle(panel)
    states = [annotation.data.copy()]

    for tool, path in (
        (Tool.ACCEPT, [(45, 45)]),
        (Tool.SPLIT, [(45, 36), (45, 45), (45, 55)]),
        (Tool.REJECT, [(12, 45)]),
        (Tool.FINISH, [(4, 4), (20, 15), (30, 30)]),
    ):
        panel.view.tools.buttons[tool].click()
        drag(qtbot, window, path)
        states.append(annotation.data.copy())
        assert not np.array_equal(states[-1], states[-2])
    panel.tools.put_down()
    panel.background()
    drag(qtbot, window, [(60, 10), (60, 20)])
    settle(panel)

    assert len(np.unique(annotation.data[40:50, 40:50])) == 2
    cells = window.layers["plate cells"].data
    np.testing.assert_array_equal(cells[40:50, 40:50], annotation.data[40:50, 40:50])
    assert not cells[8:18, 40:50].any()
    canvas.setFocus()
    for state in reversed(states):
        qtbot.keyClick(canvas, "z", modifier=Qt.KeyboardModifier.ControlModifier)
        np.testing.assert_array_equal(annotation.data, state)
    settle(panel)
    assert window.layers["plate cells"].data[45, 45] > 0


def test_a_drag_shows_what_it_covers_and_leaves_nothing_behind(
    qtbot: QtBot, window: Viewer, panel: AdaptPanel
) -> None:
    canvas = canvas_of(window)
    panel.view.tools.buttons[Tool.FINISH].click()
    middle = canvas.rect().center()

    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(canvas, middle + QPoint(40, 30))
    (trace,) = canvas.findChildren(Trace)
    assert trace.isVisible()
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=middle + QPoint(40, 30))

    assert canvas.findChildren(Trace) == []
    assert len(window.layers) == 2
    assert (annotation_of(panel).data == -1).any()


def test_closing_the_dock_while_adapting(
    qtbot: QtBot, window: Viewer, panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    annotation = annotation_of(panel)
    annotation.paint((12, 12), 1)
    settle(panel)
    engine.gate.clear()
    panel.adapt()
    qtbot.waitUntil(lambda: engine.calls != [])

    window.window.remove_dock_widget(panel)
    qtbot.waitUntil(lambda: engine.closed == 1)
    window.add_image(np.zeros((8, 8)))
    annotation.paint((40, 40), 1)
    canvas_of(window).setFocus()
    qtbot.keyClick(canvas_of(window), Qt.Key.Key_G)

    assert annotation.data[12, 12] == 1
    assert annotation.selected_label == 1
    assert len(window.layers) == 3


def test_closing_napari_while_adapting(
    qtbot: QtBot, window: Viewer, panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    annotation_of(panel).paint((12, 12), 1)
    settle(panel)
    engine.gate.clear()
    panel.adapt()
    qtbot.waitUntil(lambda: engine.calls != [])
    told: list[Any] = []
    notification_manager.notification_ready.connect(told.append)

    try:
        window.close()
        qtbot.waitUntil(lambda: engine.closed == 1)
    finally:
        notification_manager.notification_ready.disconnect(told.append)

    assert told == []


def test_napari_opens_the_panel_from_the_manifest(
    make_napari_viewer_proxy: Callable[..., Viewer],
    npe2pm: Any,
    blobs: NDArray[np.float32],
    engine: Engine,
    settle: Settle,
) -> None:
    """napari hands plugins a viewer that shows nothing private."""
    with npe2pm.tmp_plugin(manifest=str(ROOT / "napari.yaml")):
        viewer = make_napari_viewer_proxy()
        image = viewer.add_image(blobs, name="plate")
        _, panel = viewer.window.add_plugin_dock_widget("napari-metaseg", "MetaSeg")
        settle(panel)
        annotation_of(panel).paint((12, 12), 1)
        settle(panel)
        panel.view.adapt.click()
        settle(panel)
        image.name = "dish"
        settle(panel)

        assert panel.view.status.text.startswith("Adapted in")
        names = [layer.name for layer in viewer.layers]
        assert names == ["dish", "plate cells", "plate annotation"]
        viewer.layers.remove("dish")
        settle(panel)
        assert panel.view.status.text.startswith("Open an image")


def test_the_demo_is_ready_for_painting(
    make_napari_viewer: Callable[..., Viewer],
    npe2pm: Any,
    engine: Engine,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[Viewer] = []

    def open_viewer(**_options: object) -> Viewer:
        opened.append(make_napari_viewer())
        return opened[0]

    monkeypatch.setattr(demo.napari, "Viewer", open_viewer)
    monkeypatch.setattr(demo.napari, "run", lambda: None)
    with npe2pm.tmp_plugin(manifest=str(ROOT / "napari.yaml")):
        demo.main(["--sample", "tissue"])
        (viewer,) = opened
        _, panel = viewer.window.add_plugin_dock_widget("napari-metaseg", "MetaSeg")
        settle(panel)

    annotation = annotation_of(panel)
    assert [layer.name for layer in viewer.layers] == ["Tissue", "Tissue annotation"]
    assert viewer.layers.selection.active is annotation
    assert (annotation.mode, annotation.selected_label) == ("paint", 1)
