"""A session in a real window, with the real engine: saved, dropped, and the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from napari.layers._source import layer_source
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtTest import QTest

from napari_metaseg.data.synthetic import sample_scene
from napari_metaseg.gui import sessions
from napari_metaseg.gui.adapt_panel import AdaptPanel

from .test_end_to_end import BRUSH, Mouse, whole_cells

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from napari import Viewer
    from pytestqt.qtbot import QtBot

    from .acting import Settle


ROOT = Path(__file__).resolve().parents[2]
LEFT = Qt.MouseButton.LeftButton


def open_panel(viewer: Viewer, settle: Settle) -> AdaptPanel:
    panel = AdaptPanel(viewer)
    viewer.window.add_dock_widget(panel, name="MetaSeg", area="right")
    settle(panel)
    return panel


def drop(viewer: Viewer, path: Path) -> None:
    """Drop a file on the window."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDropEvent(
        QPointF(20, 20),
        Qt.DropAction.CopyAction,
        mime,
        LEFT,
        Qt.KeyboardModifier.NoModifier,
    )
    viewer.window._qt_viewer.dropEvent(event)


def test_a_session_that_is_dropped_is_as_it_was(
    qtbot: QtBot,
    make_napari_viewer: Callable[..., Viewer],
    npe2pm: Any,
    settle: Settle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene, file = sample_scene("fluorescence"), tmp_path / "Zellen µ.tif"
    image, masks = scene.image[:240, :240], scene.masks[:240, :240]
    path = tmp_path / "Tag 1.metaseg"
    monkeypatch.setattr(sessions, "ask_path", lambda *_: path)
    tifffile.imwrite(file, image)
    with npe2pm.tmp_plugin(manifest=str(ROOT / "napari.yaml")):
        viewer = make_napari_viewer(show=True)
        viewer.window.resize(1280, 800)
        with layer_source(path=str(file)):
            viewer.add_image(image, name="Zellen µ", rgb=False)
        panel = open_panel(viewer, settle)
        viewer.reset_view()
        annotation = panel.desk.annotation
        assert annotation is not None
        annotation.brush_size = BRUSH
        mouse = Mouse(qtbot, viewer)
        first, second, *_ = whole_cells(masks)
        mouse.paint(masks == first)
        settle(panel)
        qtbot.mouseClick(panel.view.adapt, LEFT)
        settle(panel)
        mouse.key(Qt.Key.Key_N)
        mouse.paint(masks == second)
        settle(panel)
        panel.view.decode.fields["threshold"].value = 0.5
        settle(panel)
        (fold,) = (f for f in panel.view.folds if f.title == "Session and methods")
        fold.open()
        QTest.qWait(50)
        qtbot.mouseClick(panel.view.session.save, LEFT)
        settle(panel)
        assert panel.view.status.text == f"Saved {path}"
        cells = viewer.layers["Zellen µ cells"].data.copy()

        other_viewer = make_napari_viewer(show=True)
        other = open_panel(other_viewer, settle)
        drop(other_viewer, path)
        settle(other)

    names = ["Zellen µ", "Zellen µ cells", "Zellen µ annotation"]
    assert [layer.name for layer in other_viewer.layers] == names
    np.testing.assert_array_equal(other_viewer.layers[1].data, cells)
    np.testing.assert_array_equal(other_viewer.layers[2].data, annotation.data)
    assert other.work is not None
    assert other.work.last is not None
    assert panel.work is not None
    assert panel.work.last is not None
    assert other.work.last.warning == ""
    assert other.work.last.model.report == panel.work.last.model.report
    assert other.view.decode.settings == panel.view.decode.settings
    settings = other.view.decode.settings
    models = [p.work.last.model for p in (panel, other)]
    for adapted in (True, False):
        found = [model.found(settings, adapted=adapted) for model in models]
        np.testing.assert_array_equal(*found)
