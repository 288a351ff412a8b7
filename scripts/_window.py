"""A hand at a window of napari: what the scripts that use the panel share."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.settings import get_plugin_settings, get_settings
from npe2 import PluginManager
from qtpy.QtCore import QEventLoop, QPoint, Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from scipy import ndimage as ndi
from skimage.morphology import disk

from napari_metaseg.gui.worker import Runner
from napari_metaseg.io.user_folder import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from numpy.typing import NDArray
    from qtpy.QtWidgets import QComboBox, QWidget


Pixel = tuple[int, int]

# What was painted and set before, by a script or by a person, must not matter here.
_HOME = Path(tempfile.mkdtemp())
os.environ[VARIABLE] = str(_HOME)
get_settings(_HOME / "settings.yaml")
PluginManager.instance().discover()
get_plugin_settings(path_dir=_HOME)

TEST: Any = QTest  # whose functions its stubs take for methods
_LEFT = Qt.MouseButton.LeftButton
_PAUSE = 15  # ms; napari takes no notice of faster moves of the mouse


def wait(milliseconds: int = 300) -> None:
    """Let Qt work and draw."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def settle(panel: QWidget, rest: int = 300) -> None:
    """Wait until nothing is at work."""
    wait(rest)
    while any(runner.running for runner in panel.findChildren(Runner)):
        wait(20)
    wait(rest)


class Hand:
    """Moves Qt's own mouse over a viewer's window.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    moved : callable
        Called with each place of the window that the mouse comes to, and with
        whether its button is down.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        moved: Callable[[QPoint, bool], None] = lambda _place, _down: None,
    ) -> None:
        self._viewer = viewer
        self._moved = moved
        self.window: QWidget = viewer.window._qt_window
        self._canvas = viewer.window._qt_viewer.canvas.native

    def press(self, button: QWidget) -> None:
        """Click a button."""
        self._moved(button.mapTo(self.window, button.rect().center()), False)
        TEST.mouseClick(button, _LEFT)

    def choose(self, box: QComboBox, title: str) -> None:
        """Open a list and click one of its lines."""
        lines, model = box.view(), box.model()
        assert lines is not None and model is not None
        while not lines.isVisible():
            self.press(box)
            # A click sooner would count as the second half of a double click; on a busy
            # machine the window system may meanwhile have closed the list again.
            wait(2 * QApplication.doubleClickInterval())
        line = model.index(box.findText(title), box.modelColumn())
        lines.scrollTo(line)
        place = lines.visualRect(line).center()
        TEST.mouseClick(lines.viewport(), _LEFT, pos=place)
        while lines.isVisible():
            wait(20)
        assert box.currentText() == title, f"{title} was not chosen"

    def click(self, pixel: Pixel) -> None:
        """Click a pixel (y, x) of the first layer."""
        self.drag([pixel])

    def drag(self, path: list[Pixel]) -> None:
        """Drag over pixels (y, x) of the first layer."""
        points = [self._on_canvas(pixel) for pixel in path]
        self._moved(self._canvas.mapTo(self.window, points[0]), False)
        TEST.mousePress(self._canvas, _LEFT, pos=points[0])
        for point in points[1:]:
            TEST.mouseMove(self._canvas, point)
            wait(_PAUSE)
            self._moved(self._canvas.mapTo(self.window, point), True)
        TEST.mouseRelease(self._canvas, _LEFT, pos=points[-1])

    def _on_canvas(self, pixel: Pixel) -> QPoint:
        camera = self._viewer.scene.camera
        world = self._viewer.layers[0].data_to_world(pixel)
        y, x = (np.array(world) - camera.center[-2:]) * camera.zoom
        middle = self._canvas.width() / 2, self._canvas.height() / 2
        return QPoint(round(x + middle[0]), round(y + middle[1]))


def strokes_over(mask: NDArray[np.bool_], brush: int) -> list[Pixel]:
    """Go over a cell to and fro, with a brush (px) that stays inside."""
    inside = np.argwhere(ndi.binary_erosion(mask, disk(brush // 2)))
    rows = np.unique(inside[:, 0])[:: max(1, brush // 2)]
    path: list[Pixel] = []
    for number, row in enumerate(rows):
        columns = inside[inside[:, 0] == row, 1]
        ends = columns.min(), columns.max()
        path += [(int(row), int(x)) for x in ends[:: -1 if number % 2 else 1]]
    return path


def whole_cells(truth: NDArray[np.int32]) -> list[int]:
    """List cells away from the border, those in the middle first."""
    border = np.unique(np.concatenate([truth[[0, -1]].T, truth[:, [0, -1]]]))
    middle = np.array(truth.shape) / 2
    ids = [int(k) for k in np.unique(truth) if k and k not in border]

    def off_centre(k: int) -> float:
        return float(np.linalg.norm(np.argwhere(truth == k).mean(0) - middle))

    return sorted(ids, key=off_centre)
