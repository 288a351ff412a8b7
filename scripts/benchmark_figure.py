"""Draw the benchmark's rows: a panel for each task, a line for each method.

    python scripts/benchmark_figure.py ROWS.jsonl [MORE.jsonl ...] PICTURE.png

Small dots are draws, large ones their means; the dashed line is full supervision of the
same network.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from napari_metaseg.io.bundle import CONTROL
from napari_metaseg.workflows.benchmark.draws import CELLS_ONLY, WITH_STROKES
from napari_metaseg.workflows.benchmark.rows import Row, read_rows
from napari_metaseg.workflows.benchmark.statistics import make_frame

if TYPE_CHECKING:
    import pyqtgraph as pg

CELLS = 3
COLUMNS = 4
WIDTH = 270  # px of a panel
MARGINS = 55  # px above and below what is in it
LINE = 17  # px for each method
NAMES = 130  # px for the names of methods
# Okabe and Ito's blue and orange, told apart by their place as well.
REGIMES = {CELLS_ONLY: ("#0072b2", -0.14), WITH_STROKES: ("#d55e00", 0.14)}
LEGEND = "&nbsp;&nbsp;&nbsp; ".join(
    [
        f"AP@0.5 with {CELLS} painted cells",
        *(
            f"<span style='color: {colour}'>&#9679;</span> {what}"
            for (colour, _), what in zip(
                REGIMES.values(), ("alone", "and 2 background strokes"), strict=True
            )
        ),
        "&#9478; supervised by whole images",
    ]
)
ZERO_STEPS = f"{CONTROL}, 0 steps"


def main(paths: list[Path], target: Path) -> None:
    """Read rows and write the picture."""
    import pyqtgraph as pg
    from pyqtgraph.exporters import ImageExporter

    rows = [row for path in paths for row in read_rows(path) if isinstance(row, Row)]
    frame = make_frame([row for row in rows if row.cells == CELLS])
    # The control has two rows: as everybody would use it, and told of the cells.
    plain = frame[frame["method"] == CONTROL].assign(
        method=ZERO_STEPS, ap50_after=lambda told: told["ap50_before"]
    )
    frame = pd.concat([frame, plain])
    rivals = ~frame["method"].str.startswith("ceiling")
    names = frame.loc[rivals, "method"].unique()
    methods = sorted(names, key=lambda name: _mean(frame, name))

    pg.setConfigOptions(antialias=True, background="w", foreground="#333333")
    pg.mkQApp()
    tasks = sorted(frame["task"].unique())
    sheet = pg.GraphicsLayoutWidget()
    height = MARGINS + LINE * len(methods)
    sheet.resize(NAMES + 40 + COLUMNS * WIDTH, -(-len(tasks) // COLUMNS) * height + 30)
    sheet.addLabel(LEGEND, row=0, col=0, colspan=COLUMNS)
    for place, task in enumerate(tasks):
        row, column = divmod(place, COLUMNS)
        plot = sheet.addPlot(row + 1, column, title=task)
        draw(plot, frame[frame["task"] == task], methods)
        names = plot.getAxis("left")
        names.setStyle(showValues=column == 0)
        names.setWidth(0 if column else NAMES)
        sheet.ci.layout.setColumnFixedWidth(column, WIDTH + (0 if column else NAMES))
    sheet.show()
    pg.QtWidgets.QApplication.processEvents()
    ImageExporter(sheet.scene()).export(str(target))


def draw(plot: pg.PlotItem, frame: pd.DataFrame, methods: list[str]) -> None:
    """Draw the panel of a task."""
    import pyqtgraph as pg

    ceiling = frame.loc[frame["method"] == "ceiling", "ap50_after"]
    if len(ceiling):
        dashed = pg.mkPen("#333333", style=pg.QtCore.Qt.PenStyle.DashLine)
        plot.addItem(pg.InfiniteLine(ceiling.mean(), pen=dashed))
    for height, method in enumerate(methods):
        for regime, (colour, shift) in REGIMES.items():
            chosen = (frame["method"] == method) & (frame["regime"] == regime)
            scores = frame.loc[chosen, "ap50_after"]
            if not len(scores):
                continue
            faint = pg.mkColor(colour)
            faint.setAlpha(110)
            for values, size, brush in (
                (scores.to_list(), 5, faint),
                ([scores.mean()], 9, colour),
            ):
                dots = {"symbol": "o", "symbolSize": size, "symbolBrush": brush}
                heights = [height + shift] * len(values)
                plot.plot(values, heights, pen=None, symbolPen=None, **dots)
    plot.getAxis("left").setTicks([list(enumerate(methods))])
    plot.showGrid(x=True, alpha=0.25)
    plot.setXRange(0, 1, padding=0.02)
    plot.setYRange(-0.5, len(methods) - 0.5, padding=0)


def _mean(frame: pd.DataFrame, method: str) -> float:
    own = frame[(frame["method"] == method) & (frame["regime"] == CELLS_ONLY)]
    return float(own.groupby("task")["ap50_after"].mean().mean())


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    *sources, output = map(Path, sys.argv[1:])
    main(sources, output)
