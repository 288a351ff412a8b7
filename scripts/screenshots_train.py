"""Draw the pictures of the dock "MetaSeg: Meta-train" in docs/images.

    python3 scripts/screenshots_train.py [--steps 14]

A run is started in the dock on generated tasks, and seen while it trains and when it
has finished. Needs an environment in which the package is installed with a Qt binding,
and a display; without one: ``xvfb-run -a -s "-screen 0 1600x1200x24" python3 ...``.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

# Before Qt: on Windows torch's libraries cannot be loaded after it.
import torch  # noqa: F401  isort: skip
import napari
import numpy as np
from _window import TEST, Hand, settle, wait
from napari.settings import get_settings
from PIL import Image
from qtpy.QtCore import QPoint, Qt
from skimage.io import imsave

from napari_metaseg.data.synthetic import procedural_task, sample_scene
from napari_metaseg.gui.adapt_panel import AdaptPanel
from napari_metaseg.gui.train import plan
from napari_metaseg.gui.train.train_panel import TrainPanel

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "images"
THEMES = ("dark", "light")
SIZE = (1280, 720)
IMAGES, SIDE = 3, 192
VALIDATION = "fluorescence"
QUICK = ("--checkpoint-every", "10", "--tasks-per-step", "1", "--validate-every", "5")


def write_task(
    folder: Path, pairs: list[tuple[NDArray[np.uint8], NDArray[np.int32]]]
) -> None:
    """Write images and masks in our own layout."""
    for number, (image, masks) in enumerate(pairs):
        for part, pixels in (("images", image), ("masks", masks.astype(np.uint16))):
            (folder / part).mkdir(parents=True, exist_ok=True)
            path = folder / part / f"{number:03}.png"
            imsave(path, pixels, check_contrast=False)


def draw_tasks(folder: Path) -> None:
    """Draw a task of each kind of sample, and two procedural ones."""
    for kind in ("phase-contrast", "fluorescence", "tissue"):
        scenes = [sample_scene(kind, size=(SIDE, SIDE), seed=n) for n in range(IMAGES)]
        pairs = [(s.image, s.masks) for s in scenes]
        write_task(folder / kind.replace("-", "_"), pairs)
    for seed, name in enumerate(("plate_a", "plate_b")):
        drawn = procedural_task(
            np.random.default_rng(seed), n_images=IMAGES, size=SIDE, diameter=26.0
        )
        gray = [(np.round(255 * i).astype(np.uint8), m) for i, m in drawn]
        write_task(folder / name, gray)
    # What is odd is told: an image without masks.
    write = folder / "plate_b" / "images" / "no masks.png"
    imsave(write, np.zeros((64, 64), np.uint8), check_contrast=False)


def capture(viewer: napari.Viewer, name: str) -> None:
    """Save the window in each theme."""
    for theme in THEMES:
        viewer.theme = theme
        wait(500)
        frame = viewer.screenshot(canvas_only=False, flash=False)
        path = FOLDER / f"train_{name}_{theme}.png"
        Image.fromarray(frame[..., :3]).quantize(128).save(path, optimize=True)
        print(path, frame.shape, path.stat().st_size // 1024, "KiB", flush=True)


def main() -> None:
    """Go through a run once and take a picture at each stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=14)
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    plan.FREQUENT = QUICK
    get_settings().appearance.theme = THEMES[0]
    viewer = napari.Viewer(title="napari-metaseg")
    adapt, dock = AdaptPanel(viewer), TrainPanel(viewer)
    viewer.window.add_dock_widget(adapt, name="MetaSeg", area="right")
    viewer.window.add_dock_widget(
        dock, name="MetaSeg: Meta-train", area="right", tabify=True
    ).raise_()
    viewer.window.resize(*SIZE)
    settle(adapt)
    settle(dock)
    hand, setup = Hand(viewer), dock.view.setup
    with tempfile.TemporaryDirectory(prefix="lab-") as name:
        # The dock names folders from there on.
        os.environ["HOME"] = os.environ["USERPROFILE"] = name
        data = Path(name) / "our cells"
        draw_tasks(data)
        dock.read_data(data)
        settle(dock)
        rows = [row.task for row in setup.tasks.rows]
        for number, task in enumerate(rows):
            box = setup.tasks.table.item(number, 1)
            assert box is not None
            if (box.checkState() == Qt.CheckState.Checked) != (task == VALIDATION):
                place = setup.tasks.table.visualItemRect(box)
                TEST.mouseClick(
                    setup.tasks.table.viewport(),
                    Qt.MouseButton.LeftButton,
                    pos=QPoint(place.left() + 10, place.center().y()),
                )
        setup.tasks.table.setCurrentCell(rows.index("plate_b"), 2)
        capture(viewer, "ready")
        hand.choose(setup.budget.unit, "meta-steps")
        setup.budget.amount.setValue(options.steps)
        setup.name.setText("our-cells")
        hand.press(dock.view.start)

        def state() -> str:
            glimpse = dock.office.glimpse
            if glimpse is not None and glimpse.complaint:
                raise SystemExit(glimpse.complaint)
            if glimpse is None or glimpse.state is None:
                return ""
            past = glimpse.state.step > options.steps * 0.6
            return "half-way" if past and glimpse.state.going else glimpse.state.state

        while state() not in ("half-way", "finished"):
            wait(200)
        capture(viewer, "running")
        while state() != "finished" or not dock.office.glimpse.installed:  # type: ignore[union-attr]
            wait(200)
        settle(dock)
        capture(viewer, "finished")
    viewer.close()
    wait(1000)


if __name__ == "__main__":
    main()
