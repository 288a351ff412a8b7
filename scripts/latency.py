"""Measure for how long the window stands still while a large image is worked on.

    python3 scripts/latency.py [SIDE] [--slow] [--rounds N]

Needs an environment in which the package is installed with a Qt binding, and a
display; without one: ``xvfb-run -a -s "-screen 0 1600x1200x24" python3 ...``.

A timer of Qt's own, due every 2 ms, notes when it is late: for how long by the clock;
how much of that its thread was at work, which does not depend on what else the machine
does; and how much of this was not napari's own showing of a layer. What napari itself
takes is measured first as well, with the panel out of the way.

With ``--slow`` a stand-in takes the engine's place that waits before each step until
the window has come to rest, as behind a slow device: gaps then hold one event each.
"""

from __future__ import annotations

import argparse
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

# Before Qt: on Windows torch's libraries cannot be loaded after it.
import torch  # noqa: F401  isort: skip
import napari
import numpy as np
from _probe import Probe
from _tiled import some_cells, tiled
from _window import settle, wait
from napari.components import LayerList
from napari.layers import Labels
from vispy.app.backends._qt import CanvasBackendDesktop

import napari_metaseg.workflows.adapt
from napari_metaseg.core.plane_output import PlaneOutput
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.gui.adapt_panel import AdaptPanel
from napari_metaseg.gui.layers import label_layers
from napari_metaseg.gui.pieces import labels_of
from napari_metaseg.workflows.results import Part, Progress, Report

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

SIDE = 4096
REST = 400  # ms
TURNS = 4
CALM = 25  # ticks in a row after which the window has come to rest


class Found:
    """Cells that are known beforehand, in the place of an adapted model."""

    def __init__(self, masks: NDArray[np.int32]) -> None:
        self._masks = masks
        self.report = Report(3, 0, 30.0, 2, 0.5, 0.9, True, "", "cpu", "")
        self.segmenter = SimpleNamespace(card={}, settings=DecodeSettings())
        self.memory = masks.nbytes

    def found(
        self, settings: DecodeSettings, *, adapted: bool = True
    ) -> NDArray[np.int32]:
        """Return other cells for other settings."""
        return np.roll(self._masks, round(10 * settings.threshold) + adapted)

    def drawn(self, *, adapted: bool = True) -> list[PlaneOutput]:
        """Return maps that are sure of everything."""
        sure = (self._masks > 0).astype(np.float16)
        return [PlaneOutput(np.stack([sure, sure]), self._masks.shape, 24.0)]


class SlowEngine:
    """Stands for `adapt_steps`, and does nothing but wait.

    Parameters
    ----------
    probe : Probe
        Tells whether the window has come to rest.
    masks : (Y, X) array of int32
        What it finds.
    """

    def __init__(self, probe: Probe, masks: NDArray[np.int32]) -> None:
        self._probe, self._masks = probe, masks

    def adapt_steps(
        self, _images: Any, _annotations: Any, **_options: Any
    ) -> Generator[Progress, None, Found]:
        """Show previews of the whole and of a part, then the result."""
        middle, reach = len(self._masks) // 2, min(200, len(self._masks) // 2)
        part = slice(middle - reach, middle + reach)
        self._wait()
        preview = np.roll(self._masks, 5)
        yield Progress("before", 25, 100, "Showing all", preview=preview)
        for step in range(4):
            self._wait()
            labels = np.roll(self._masks, step)[part, part].copy()
            shown = Part((part, part), labels, 0.5)
            yield Progress("adapt", 30, 100, "Showing a part", loss=1, part=shown)
        self._wait()
        yield Progress("segment", 60, 100, "Showing the result")
        self._wait()
        return Found(self._masks)

    def _wait(self) -> None:
        ticks = self._probe.ticks
        while self._probe.ticks < ticks + CALM:
            time.sleep(0.02)


def move(viewer: napari.Viewer) -> None:
    """Have the canvas drawn anew a few times, and nothing else."""
    for _ in range(TURNS):
        viewer.scene.camera.zoom *= 1.01
        wait(REST)


def rest(viewer: napari.Viewer) -> None:
    """Wait until no labels are being shown in pieces."""
    for layer in label_layers(viewer.layers):
        while labels_of(layer) is not layer.data:
            wait(REST)


def main() -> None:
    """Go through a round on a large image."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", nargs="?", type=int, default=SIDE)
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    image, masks = tiled(options.side)
    viewer = napari.Viewer(title="napari-metaseg")
    viewer.window.resize(1280, 800)
    viewer.add_image(image, name="large")
    wait(2000)
    probe = Probe()
    for setter in ("data", "contour", "visible"):
        known = getattr(Labels, setter)
        setattr(Labels, setter, property(known.fget, probe.note(known.fset)))
    LayerList.insert = probe.note(LayerList.insert)
    CanvasBackendDesktop.paintGL = probe.note(CanvasBackendDesktop.paintGL)
    if options.slow:
        engine: Any = SlowEngine(probe, masks)
        napari_metaseg.workflows.adapt.adapt_steps = engine.adapt_steps
    wait(500)
    probe.doing = "napari alone: a new layer of cells"
    layer = viewer.add_labels(masks)
    layer.contour = 2
    wait(2000)
    probe.doing = "napari alone: the layer's data replaced"
    layer.data = np.roll(masks, 3)
    wait(2000)
    probe.doing = "napari alone: the view moved"
    move(viewer)
    probe.doing = "napari alone: one pixel painted"
    layer.data_setitem((np.array([0]), np.array([0])), 1)
    wait(1000)
    viewer.layers.remove(layer)
    wait(1000)

    probe.doing = "opening the panel"
    panel = AdaptPanel(viewer)
    viewer.window.add_dock_widget(panel, name="MetaSeg", area="right")
    settle(panel, REST)
    annotation = panel.desk.annotation
    assert annotation is not None
    cells = some_cells(masks)
    wait(REST)
    probe.doing = "painting"
    for pixels in cells:
        panel.next_cell()
        annotation.data_setitem(pixels, annotation.selected_label)
        wait(300)
    settle(panel, REST)
    start = time.perf_counter()

    def tell(progress: Progress) -> None:
        """Say when cells that were found came to be shown, before all of them were."""
        part = progress.part is not None and progress.stage == "segment"
        if part or progress.preview is not None:
            print(
                f"{time.perf_counter() - start:.1f} s: {progress.message}", flush=True
            )

    panel.bench.progressed.connect(tell)
    for number in range(1, options.rounds + 1):
        probe.doing = f"round {number}: adapting"
        start = time.perf_counter()
        panel.adapt()
        doing = ""
        while panel.bench.running:
            line = panel.view.status.text
            if line != doing:
                doing = line
                probe.doing = f"round {number}: {line[:30]}"
            wait(1)
        seconds = time.perf_counter() - start
        probe.doing = f"round {number}: showing"
        settle(panel, REST)
        rest(viewer)
        print(f"round {number}: {seconds:.1f} s; {panel.view.status.text}", flush=True)
    probe.doing = "a slider moved"
    panel.view.decode.fields["threshold"].value = 0.5
    settle(panel, REST)
    rest(viewer)
    probe.doing = "the view moved, with all layers"
    move(viewer)
    probe.doing = "idle at the end"
    wait(500)
    probe.tell()
    viewer.close()
    wait(50)


if __name__ == "__main__":
    main()
