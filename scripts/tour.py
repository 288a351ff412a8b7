"""Draw the animated tour at the top of the README, from the generated sample.

    python3 scripts/tour.py

Needs an environment in which the package is installed with a Qt binding, and a
display; without one: ``xvfb-run -a -s "-screen 0 1600x1200x24" python3 ...``. The mouse
is Qt's own; only its pointer is drawn in, for a window's picture has none.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

# Before Qt: on Windows torch's libraries cannot be loaded after it.
import torch  # noqa: F401  isort: skip
import napari
import numpy as np
from _window import Hand, Pixel, settle, strokes_over, wait, whole_cells
from napari.settings import get_settings
from PIL import Image, ImageDraw
from qtpy.QtCore import QPoint

from napari_metaseg.core.metrics import iou_matrix
from napari_metaseg.data.synthetic import sample_scene
from napari_metaseg.gui import samples
from napari_metaseg.gui.adapt_panel import AdaptPanel
from napari_metaseg.gui.corrections import Tool

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from qtpy.QtWidgets import QWidget

TARGET = Path(__file__).resolve().parent.parent / "docs" / "images" / "tour.gif"
SIZE = (1180, 760)
WIDTH = 900  # px of the pictures
COLOURS = 192
BRUSH = 8
POINTER = np.array([(0, 0), (0, 17), (4, 13), (7, 19), (10, 18), (7, 12), (12, 12)])


class Film:
    """Pictures of a window, with the pointer of the hand that works in it.

    Parameters
    ----------
    viewer : napari.Viewer
        Its window is filmed.
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self.hand = Hand(viewer, self._on_move)
        window = self.hand.window
        self._pointer = QPoint(window.width() // 2, window.height() // 2)
        self._frames: list[Image.Image] = []
        self._lengths: list[int] = []
        self._dragged = 0

    def take(self, milliseconds: int) -> None:
        """Take a picture that is shown for a while."""
        pixels = self._viewer.screenshot(canvas_only=False, flash=False)[..., :3]
        picture = Image.fromarray(np.ascontiguousarray(pixels))
        at = np.array([self._pointer.x(), self._pointer.y()])
        outline = [tuple(map(float, p)) for p in POINTER * 1.3 + at]
        ImageDraw.Draw(picture).polygon(outline, fill="white", outline="black")
        height = round(picture.height * WIDTH / picture.width)
        self._frames.append(picture.resize((WIDTH, height), Image.Resampling.LANCZOS))
        self._lengths.append(milliseconds)

    def take_while(self, busy: Callable[[], bool], every: int = 250) -> None:
        """Take pictures until something has ended."""
        while busy():
            wait(every)
            self.take(every)

    def press(self, button: QWidget) -> None:
        """Click a button, and look at what it does."""
        self.hand.press(button)
        wait(150)
        self.take(500)

    def drag(self, path: list[Pixel]) -> None:
        """Drag over the image, and look at what it does; one pixel is a click."""
        self.hand.drag(path)
        wait(400)
        self.take(400)

    def save(self, path: Path) -> None:
        """Write the film with one palette for all of its pictures."""
        some = self._frames[::8]
        strip = Image.fromarray(np.concatenate([np.asarray(f) for f in some]))
        # Few pixels have the colours that matter most.
        most = Image.Quantize.MAXCOVERAGE
        palette = strip.quantize(COLOURS, most, dither=Image.Dither.NONE)
        flat = [
            f.quantize(palette=palette, dither=Image.Dither.NONE) for f in self._frames
        ]
        flat[0].save(
            path,
            save_all=True,
            append_images=flat[1:],
            duration=self._lengths,
            loop=0,
            optimize=True,
        )
        print(path, len(flat), "pictures", path.stat().st_size // 1024, "KiB")

    def _on_move(self, place: QPoint, down: bool) -> None:
        """Glide to where the mouse goes; of a drag, film a part of the moves."""
        start, self._pointer = self._pointer, place
        if down:
            self._dragged += 1
            if self._dragged % 3 == 0:
                self.take(60)
        else:
            for share in (0.4, 0.8):
                self._pointer = start + (place - start) * share
                self.take(60)
            self._pointer = place


def centre(mask: NDArray[np.bool_]) -> Pixel:
    """Return a pixel in the middle of a mask."""
    inside = np.argwhere(mask)
    y, x = inside[np.linalg.norm(inside - inside.mean(0), axis=1).argmin()]
    return int(y), int(x)


def main() -> None:
    """Film one walk through the loop."""
    get_settings().appearance.theme = "dark"
    truth = sample_scene("fluorescence").masks
    viewer = napari.Viewer(title="napari-metaseg")
    for data, arguments, _ in samples.fluorescence():
        viewer.add_image(data, **arguments)
    panel = AdaptPanel(viewer)
    viewer.window.add_dock_widget(panel, name="MetaSeg", area="right")
    viewer.window.resize(*SIZE)
    settle(panel)
    viewer.reset_view()
    annotation = panel.desk.annotation
    assert annotation is not None
    annotation.brush_size = BRUSH
    film = Film(viewer)
    film.take(1200)

    broad = [k for k in whole_cells(truth) if len(strokes_over(truth == k, BRUSH)) > 8]
    for cell in broad[4:25:8]:  # not all beside each other
        panel.next_cell()
        film.drag(strokes_over(truth == cell, BRUSH))
    settle(panel)
    film.take(1000)

    film.press(panel.view.adapt)
    film.take_while(lambda: panel.bench.running)
    settle(panel)
    film.take(2200)

    cells = viewer.layers[f"{viewer.layers[0].name} cells"].data
    film.press(panel.view.tools.buttons[Tool.ACCEPT])
    right = iou_matrix(truth, cells) if cells.any() else np.zeros((0, 0))
    numbers = np.unique(cells)[1:]
    painted = np.unique(cells[annotation.data > 0])
    good = [
        int(k)
        for k in numbers[np.argsort(-right.max(0))]
        if k not in painted and (cells == k).sum() > 200
    ]
    for cell in good[:2]:
        film.drag([centre(cells == cell)])
    wrong = [int(k) for k in numbers[right.max(0) < 0.3] if k not in painted]
    if wrong:
        film.press(panel.view.tools.buttons[Tool.REJECT])
        film.drag([centre(cells == wrong[0])])
    film.press(panel.view.adapt)
    film.take_while(lambda: panel.bench.running)
    settle(panel)
    film.take(3000)
    film.save(TARGET)
    viewer.close()
    wait(50)


if __name__ == "__main__":
    main()
