"""Measure for how long the window stands still while a large image is worked on.

    python3 scripts/latency.py [SIDE]

Needs an environment in which the package is installed with a Qt binding, and a
display; without one: ``xvfb-run -a -s "-screen 0 1600x1200x24" python3 ...``.

A timer of Qt's own, due every 2 ms, notes when it is late. What napari itself takes to
show a layer of that size is measured first, with the panel out of the way: nothing that
runs on its event loop can be quicker than that.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict

# Before Qt: on Windows torch's libraries cannot be loaded after it.
import torch  # noqa: F401  isort: skip
import napari
import numpy as np
from _window import settle, wait
from qtpy.QtCore import QObject, QTimer

from napari_metaseg.data.synthetic import sample_scene
from napari_metaseg.gui.adapt_panel import AdaptPanel

SIDE = 4096
STEP = 2  # ms
REST = 400  # ms


class Probe(QObject):
    """Notes how late the event loop is, and what is going on at the time."""

    def __init__(self) -> None:
        super().__init__()
        self.doing = "idle"
        self.late: dict[str, list[float]] = defaultdict(list)
        self._last = time.perf_counter()
        self._timer = QTimer(self)
        self._timer.setInterval(STEP)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.late[self.doing].append(1000 * (now - self._last) - STEP)
        self._last = now

    def tell(self) -> None:
        """Print the longest and the 99.9 % quantile for each thing done."""
        for doing, late in self.late.items():
            slow = sorted(late)[-5:][::-1]
            longest = ", ".join(f"{ms:.0f}" for ms in slow)
            print(f"{doing:<44} longest gaps (ms): {longest}", flush=True)


def main() -> None:
    """Go through a round on a large image."""
    side = int(sys.argv[1]) if len(sys.argv) > 1 else SIDE
    scene = sample_scene("fluorescence", size=(side, side))
    viewer = napari.Viewer(title="napari-metaseg")
    viewer.window.resize(1280, 800)
    viewer.add_image(scene.image, name="large")
    wait(2000)
    probe = Probe()
    wait(500)
    probe.doing = "napari alone: a new layer of cells"
    layer = viewer.add_labels(scene.masks)
    layer.contour = 2
    wait(2000)
    probe.doing = "napari alone: the layer's data replaced"
    layer.data = np.roll(scene.masks, 3)
    wait(2000)
    viewer.layers.remove(layer)
    wait(1000)

    probe.doing = "opening the panel"
    panel = AdaptPanel(viewer)
    viewer.window.add_dock_widget(panel, name="MetaSeg", area="right")
    settle(panel, REST)
    middle = np.array(scene.masks.shape) // 2
    ids = np.unique(scene.masks[middle[0] - 200 : middle[0] + 200, middle[1] - 200 :])
    annotation = panel.desk.annotation
    assert annotation is not None
    probe.doing = "painting"
    for cell in [int(k) for k in ids if k][:3]:
        panel.next_cell()
        annotation.data_setitem(
            np.nonzero(scene.masks == cell), annotation.selected_label
        )
        wait(300)
    settle(panel, REST)
    for number in (1, 2):
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
        print(f"round {number}: {seconds:.1f} s; {panel.view.status.text}", flush=True)
    probe.doing = "a slider moved"
    panel.view.decode.fields["threshold"].value = 0.5
    settle(panel, REST)
    probe.doing = "idle at the end"
    wait(500)
    probe.tell()
    viewer.close()
    wait(50)


if __name__ == "__main__":
    main()
