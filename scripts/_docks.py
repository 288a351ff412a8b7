"""Both docks in a window of napari, and someone who works in them by the mouse."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import napari
from _probe import Probe
from _window import TEST, Hand, settle, wait
from napari.settings import get_settings
from PIL import Image
from qtpy.QtCore import Qt

from napari_metaseg.gui.adapt_panel import AdaptPanel
from napari_metaseg.gui.train.train_panel import TrainPanel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from qtpy.QtWidgets import QDockWidget, QWidget

SIZE = (1280, 800)


class Docks:
    """A window with both docks, and a hand that works in it.

    Parameters
    ----------
    shots : Path or None
        Folder for pictures of the window.
    stacks : bool
        Whether to print what the window waits for, where it is late.
    """

    def __init__(self, shots: Path | None, *, stacks: bool = False) -> None:
        get_settings().appearance.theme = "light"
        self.viewer = napari.Viewer(title="napari-metaseg")
        self.adapt = AdaptPanel(self.viewer)
        self.train = TrainPanel(self.viewer)
        add = self.viewer.window.add_dock_widget
        self.docks: dict[QWidget, QDockWidget] = {
            self.adapt: add(self.adapt, name="MetaSeg", area="right"),
            self.train: add(
                self.train, name="MetaSeg: Meta-train", area="right", tabify=True
            ),
        }
        self.viewer.window.resize(*SIZE)
        settle(self.adapt)
        settle(self.train)
        self.hand = Hand(self.viewer)
        self.probe = Probe(stacks=stacks)
        self._shots = shots
        self._begin = time.perf_counter()

    def note(self, doing: str) -> None:
        """Name what comes now, with the time."""
        self.probe.watch(doing)
        print(f"{time.perf_counter() - self._begin:6.1f} s  {doing}", flush=True)

    def shoot(self, name: str) -> None:
        """Keep a picture of the window; of data that may not be published, so here."""
        if self._shots is not None:
            frame = self.viewer.screenshot(canvas_only=False, flash=False)
            Image.fromarray(frame[..., :3]).save(self._shots / f"{name}.png")

    def show(self, panel: QWidget) -> None:
        """Bring a dock to the front."""
        self.docks[panel].raise_()
        wait(200)

    def press(self, button: QWidget, doing: str) -> None:
        """Click a button, and note what comes of it."""
        self.note(doing)
        assert button.isVisible() and button.isEnabled(), doing
        self.hand.press(button)
        wait(300)

    def type(self, field: QWidget, text: str) -> None:
        """Replace what stands in a field."""
        TEST.mouseClick(field, Qt.MouseButton.LeftButton)
        TEST.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        TEST.keyClicks(field, text)
        TEST.keyClick(field, Qt.Key.Key_Tab)

    def until(self, done: Callable[[], bool]) -> None:
        """Wait while the window goes on working."""
        self.probe.rest()
        while not done():
            glimpse = self.train.office.glimpse
            if glimpse is not None and glimpse.complaint:
                raise SystemExit(glimpse.complaint)
            wait(300)

    def state(self) -> str:
        """Return the state of the run that the dock shows."""
        glimpse = self.train.office.glimpse
        return "" if glimpse is None or glimpse.state is None else glimpse.state.state
