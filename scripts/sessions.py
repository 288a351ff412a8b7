"""Work through images as a person would, and count what it takes.

    python3 scripts/sessions.py DATA TASK [TASK ...] [--init maml] [--ceiling]

DATA is a folder of tasks. Of each task the first image is opened in napari; three cells
are painted, and then, after each press of Adapt, the worst error is corrected with the
tool that is made for it. AP@0.5 counts what was neither painted nor corrected. With
``--ceiling`` the same network, supervised by the task's other images, is scored on the
same image.

Needs an environment in which the package is installed with a Qt binding, and a
display; without one: ``xvfb-run -a -s "-screen 0 1600x1200x24" python3 ...``.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

# Before Qt: on Windows torch's libraries cannot be loaded after it.
import torch  # isort: skip
import napari
import numpy as np
import pandas as pd
from _window import Hand, Pixel, settle

from napari_metaseg.core.metrics import average_precision, iou_matrix
from napari_metaseg.core.settings import DEFAULT_INIT
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.data.painter import choose_cells, paint_cells
from napari_metaseg.gui.adapt_panel import AdaptPanel
from napari_metaseg.gui.corrections import Tool
from napari_metaseg.io.bundle import load_bundle
from napari_metaseg.workflows.benchmark.methods.protocol import image_axes
from napari_metaseg.workflows.benchmark.methods.supervised import (
    CeilingSettings,
    train_supervised,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_metaseg.data.folders import TaskFolder

    Labels = NDArray[np.int32]

FIRST_CELLS = 3
PART = 0.25
"""Share of a cell from which on a piece of it is worth a split or a join."""


@dataclass(frozen=True)
class Fix:
    """What a person does about an error.

    Attributes
    ----------
    error : float
        Its size, px.
    tool : Tool or None
        What is taken in hand; None for the brush.
    path : list of (int, int)
        Where the mouse goes.
    mask : array of bool or None
        What is painted.
    """

    error: float
    tool: Tool | None
    path: list[Pixel]
    mask: NDArray[np.bool_] | None = None


def worst(truth: Labels, shown: Labels, annotation: Labels) -> Fix | None:
    """Find the largest error that is not corrected yet."""
    area, size = np.bincount(truth.ravel()), np.bincount(shown.ravel())
    iou = iou_matrix(truth, shown)
    cells, found = np.unique(truth)[1:], np.unique(shown)[1:]
    known = set(np.unique(truth[annotation > 0]).tolist())
    fixes = []
    for row, k in enumerate(cells):
        if int(k) in known or (len(found) and iou[row].max() >= 0.5):
            continue
        inside = truth == k
        large = _large_parts(shown[inside & (annotation == 0)], PART * area[k])
        mine = [p for p in large if np.mean(inside[shown == p]) > 0.7]
        error = float(area[k] * (1 - iou[row].max(initial=0)))
        if len(mine) >= 2:
            path = [centre((shown == p) & inside) for p in mine[:2]]
            fixes.append(Fix(error, Tool.JOIN, path))
        else:
            fixes.append(Fix(error, None, [], inside))
    for column, p in enumerate(found):
        piece = shown == p
        if annotation[piece].any():
            continue
        under = _large_parts(truth[piece], 0)
        held = [k for k in under if np.mean(piece[truth == k]) > PART]
        if not held and iou[:, column].max(initial=0) < 0.1:
            fixes.append(Fix(float(size[p]), Tool.REJECT, [centre(piece)]))
        elif len(held) == 2 and iou[:, column].max() < 0.5:
            fixes.append(Fix(float(size[p]), Tool.SPLIT, cut(piece, truth, held)))
    return max(fixes, key=lambda f: f.error, default=None)


def _large_parts(numbers: Labels, least: float) -> list[int]:
    """List the objects that have more than so many pixels here."""
    present, counts = np.unique(numbers, return_counts=True)
    return [int(k) for k in present[(present > 0) & (counts > least)]]


def centre(mask: NDArray[np.bool_]) -> Pixel:
    """Return a pixel in the middle of a mask."""
    inside = np.argwhere(mask)
    y, x = inside[np.linalg.norm(inside - inside.mean(0), axis=1).argmin()]
    return int(y), int(x)


def cut(piece: NDArray[np.bool_], truth: Labels, held: list[int]) -> list[Pixel]:
    """Draw a line between the two cells that a piece holds, right across it."""
    one, two = (np.array(centre((truth == k) & piece), float) for k in held)
    middle, along = (one + two) / 2, two - one
    across = np.array([-along[1], along[0]]) / (np.linalg.norm(along) + 1e-9)
    reach = np.sqrt(piece.sum()) * 1.5
    corner = np.array(piece.shape) - 1
    way = np.linspace(middle - reach * across, middle + reach * across, 12)
    return [(round(float(y)), round(float(x))) for y, x in np.clip(way, 0, corner)]


def open_score(truth: Labels, shown: Labels, annotation: Labels) -> float:
    """Return the AP@0.5 over all that was not painted or corrected."""
    painted = np.unique(truth[annotation > 0])
    drawn = np.unique(shown[annotation > 0])
    left = np.where(np.isin(truth, painted), 0, truth)
    found = np.where(np.isin(shown, drawn), 0, shown)
    return float(average_precision(left, found))


class Session:
    """One image, worked through.

    Parameters
    ----------
    task : TaskFolder
        Where the image comes from.
    init : str
        What Adapt starts from.
    """

    def __init__(self, task: TaskFolder, init: str) -> None:
        self.task = task
        self.truth = task.masks[0].astype(np.int32)
        self.viewer = napari.Viewer(title="napari-metaseg")
        image = task.images[0]
        self.viewer.add_image(image, name=task.name, rgb=image.ndim == 3)
        self.panel = AdaptPanel(self.viewer)
        self.viewer.window.add_dock_widget(self.panel, name="MetaSeg", area="right")
        self.viewer.window.resize(1280, 800)
        self.panel.view.source.prefer_init(init)
        settle(self.panel)
        self.viewer.reset_view()
        self.hand = Hand(self.viewer)
        self.clicks = 0

    @property
    def annotation(self) -> Labels:
        """What is painted."""
        layer = self.panel.desk.annotation
        assert layer is not None
        data: Labels = layer.data
        return data

    @property
    def shown(self) -> Labels:
        """The cells that are shown."""
        work = self.panel.work
        assert work is not None and work.shown is not None
        return work.shown.labels

    def paint(self, mask: NDArray[np.bool_]) -> None:
        """Paint one whole cell: a key and a stroke."""
        layer = self.panel.desk.annotation
        assert layer is not None
        self.panel.next_cell()
        free = mask & (layer.data <= 0)
        layer.data_setitem(np.nonzero(free), layer.selected_label)
        self.clicks += 2
        settle(self.panel)

    def adapt(self) -> float:
        """Press Adapt, and wait."""
        start = time.perf_counter()
        self.hand.press(self.panel.view.adapt)
        self.clicks += 1
        while self.panel.bench.running:
            settle(self.panel, 10)
        seconds = time.perf_counter() - start
        settle(self.panel)
        return seconds

    def fix(self, fix: Fix) -> None:
        """Correct an error with the tool made for it."""
        if fix.mask is not None:
            rng = np.random.default_rng(self.clicks)
            self.paint(paint_cells(fix.mask.astype(np.int32), [1], rng) > 0)
            return
        assert fix.tool is not None
        self.panel.tools.take(fix.tool)
        self.clicks += 1
        if fix.tool is Tool.JOIN:
            for pixel in fix.path:
                self.hand.click(pixel)
            self.clicks += 2
        else:
            self.hand.drag(fix.path)
            self.clicks += 1
        self.panel.tools.put_down()
        settle(self.panel)

    def run(self, interactions: int) -> list[dict[str, object]]:
        """Work until there are no more errors, or patience ends."""
        rng = np.random.default_rng(0)
        sizes = self.task.diameters[0]
        cells = choose_cells(self.truth, sizes, rng, number=FIRST_CELLS)
        hand = paint_cells(self.truth, cells, rng)
        for k in cells:
            self.paint(hand == k)
        rows, done, what = [], len(cells), "painted 3 cells"
        while True:
            seconds = self.adapt()
            score = open_score(self.truth, self.shown, self.annotation)
            rows.append(
                {
                    "image": self.task.name,
                    "interactions": done,
                    "last": what,
                    "clicks": self.clicks,
                    "painted px": int((self.annotation != 0).sum()),
                    "s waited": round(seconds, 1),
                    "AP@0.5": round(score, 3),
                }
            )
            print(rows[-1], flush=True)
            fix = worst(self.truth, self.shown, self.annotation)
            if fix is None or done >= interactions:
                self.viewer.close()
                return rows
            self.fix(fix)
            what = "paint" if fix.tool is None else fix.tool.name.lower()
            done += 1


def ceiling_of(task: TaskFolder, init: str) -> float:
    """Score the same network on the first image, supervised by all others."""
    bundle, others = load_bundle(init), range(1, len(task.images))
    known = [i for i in others if task.diameters[i]]
    if not known:
        return float("nan")
    settings = CeilingSettings()
    segmenter = train_supervised(task, known, bundle, torch.device("cpu"), settings)
    image = task.images[0]
    found = segmenter.segment(image, axes=image_axes(image))
    return float(average_precision(task.masks[0], found))


def main() -> None:
    """Work through one image of each task and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("tasks", nargs="+")
    parser.add_argument("--interactions", type=int, default=10)
    parser.add_argument("--init", default=DEFAULT_INIT, help="what Adapt starts from")
    parser.add_argument("--ceiling", action="store_true")
    options = parser.parse_args()
    rows = []
    for task in read_tasks(options.data, options.tasks):
        rows += Session(task, options.init).run(options.interactions)
        if options.ceiling:
            rows[-1]["supervised"] = round(ceiling_of(task, options.init), 3)
    table = pd.DataFrame(rows).fillna("").astype(str)
    lines = [list(table.columns), ["---"] * table.shape[1], *table.to_numpy().tolist()]
    print("\n".join(f"| {' | '.join(line)} |" for line in lines))


if __name__ == "__main__":
    main()
