"""Small tasks and starts for meta-training, and a hand in its dock."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import torch
from qtpy.QtCore import Qt, QTimer
from skimage.io import imsave

from napari_metaseg.core.network import Architecture, PrototypeUNet
from napari_metaseg.data.synthetic import procedural_task
from napari_metaseg.gui.worker import Runner
from napari_metaseg.io.bundle import save_bundle
from napari_metaseg.io.sources.check import TaskRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytestqt.qtbot import QtBot
    from qtpy.QtWidgets import QPushButton, QWidget

    from napari_metaseg.gui.train.train_panel import TrainPanel

LONG = 180_000  # ms; a busy machine is no failure


def row(name: str, *, images: int = 3, hashes: Sequence[str] = ()) -> TaskRow:
    return TaskRow(
        name, "own", name, "unknown", images, 30, 17.4, (), (), frozenset(hashes)
    )


def draw_tasks(folder: Path, names: Sequence[str], *, images: int = 2) -> None:
    """Draw tasks of a few images of 112 px, in our own layout."""
    for seed, name in enumerate(names):
        for part in ("images", "masks"):
            (folder / name / part).mkdir(parents=True)
        rng = np.random.default_rng(seed)
        pairs = procedural_task(rng, n_images=images, size=112, diameter=20.0)
        for n, (image, masks) in enumerate(pairs):
            shown = np.round(image * 255).astype(np.uint8)
            for part, pixels in (("images", shown), ("masks", masks.astype(np.uint8))):
                path = folder / name / part / f"{n:03}.png"
                imsave(path, pixels, check_contrast=False)


def small(folder: Path) -> None:
    """Save an initialization that is trained quickly."""
    torch.manual_seed(0)
    shape = Architecture(widths=(4, 4, 4, 8))
    params = {
        k: v.detach() for k, v in PrototypeUNet(shape).named_parameters() if v.numel()
    }
    card = {
        "name": "small",
        "algorithm": "none",
        "architecture": shape.as_dict(),
        "working_diameter": 24.0,
        "recipe": {"steps": 1, "rates": dict.fromkeys(params, 0.01)},
    }
    folder.mkdir(parents=True)
    save_bundle(folder, params, card)


def rest(qtbot: QtBot, dock: QWidget) -> None:
    """Wait until the dock has loaded and read what it was asked to."""

    def at_rest() -> bool:
        single = (t for t in dock.findChildren(QTimer) if t.isSingleShot())
        busy = any(runner.running for runner in dock.findChildren(Runner))
        return not busy and not any(timer.isActive() for timer in single)

    qtbot.waitUntil(at_rest, timeout=LONG)


def click(qtbot: QtBot, button: QPushButton) -> None:
    """Click a button that can be clicked."""
    assert button.isVisible() and button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def write_state(folder: Path, state: str, **changes: Any) -> None:
    """Write the state of a run, on which this process pretends to be at work."""
    folder.mkdir(parents=True, exist_ok=True)
    known = {
        "state": state,
        "message": "",
        "pid": psutil.Process().pid,
        "host": platform.node(),
        "step": 5,
        "steps": 10,
        "seconds": 20.0,
        "budget_minutes": None,
        "seconds_left": 20.0,
        "memory_mb": 512.0,
        "device": "cpu",
        "updated": datetime.now(UTC).isoformat(),
    }
    (folder / "state.json").write_text(json.dumps(known | changes), encoding="utf-8")


def choose_data(qtbot: QtBot, dock: TrainPanel) -> None:
    """Choose the folder that the dialog answers, and wait until it is read."""
    click(qtbot, dock.view.setup.choose)
    qtbot.waitUntil(lambda: bool(dock.view.setup.tasks.rows), timeout=LONG)
    rest(qtbot, dock)


def reach(qtbot: QtBot, dock: TrainPanel, state: str, step: int = 0) -> None:
    """Wait until the dock shows a state."""

    def reached() -> bool:
        glimpse = dock.office.glimpse
        assert glimpse is None or not glimpse.complaint, glimpse.complaint
        seen = None if glimpse is None else glimpse.state
        return seen is not None and seen.state == state and seen.step >= step

    qtbot.waitUntil(reached, timeout=LONG)


def start(qtbot: QtBot, dock: TrainPanel, *, steps: int = 100_000) -> Path:
    """Start a run of the small initialization, and return its folder."""
    setup = dock.view.setup
    setup.inits.choose("small")
    setup.devices.choose("cpu")
    setup.budget.unit.choose("meta-steps")
    setup.budget.amount.setValue(steps)
    click(qtbot, dock.view.start)
    assert dock.view.status.text == "Getting ready…"
    qtbot.waitUntil(lambda: dock.office.monitor.folder is not None, timeout=LONG)
    folder = dock.office.monitor.folder
    assert folder is not None
    return folder
