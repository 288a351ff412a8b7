"""Grow a start from the shell, and adapt with it.

    python3 scripts/shell_session.py DATA VAL --output FOLDER

DATA and VAL are folders of tasks. ``napari-metaseg meta-train`` is started on those
tasks of DATA that are named; it is paused by Ctrl+C, resumed, and stopped and kept,
each after a while. What comes of it is imported as "ours", and ``napari-metaseg
adapt`` finds the cells of an image of VAL from three that are painted: with the start
that the run set out from, and with what came of it. Printed are the commands, their
times, and AP@0.5 of what was not painted, on that image and on three others of its
task.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tifffile

from napari_metaseg.core.metrics import average_precision
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.data.painter import choose_cells
from napari_metaseg.io.user_folder import VARIABLE
from napari_metaseg.workflows.run_state import ask, read_log, read_state

if TYPE_CHECKING:
    from napari_metaseg.data.folders import TaskFolder

TRAINING = ["mnfinder_nuclei_misc40x", "mnfinder_nuclei_rpe1", "codex_tissue_cells"]
CELLS, OTHERS = 3, 3
COMMAND = [sys.executable, "-m", "napari_metaseg"]


class Shell:
    """Runs commands, and prints them and when they were given."""

    def __init__(self, home: Path) -> None:
        os.environ[VARIABLE] = str(home)
        self._begin = time.perf_counter()

    def note(self, text: str) -> None:
        """Print what is done now, with the time."""
        print(f"{time.perf_counter() - self._begin:6.1f} s  {text}", flush=True)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command; what it says goes to the screen."""
        self.note(shlex.join(["napari-metaseg", *arguments]))
        return subprocess.Popen([*COMMAND, *arguments], text=True)

    def run(self, *arguments: str) -> None:
        """Run a command to its end."""
        self.end(self.begin(*arguments))

    def end(self, process: subprocess.Popen[str]) -> None:
        """Wait for a command, which must succeed."""
        if process.wait():
            sys.exit(process.returncode)


def until(run: Path, seconds: float, process: subprocess.Popen[str]) -> None:
    """Wait until a run has trained for so long."""
    while process.poll() is None:
        state = read_state(run)
        if state is not None and state.state == "running" and state.seconds > seconds:
            return
        time.sleep(0.1)
    sys.exit("The run has ended by itself; give it more minutes.")


def grow(shell: Shell, options: argparse.Namespace, run: Path) -> None:
    """Train, pause, resume, and stop and keep."""
    arguments = ["meta-train", str(options.data), "--tasks", *options.tasks]
    arguments += ["--init", options.init, "--minutes", str(2 * options.minutes)]
    arguments += ["--processes", str(options.processes), "--checkpoint-every", "10"]
    arguments += ["--output", str(run)]
    process = shell.begin(*arguments)
    until(run, 30 * options.minutes, process)
    shell.note("Ctrl+C")
    process.send_signal(signal.SIGINT)
    shell.end(process)
    shell.note(f"paused after {len(read_log(run))} meta-steps")
    process = shell.begin(*arguments, "--resume")
    until(run, 60 * options.minutes, process)
    shell.note("echo stop > control")
    ask(run, "stop")
    shell.end(process)
    steps = [line["step"] for line in read_log(run)]
    assert steps == list(range(1, len(steps) + 1))
    shell.note(f"kept after {len(steps)} meta-steps")


def adapt(shell: Shell, task: TaskFolder, init: str, folder: Path) -> None:
    """Adapt a start to three cells of a task's first image, and score it."""
    folder.mkdir(parents=True)
    count = min(len(task.images), 1 + OTHERS)
    names = [folder / f"{n}.tif" for n in range(count)]
    for name, image in zip(names, task.images, strict=False):
        tifffile.imwrite(name, image)
    truth = task.masks[0].astype(np.int32)
    rng = np.random.default_rng(0)
    cells = choose_cells(truth, task.diameters[0], rng, number=CELLS)
    painted = np.where(np.isin(truth, cells), truth, 0)
    tifffile.imwrite(folder / "painted.tif", painted)
    shell.run(
        *("adapt", str(names[0]), "--annotation", str(folder / "painted.tif")),
        *("--init", init, "--output", str(folder / "0_cells.tif")),
        *("--also", *map(str, names[1:]), "--output-dir", str(folder / "cells")),
    )
    found = [tifffile.imread(folder / "0_cells.tif")]
    found += [tifffile.imread(p) for p in sorted((folder / "cells").glob("*.tif"))]
    found[0] = np.where(np.isin(found[0], found[0][painted > 0]), 0, found[0])
    masks = [truth - painted, *(task.masks[n] for n in range(1, count))]
    scores = [average_precision(m, f) for m, f in zip(masks, found, strict=True)]
    shell.note(
        f"{init}: AP@0.5 {scores[0]:.3f} on this image, {np.mean(scores[1:]):.3f} on "
        f"{count - 1} others of the task"
    )


def main() -> None:
    """Go through it once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("val", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", default=TRAINING)
    parser.add_argument("--adapt-to", default="dsb18_fluo_granular_dense")
    parser.add_argument("--init", default="maml")
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    shell = Shell(options.output / "home")
    run = options.output / "run"
    grow(shell, options, run)
    shell.run("models", "--import", str(run / "bundle"), "--name", "ours")
    (task,) = read_tasks(options.val, [options.adapt_to])
    for init in (options.init, "ours"):
        adapt(shell, task, init, options.output / init)


if __name__ == "__main__":
    main()
