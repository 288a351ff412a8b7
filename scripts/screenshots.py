"""Draw the pictures of the panel in docs/images, from the generated sample.

    python3 scripts/screenshots.py

Needs an environment in which the package is installed with a Qt binding, and a
display; without one: ``xvfb-run -a -s "-screen 0 1600x1200x24" python3 ...``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

# Before Qt: on Windows torch's libraries cannot be loaded after it.
import torch  # noqa: F401  isort: skip
import napari
import numpy as np
from _window import settle, wait, whole_cells
from napari.settings import get_settings
from PIL import Image

from napari_metaseg.core.metrics import iou_matrix
from napari_metaseg.data.synthetic import sample_scene
from napari_metaseg.gui import samples
from napari_metaseg.gui.adapt_panel import AdaptPanel

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "images"
THEMES = ("dark", "light")
SIZE = (1280, 800)


def capture(viewer: napari.Viewer, name: str) -> None:
    """Save the window in each theme."""
    for theme in THEMES:
        viewer.theme = theme
        wait(500)
        frame = viewer.screenshot(canvas_only=False, flash=False)
        path = FOLDER / f"panel_{name}_{theme}.png"
        Image.fromarray(frame[..., :3]).save(path, optimize=True)
        print(path, frame.shape)


def paint(panel: AdaptPanel, mask: NDArray[np.bool_]) -> None:
    """Paint a mask with the label that the brush is loaded with."""
    annotation = panel.desk.annotation
    if annotation is None:
        raise RuntimeError("The annotation layer is missing.")
    annotation.data_setitem(np.nonzero(mask), annotation.selected_label)


def stroke(truth: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Find room for a background stroke, 9 px high and 60 px wide."""
    height, width, room = 9, 60, 6
    for y in range(40, truth.shape[0] - 40, 4):
        for x in range(40, truth.shape[1] - width - 40, 4):
            around = truth[y - room : y + height + room, x - room : x + width + room]
            if not around.any():
                mask = np.zeros(truth.shape, bool)
                mask[y : y + height, x : x + width] = True
                return mask
    raise RuntimeError("The sample has no room for a background stroke.")


def main() -> None:
    """Go through the loop once and take a picture at each stage."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    get_settings().appearance.theme = THEMES[0]
    truth = sample_scene("phase-contrast").masks
    viewer = napari.Viewer(title="napari-metaseg")
    for data, arguments, _ in samples.phase_contrast():
        viewer.add_image(data, **arguments)
    panel = AdaptPanel(viewer)
    viewer.window.add_dock_widget(panel, name="MetaSeg", area="right")
    viewer.window.resize(*SIZE)
    settle(panel)
    viewer.reset_view()

    for cell in whole_cells(truth)[:2]:
        panel.next_cell()
        paint(panel, truth == cell)
    panel.background()
    paint(panel, stroke(truth))
    settle(panel)
    capture(viewer, "painted")

    panel.adapt()
    settle(panel)
    capture(viewer, "adapted")

    found = viewer.layers["Phase contrast cells"].data
    best = iou_matrix(truth, found).max(1, initial=0)
    iou = dict(zip(np.unique(truth)[1:], best, strict=True))
    panel.next_cell()
    paint(panel, truth == min(whole_cells(truth)[2:], key=lambda k: iou[k]))
    settle(panel)
    panel.adapt()
    settle(panel)
    capture(viewer, "corrected")
    viewer.close()
    wait(50)


if __name__ == "__main__":
    main()
