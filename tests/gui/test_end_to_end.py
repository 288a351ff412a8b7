"""The whole loop in a real window, with the real engine and the real mouse."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import QPoint, Qt
from scipy import ndimage as ndi

from napari_metaseg.core.metrics import iou_matrix, match_counts
from napari_metaseg.data import synthetic
from napari_metaseg.gui import saving
from napari_metaseg.gui.adapt_panel import AdaptPanel

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari import Viewer
    from napari.layers import Labels
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from napari_metaseg.data.synthetic import Scene

    from .acting import Settle

    Mask = NDArray[np.bool_]

ROOT = Path(__file__).resolve().parents[2]
BRUSH = 6
PAUSE = 10  # ms; napari takes no notice of faster moves of the mouse


class Mouse:
    """Paints in a viewer's canvas as a person does."""

    def __init__(self, qtbot: QtBot, viewer: Viewer) -> None:
        self._qtbot = qtbot
        self._viewer = viewer
        self._canvas = viewer.window._qt_viewer.canvas.native

    def paint(self, mask: Mask) -> None:
        """Paint the pixels of a mask in one stroke, row after row."""
        inside = np.argwhere(ndi.binary_erosion(mask, iterations=BRUSH // 2))
        rows = np.unique(inside[:, 0])[:: BRUSH // 2]
        path: list[tuple[int, int]] = []
        for number, row in enumerate(rows):
            columns = inside[inside[:, 0] == row, 1]
            ends = [(row, columns.min()), (row, columns.max())]
            path += ends[:: -1 if number % 2 else 1]
        self.drag(path)

    def drag(self, path: list[tuple[int, int]]) -> None:
        """Drag over pixels, (y, x), with the left button."""
        points = [self._on_canvas(pixel) for pixel in path]
        self._qtbot.mousePress(self._canvas, Qt.MouseButton.LeftButton, pos=points[0])
        for point in points[1:]:
            self._qtbot.mouseMove(self._canvas, point)
            self._qtbot.wait(PAUSE)
        self._qtbot.mouseRelease(
            self._canvas, Qt.MouseButton.LeftButton, pos=points[-1]
        )

    def click(self, pixel: tuple[int, int]) -> None:
        """Click a pixel, (y, x)."""
        self.drag([pixel])

    def key(self, key: Qt.Key) -> None:
        """Press a key over the canvas."""
        self._qtbot.keyClick(self._canvas, key)

    def _on_canvas(self, pixel: tuple[int, int]) -> QPoint:
        camera = self._viewer.scene.camera
        world = self._viewer.layers[0].data_to_world(pixel)
        y, x = (np.array(world) - camera.center[-2:]) * camera.zoom
        middle = self._canvas.width() / 2, self._canvas.height() / 2
        return QPoint(round(x + middle[0]), round(y + middle[1]))


def whole_cells(truth: NDArray[np.int32]) -> list[int]:
    """List cells away from the border, the largest first."""
    border = np.unique(np.concatenate([truth[[0, -1]].T, truth[:, [0, -1]]]))
    area = np.bincount(truth.ravel())
    order = np.argsort(area)[::-1]
    return [int(k) for k in order if k > 0 and area[k] and k not in border]


def emptiest(truth: NDArray[np.int32]) -> tuple[int, int]:
    """Find the pixel that is farthest from all cells."""
    distance = ndi.distance_transform_edt(np.pad(truth == 0, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(distance.argmax(), truth.shape)
    return int(y), int(x)


def inside(mask: Mask) -> tuple[int, int]:
    """Find the pixel of a mask that is farthest from its edge."""
    return emptiest(np.where(mask, 0, 1).astype(np.int32))


def clear_of(cells: NDArray[np.int32], annotation: NDArray[np.int32]) -> list[int]:
    """List cells in one piece that are not painted, the largest first."""
    area = np.bincount(cells[annotation == 0])
    order = np.argsort(area)[::-1]
    known = set(np.unique(annotation).tolist()) | {0}
    return [
        int(k)
        for k in order
        if area[k] and k not in known and ndi.label(cells == k, np.ones((3, 3)))[1] == 1
    ]


def check_verbatim(cells: Labels, annotation: Labels) -> None:
    """Check that each painted cell is an instance of exactly its shape."""
    for k in np.unique(annotation.data[annotation.data > 0]):
        painted = annotation.data == k
        (found,) = np.unique(cells.data[painted])
        assert found > 0
        np.testing.assert_array_equal(cells.data == found, painted)


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Return the sample that napari opens, cut down: every pixel costs time."""
    drawn = synthetic.sample_scene("fluorescence", size=(320, 320))
    monkeypatch.setattr(synthetic, "sample_scene", lambda _kind: drawn)
    return drawn


@pytest.fixture
def truth(scene: Scene) -> NDArray[np.int32]:
    return scene.masks


def test_the_loop(
    qtbot: QtBot,
    make_napari_viewer: Callable[..., Viewer],
    npe2pm: Any,
    settle: Settle,
    truth: NDArray[np.int32],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = tmp_path / "Zellen – µm.tif"
    monkeypatch.setattr(saving, "ask_path", lambda *_: target)
    with npe2pm.tmp_plugin(manifest=str(ROOT / "napari.yaml")):
        viewer = make_napari_viewer(show=True)
        viewer.window.resize(1280, 800)
        (image,) = viewer.open_sample("napari-metaseg", "fluorescence")
        _, panel = viewer.window.add_plugin_dock_widget("napari-metaseg", "MetaSeg")
        settle(panel)
        viewer.reset_view()
        annotation = panel.desk.annotation
        annotation.brush_size = BRUSH
        mouse = Mouse(qtbot, viewer)

        # Paint two cells and a little background.
        first, second, *others = whole_cells(truth)
        mouse.paint(truth == first)
        mouse.key(Qt.Key.Key_N)
        mouse.paint(truth == second)
        mouse.key(Qt.Key.Key_G)
        y, x = emptiest(truth)
        mouse.drag([(y, x - 8), (y, x + 8)])
        settle(panel)
        assert set(np.unique(annotation.data)) == {-1, 0, 1, 2}
        assert match_counts(iou_matrix(truth, np.maximum(annotation.data, 0))).tp == 2
        assert panel.view.status.text.startswith("2 cells painted: press Adapt")

        # Adapt and look at the overlay.
        qtbot.mouseClick(panel.view.adapt, Qt.MouseButton.LeftButton)
        assert panel.view.adapt.text().startswith("Cancel")
        settle(panel)
        cells = viewer.layers["Fluorescence cells"]
        assert list(viewer.layers) == [image, cells, annotation]
        assert cells.contour > 0
        np.testing.assert_array_equal(cells.scale, image.scale)
        check_verbatim(cells, annotation)
        assert not cells.data[annotation.data == -1].any()
        assert match_counts(iou_matrix(truth, cells.data)).tp > 10

        # Correct: paint the largest cell that was missed or is not quite right.
        iou = iou_matrix(truth, cells.data).max(1, initial=0)
        worst = min(others, key=lambda k: iou[np.unique(truth)[1:] == k][0])
        mouse.key(Qt.Key.Key_N)
        mouse.paint(truth == worst)
        settle(panel)
        assert panel.view.status.text.startswith("3 cells painted")

        # Adapt again: the correction is in, and ids stay, except for the number
        # that the painted cell has taken.
        before = cells.data.copy()
        qtbot.mouseClick(panel.view.adapt, Qt.MouseButton.LeftButton)
        settle(panel)
        assert viewer.layers["Fluorescence cells"] is cells
        check_verbatim(cells, annotation)
        iou = iou_matrix(before, cells.data)
        old, new = np.nonzero(iou > 0.6)
        old_ids = np.unique(before)[1:][old]
        new_ids = np.unique(cells.data)[1:][new]
        kept = ~np.isin(old_ids, annotation.data)
        assert kept.sum() > 10
        np.testing.assert_array_equal(new_ids[kept], old_ids[kept])

        # Correct with the mouse: accept one cell, reject another, adapt again.
        good, bad = clear_of(cells.data, annotation.data)[:2]
        accepted, rejected = cells.data == good, cells.data == bad
        mouse.key(Qt.Key.Key_A)
        mouse.click(inside(accepted))
        mouse.key(Qt.Key.Key_R)
        mouse.click(inside(rejected))
        mouse.key(Qt.Key.Key_Escape)
        settle(panel)
        np.testing.assert_array_equal(annotation.data == good, accepted)
        assert (annotation.data[rejected] == -1).all()
        assert not cells.data[rejected].any()
        corrected = annotation.data.copy()
        qtbot.mouseClick(panel.view.adapt, Qt.MouseButton.LeftButton)
        settle(panel)
        np.testing.assert_array_equal(annotation.data, corrected)
        np.testing.assert_array_equal(cells.data == good, accepted)
        assert not cells.data[rejected].any()
        check_verbatim(cells, annotation)

        # Export and read back.
        shown = cells.data.copy()
        qtbot.mouseClick(panel.view.export, Qt.MouseButton.LeftButton)
        settle(panel)
        assert panel.view.status.text == f"Saved {target}"

    with tifffile.TiffFile(target) as tif:
        found = tif.asarray()
        width = tif.pages.first.tags.valueof("XResolution")
        assert tif.imagej_metadata["unit"] == "um"
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, shown)
    assert width[1] / width[0] == pytest.approx(image.scale[1], rel=1e-4)


def test_rounds_come_back(
    qtbot: QtBot,
    make_napari_viewer: Callable[..., Viewer],
    settle: Settle,
    scene: Scene,
    truth: NDArray[np.int32],
) -> None:
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1280, 720)
    image = viewer.add_image(scene.image, name="Plate")
    panel = AdaptPanel(viewer)
    viewer.window.add_dock_widget(panel, name="MetaSeg", area="right")
    settle(panel)
    viewer.reset_view()
    annotation = panel.desk.annotation
    assert annotation is not None
    annotation.brush_size = BRUSH
    mouse = Mouse(qtbot, viewer)
    parts = []
    panel.bench.progressed.connect(lambda p: p.part and parts.append(p.part))

    # Adapt to one cell, then to two; what is in view is drawn on the way.
    first, second, *_ = whole_cells(truth)
    mouse.paint(truth == first)
    settle(panel)
    qtbot.mouseClick(panel.view.adapt, Qt.MouseButton.LeftButton)
    settle(panel)
    assert len(parts) > 1
    assert all(0 <= r.own_iou <= 1 for r in parts if r.own_iou is not None)
    one = viewer.layers["Plate cells"].data.copy()
    assert panel.work is not None
    assert panel.work.last is not None
    earlier = panel.work.last.model
    mouse.key(Qt.Key.Key_N)
    mouse.paint(truth == second)
    settle(panel)
    qtbot.mouseClick(panel.view.adapt, Qt.MouseButton.LeftButton)
    settle(panel)
    cells = viewer.layers["Plate cells"]
    painted = annotation.data.copy()
    assert panel.work.last.model is not earlier

    # Look at the first round: as it was, with the second cell put in.
    fold = panel.rounds.parentWidget()
    qtbot.mouseClick(fold.heading, Qt.MouseButton.LeftButton)
    assert panel.rounds.curve.isVisible()
    table = panel.rounds.table
    assert table.rowCount() == 2
    row = table.visualItemRect(table.item(0, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=row)
    settle(panel)
    assert panel.view.status.text.startswith("Round 1")
    check_verbatim(cells, annotation)
    away = (painted == 0) & ~np.isin(one, one[painted > 0])
    # A cell whose number was painted meanwhile is shown under another.
    same = ((cells.data > 0) == (one > 0))[away]
    assert same.mean() > 0.99

    # Go back to it, and continue from there.
    qtbot.mouseClick(panel.rounds.back, Qt.MouseButton.LeftButton)
    settle(panel)
    assert panel.work.last.model is earlier
    np.testing.assert_array_equal(annotation.data, painted)
    qtbot.mouseClick(panel.view.choices.continue_, Qt.MouseButton.LeftButton)
    assert panel.view.choices.continues
    qtbot.mouseClick(panel.view.adapt, Qt.MouseButton.LeftButton)
    settle(panel)
    assert [entry.continued for entry in panel.work.rounds] == [False, False, True]
    check_verbatim(cells, annotation)
    assert panel.rounds.curve.points
    assert panel.rounds.curve.points == panel.work.rounds[2].course
    annotation.undo()
    settle(panel)
    assert set(np.unique(annotation.data)) == {0, 1}
    assert list(viewer.layers) == [image, cells, annotation]
