"""Draw the pictures of the panels in docs/images, from generated images.

    python3 scripts/screenshots.py [loop] [classes] [region]
    QT_SCALE_FACTOR=2 python3 scripts/screenshots.py panel

The second draws the panel alone, as it looks on a screen of 200 %.

Needs an environment in which the package is installed with a Qt binding, and a
display; without one: ``xvfb-run -a -s "-screen 0 1600x1200x24" python3 ...``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

# Before Qt: on Windows torch's libraries cannot be loaded after it.
import torch  # noqa: F401  isort: skip
import napari
import numpy as np
from _window import settle, wait, whole_cells
from napari.settings import get_settings
from PIL import Image
from scipy import ndimage as ndi

from napari_metaseg.core.metrics import iou_matrix
from napari_metaseg.data.synthetic import sample_scene
from napari_metaseg.gui import samples
from napari_metaseg.gui.adapt_panel import AdaptPanel
from napari_metaseg.gui.classes.classes_panel import ClassesPanel
from napari_metaseg.gui.form import Column

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "images"
THEMES = ("dark", "light")
SIZE = (1280, 800)
SMALL = (1280, 720)


def capture(viewer: napari.Viewer, name: str) -> None:
    """Save the window in each theme."""
    for theme in THEMES:
        viewer.theme = theme
        wait(500)
        frame = viewer.screenshot(canvas_only=False, flash=False)
        path = FOLDER / f"{name}_{theme}.png"
        # 256 colours are enough, and make a file of less than half the size.
        picture = Image.fromarray(frame[..., :3]).quantize(
            256, dither=Image.Dither.NONE
        )
        picture.save(path, optimize=True)
        print(path, frame.shape)


def capture_panel(viewer: napari.Viewer, panel: AdaptPanel) -> None:
    """Save the panel alone in each theme."""
    scale = round(100 * float(os.environ.get("QT_SCALE_FACTOR", "1")))
    for theme in THEMES:
        viewer.theme = theme
        wait(500)
        path = FOLDER / f"panel_{scale}_percent_{theme}.png"
        panel.grab().save(str(path))
        # Few colours: a palette holds them all, in a third of the size.
        Image.open(path).convert("RGB").quantize(128).save(path, optimize=True)
        print(path)


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


def open_and_paint() -> tuple[napari.Viewer, AdaptPanel]:
    """Open the first sample, and paint two cells and a stroke."""
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
    return viewer, panel


def alone() -> None:
    """Take the picture of the panel alone, with cells adapted to."""
    viewer, panel = open_and_paint()
    panel.adapt()
    settle(panel)
    for fold in panel.view.folds:
        fold.heading.setChecked(fold.title in ("Rounds", "Review"))
    viewer.window.resize(SIZE[0], 1040)
    settle(panel, 1500)
    capture_panel(viewer, panel)
    viewer.close()
    wait(50)


def loop() -> None:
    """Go through the loop once and take a picture at each stage."""
    viewer, panel = open_and_paint()
    capture(viewer, "panel_painted")

    panel.adapt()
    settle(panel)
    capture(viewer, "panel_adapted")

    truth = sample_scene("phase-contrast").masks
    found = viewer.layers["Phase contrast cells"].data
    best = iou_matrix(truth, found).max(1, initial=0)
    iou = dict(zip(np.unique(truth)[1:], best, strict=True))
    panel.next_cell()
    paint(panel, truth == min(whole_cells(truth)[2:], key=lambda k: iou[k]))
    settle(panel)
    panel.adapt()
    settle(panel)
    capture(viewer, "panel_corrected")
    viewer.close()
    wait(50)


def classes() -> None:
    """Give three large and three small cells, and classify all."""
    scene = sample_scene("fluorescence", size=(320, 400))
    viewer = napari.Viewer(title="napari-metaseg")
    viewer.add_image(scene.image, name="Fluorescence")
    viewer.add_labels(scene.masks, name="Fluorescence cells").contour = 2
    panel = ClassesPanel(viewer)
    viewer.window.add_dock_widget(panel, name="MetaSeg: Classes", area="right")
    viewer.window.resize(*SMALL)
    settle(panel)
    viewer.reset_view()
    by_size = sorted(whole_cells(scene.masks), key=lambda k: (scene.masks == k).sum())
    for key, name, cells in ((1, "large", by_size[-3:]), (2, "small", by_size[:3])):
        item = panel.view.table.item(key - 1, 1)
        assert item is not None
        item.setText(name)
        panel.take(key)
        for cell in cells:
            panel.give(cell)
    panel.classify()
    settle(panel)
    capture(viewer, "classes")
    viewer.close()
    wait(50)


def region() -> None:
    """Paint part of a spot on skin, and take all that is found for one region."""
    image, spot = draw_spot()
    viewer = napari.Viewer(title="napari-metaseg")
    viewer.add_image(image, name="Skin", rgb=True)
    panel = AdaptPanel(viewer)
    viewer.window.add_dock_widget(panel, name="MetaSeg", area="right")
    viewer.window.resize(*SMALL)
    settle(panel)
    viewer.reset_view()
    paint(panel, spot)
    panel.background()
    frame = np.zeros(spot.shape, bool)
    frame[8:14, 20:-20] = True
    paint(panel, frame)
    panel.view.decode.fields["region"].value = True
    panel.adapt()
    settle(panel)
    annotation = panel.desk.annotation
    assert annotation is not None
    annotation.visible = False
    column = panel.view.findChild(Column)
    column.ensureWidgetVisible(panel.view.decode, yMargin=60)
    capture(viewer, "region")
    viewer.close()
    wait(50)


def draw_spot() -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Draw a brown spot of two lobes, and a crumb of it, on rough skin.

    Returns
    -------
    (Y, X, 3) array of uint8, (Y, X) array of bool
        The image, and the larger part of the spot.
    """
    rng = np.random.default_rng(2)
    y, x = np.indices((240, 300))
    edge = ndi.gaussian_filter(rng.normal(0, 40, y.shape), 8)
    main = ((y - 110) / 62) ** 2 + ((x - 125) / 48) ** 2 + edge / 4 < 1
    main |= (y - 150) ** 2 + (x - 175) ** 2 + 300 * edge < 40**2
    crumb = (y - 60) ** 2 + (x - 245) ** 2 + 100 * edge < 20**2
    skin, brown = np.array([208, 164, 146]), np.array([122, 76, 64])
    rough = ndi.gaussian_filter(rng.normal(0, 70, y.shape), 2)[..., None]
    image = np.where((main | crumb)[..., None], brown, skin) + rough
    return (image + rng.normal(0, 4, image.shape)).clip(0, 255).astype(np.uint8), main


def main() -> None:
    """Take the pictures that are named, or all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    get_settings().appearance.theme = THEMES[0]
    every = {"loop": loop, "classes": classes, "region": region, "panel": alone}
    for name in sys.argv[1:] or ("loop", "classes", "region"):
        every[name]()


if __name__ == "__main__":
    main()
