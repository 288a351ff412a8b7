"""Grow a start in the dock "MetaSeg: Meta-train", by the mouse, and adapt with it.

    python3 scripts/train_session.py DATA VAL

DATA and VAL are folders of tasks. In a window of napari, the tasks of DATA are looked
through, those named are ticked, and a run is started, paused, resumed, and stopped and
kept. Then an image of VAL is opened, three of its cells are painted, and Adapt is
pressed twice: with the start that the run set out from, and with what came of it. Three
other images of that task are segmented with both adapted models. Printed are times,
for how long the window stood still, and AP@0.5; the curves go into a picture.

Needs an environment in which the package is installed with a Qt binding, and a
display; without one: ``xvfb-run -a -s "-screen 0 1600x1200x24" python3 ...``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

# Before Qt: on Windows torch's libraries cannot be loaded after it.
import torch  # noqa: F401  isort: skip
import numpy as np
import psutil
from _docks import Docks
from _window import TEST, Pixel, settle, strokes_over, wait
from PIL import Image
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtWidgets import QApplication, QDialogButtonBox, QLineEdit

from napari_metaseg.core.metrics import average_precision
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.data.painter import choose_cells
from napari_metaseg.gui.train import plan
from napari_metaseg.workflows.run_state import read_log, read_state, read_validation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_metaseg.data.folders import TaskFolder

CURVES = Path(__file__).resolve().parent.parent / "docs/images/meta_train_curves.png"
CELLS, OTHERS = 3, 3
TRAINING = ["mnfinder_nuclei_misc40x", "mnfinder_nuclei_rpe1", "codex_tissue_cells"]
VALIDATION = ["dsb18_fluo_small_medium"]


class Session(Docks):
    """Grows a start, and adapts with it."""

    def choose_data(self, folder: Path) -> None:
        """Answer the dialog for a folder."""

        def answer() -> None:
            dialog = QApplication.activeModalWidget()
            assert dialog is not None
            field = dialog.findChild(QLineEdit)
            box = dialog.findChild(QDialogButtonBox)
            # Typed letter by letter, it would be completed to other folders.
            field.setText(str(folder))
            button = box.button(QDialogButtonBox.StandardButton.Open)
            TEST.mouseClick(button, Qt.MouseButton.LeftButton)

        QTimer.singleShot(1000, answer)
        self.press(self.train.view.setup.choose, "looking through the data")
        settle(self.train)
        print(self.train.view.status.text, flush=True)

    def tick(self, training: list[str], validation: list[str]) -> None:
        """Click the boxes of tasks until these, and no others, are ticked."""
        tasks = self.train.view.setup.tasks
        self.note("ticking tasks")
        for number, row in enumerate(tasks.rows):
            for column, wanted in (
                (0, row.task in (*training, *validation)),
                (1, row.task in validation),
            ):
                item = tasks.table.item(number, column)
                assert item is not None
                if (item.checkState() == Qt.CheckState.Checked) != wanted:
                    tasks.table.scrollToItem(item)
                    box = tasks.table.visualItemRect(item)
                    place = QPoint(box.left() + 10, box.center().y())
                    left = Qt.MouseButton.LeftButton
                    TEST.mouseClick(tasks.table.viewport(), left, pos=place)
                    wait(30)
        assert set(tasks.training) == set(training), tasks.training
        assert set(tasks.validation) == set(validation), tasks.validation

    def grow(self, options: argparse.Namespace) -> Path:
        """Start a run, pause it, resume it, and stop and keep it."""
        view = self.train.view
        self.show(self.train)
        self.choose_data(options.data.resolve())
        self.tick(options.tasks, options.validation_tasks)
        self.shoot("1-ready")
        self.note("choosing")
        self.hand.choose(view.setup.algorithms, options.algorithm)
        self.hand.choose(view.setup.inits, options.init)
        self.type(view.setup.processes, str(options.processes))
        self.hand.choose(view.setup.budget.unit, "meta-steps")
        self.type(view.setup.budget.amount, str(options.steps))
        self.type(view.setup.name, "ours")
        settle(self.train)
        print(view.status.text, flush=True)
        self.press(view.start, "starting")
        self.until(lambda: self.train.office.monitor.folder is not None)
        folder = self.train.office.monitor.folder
        assert folder is not None
        self.note("while it trains")
        wait(5000)
        self.until(lambda: self._done(folder) >= 0.4 * options.steps)
        self.shoot("2-running")
        self.press(view.pause, "pausing")
        self.until(lambda: self.state() == "paused")
        state = read_state(folder)
        assert state is not None
        self.until(lambda: not psutil.pid_exists(state.pid))
        self.note("paused")
        print(view.status.text, flush=True)
        self.shoot("3-paused")
        wait(3000)
        self.press(view.resume, "resuming")
        self.until(lambda: self._done(folder) >= 0.8 * options.steps)
        self.shoot("4-running-again")
        self.press(view.stop, "stopping, keeping")
        self.until(lambda: self.state() == "finished")
        self.note("finished")
        inits = self.adapt.view.source.inits
        self.until(lambda: "ours" in inits.titles)
        settle(self.train)
        self.note("the start can be chosen in MetaSeg")
        print(view.status.text, view.run.outcome.text(), sep="\n", flush=True)
        self.shoot("5-finished")
        return folder

    def _done(self, folder: Path) -> int:
        state = read_state(folder)
        return 0 if state is None else state.step

    def draw_curves(self, path: Path) -> None:
        """Keep a picture of the curves that the dock shows."""
        run = self.train.view.run
        strips = []
        for plot in (run.loss, run.score):
            grabbed = plot.grab()
            grabbed.save(str(path))
            strips.append(np.asarray(Image.open(path).convert("RGB")))
        height = max(len(strip) for strip in strips)
        joined = np.full((height, sum(s.shape[1] for s in strips), 3), 255, np.uint8)
        left = 0
        for strip in strips:
            joined[: len(strip), left : left + strip.shape[1]] = strip
            left += strip.shape[1]
        Image.fromarray(joined).save(path, optimize=True)
        print(path, joined.shape, flush=True)

    def use(self, task: TaskFolder, inits: list[str]) -> None:
        """Paint three cells of a task's first image and adapt each start to them."""
        self.show(self.adapt)
        image, truth = task.images[0], task.masks[0].astype(np.int32)
        self.note("opening an image")
        self.viewer.add_image(image, name=task.name, rgb=image.ndim == 3)
        settle(self.adapt)
        self.viewer.reset_view()
        layer = self.adapt.desk.annotation
        assert layer is not None
        rng = np.random.default_rng(0)
        cells = choose_cells(truth, task.diameters[0], rng, number=CELLS)
        masks = [truth == k for k in cells]
        layer.brush_size = brush = max(2, round(min(map(_narrowest, masks)) / 4))
        for k, mask in zip(cells, masks, strict=True):
            self.press(self.adapt.view.next_cell, f"painting cell {k}")
            self.hand.drag(strokes_over(mask, brush) or [_middle(mask)])
            settle(self.adapt)
        drawn = layer.data.copy()
        for k, mask in zip(cells, masks, strict=True):
            print(f"cell {k}: {np.mean(drawn[mask] > 0):.0%} of it painted")
        source = self.adapt.view.source
        for fold in self.adapt.view.folds:
            if fold.title == "Advanced" and not fold.is_open:
                self.press(fold.heading, "opening Advanced")
        for init in inits:
            self.hand.choose(source.inits, init)
            self.press(self.adapt.view.adapt, f"adapting {init}")
            while self.adapt.bench.running:
                wait(50)
            settle(self.adapt)
            # What follows is work of this script, in the window's thread.
            self.probe.rest()
            self.shoot(f"6-adapted-{init}")
            self.judge(task, init, drawn)

    def judge(self, task: TaskFolder, init: str, drawn: NDArray[np.int32]) -> None:
        """Print AP@0.5 before and after adapting, of what was not painted."""
        print(self.adapt.view.status.text, flush=True)
        work = self.adapt.work
        assert work is not None and work.last is not None
        model = work.last.model
        painted = np.unique(task.masks[0][drawn > 0])
        rows = []
        for n in range(min(len(task.images), 1 + OTHERS)):
            image, truth = task.images[n], task.masks[n]
            if n == 0:
                left = np.where(np.isin(truth, painted), 0, truth)
                found = [np.asarray(f) for f in (model.initial_labels, model.labels)]
                found = [np.where(np.isin(f, f[drawn > 0]), 0, f) for f in found]
            else:
                left = truth
                found = [model.segment(image, adapted=a) for a in (False, True)]
            rows.append([average_precision(left, np.asarray(f)) for f in found])
        own, others = np.array(rows[0]), np.mean(rows[1:], 0)
        print(
            f"{init}: this image {own[0]:.3f} before, {own[1]:.3f} after; "
            f"{len(rows) - 1} other images of the task {others[0]:.3f} before, "
            f"{others[1]:.3f} after",
            flush=True,
        )


def _narrowest(mask: NDArray[np.bool_]) -> int:
    return int(min(mask.any(0).sum(), mask.any(1).sum()))


def _middle(mask: NDArray[np.bool_]) -> Pixel:
    inside = np.argwhere(mask)
    y, x = inside[len(inside) // 2]
    return int(y), int(x)


def tell_run(folder: Path) -> None:
    """Print what a run has learned, and when."""
    log = read_log(folder)
    print(f"{len(log)} meta-steps in {read_state(folder).seconds:.0f} s of training")  # type: ignore[union-attr]
    for score in read_validation(folder):
        print(f"step {score.step}, {score.task}: {score.before:.3f}, {score.after:.3f}")


def main() -> None:
    """Go through it once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("val", type=Path)
    parser.add_argument("--tasks", nargs="+", default=TRAINING)
    parser.add_argument("--validation-tasks", nargs="+", default=VALIDATION)
    parser.add_argument(
        "--adapt-to", default="dsb18_fluo_granular_dense", metavar="TASK"
    )
    parser.add_argument("--algorithm", default="FOMAML", help="as the dock calls it")
    parser.add_argument("--init", default="MAML", help="as the dock calls it")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument(
        "--tasks-per-step", type=int, default=4, help="fewer on a slow machine"
    )
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--curves", type=Path, default=CURVES)
    parser.add_argument("--shots", type=Path, help="folder for pictures of the window")
    parser.add_argument(
        "--stacks", action="store_true", help="print what the window waits for"
    )
    options = parser.parse_args()
    # The dock has no field for it.
    plan.FREQUENT += ("--tasks-per-step", str(options.tasks_per_step))
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs)
    session = Session(options.shots, stacks=options.stacks)
    folder = session.grow(options)
    tell_run(folder)
    session.draw_curves(options.curves)
    (task,) = read_tasks(options.val, [options.adapt_to])
    first = (
        options.init
        if options.init in session.adapt.view.source.inits.titles
        else "MAML"
    )
    session.use(task, [first, "ours"])
    session.probe.tell()
    session.viewer.close()
    wait(1000)


if __name__ == "__main__":
    main()
