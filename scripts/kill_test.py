"""Kill a meta-training run again and again, and see that it ends as if left alone.

``python scripts/kill_test.py [DATA] [--init maml] [--processes 2] [--kills 10]``
trains a tiny network, or the initialization that is named, on the tasks in DATA, or
on two that it draws, with validation on: once undisturbed, and once killed with
SIGKILL at random moments, and while it starts, writes a checkpoint, or validates. Of
several processes it is the launcher that is killed.
After each kill the same command goes on with ``--resume``.
In the end weights, checkpoint, log and scores must be the same to the bit, but for the
seconds that things took, and nothing may be left over.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
import torch

from napari_metaseg.cli import main as command
from napari_metaseg.core.network import Architecture, PrototypeUNet
from napari_metaseg.data.synthetic import procedural_task
from napari_metaseg.io.bundle import save_bundle
from napari_metaseg.workflows.run_state import read_log, read_state

if TYPE_CHECKING:
    from collections.abc import Callable

FILES = ("checkpoint.safetensors", "bundle/weights.safetensors")
LINES = ("log.jsonl", "validation.jsonl")
TINY = Architecture(widths=(4, 4, 4, 8))
EVERY = 3
"""Meta-steps from one checkpoint to the next."""


def make_tasks(folder: Path, seeds: dict[str, int]) -> Path:
    """Draw small tasks."""
    for name, seed in seeds.items():
        rng = np.random.default_rng(seed)
        pairs = procedural_task(rng, n_images=2, size=96, diameter=20.0)
        for part, arrays in zip(("images", "masks"), zip(*pairs, strict=True)):  # noqa: B905
            (folder / name / part).mkdir(parents=True)
            for number, array in enumerate(arrays):
                scaled = array * 255 if part == "images" else array
                file = folder / name / part / f"{number}.tif"
                tifffile.imwrite(file, np.round(scaled).astype(np.uint8))
    return folder


def make_start(folder: Path) -> Path:
    """Write a bundle of a tiny network with random weights."""
    torch.manual_seed(0)
    params = {k: v.detach() for k, v in PrototypeUNet(TINY).named_parameters()}
    card = {
        "name": "tiny",
        "algorithm": "none",
        "architecture": TINY.as_dict(),
        "working_diameter": 24.0,
        "recipe": {"steps": 1, "rates": dict.fromkeys(params, 0.001)},
    }
    save_bundle(folder, params, card)
    return folder


def run_quietly(arguments: list[str], report: str) -> None:
    """Run the command in a process of its own; keep what it says."""
    torch.set_num_threads(1)
    with Path(report).open("ab", buffering=0) as file:
        # Of this process and of those that it starts.
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    sys.exit(command(arguments))


class Trainer:
    """Starts the same run over and over, in one folder."""

    def __init__(self, arguments: list[str], output: Path) -> None:
        self.output = output
        self.report = output.with_suffix(".txt")
        self._arguments = [*arguments, "--output", str(output)]
        kinds = multiprocessing.get_all_start_methods()
        kind = "forkserver" if "forkserver" in kinds else "spawn"
        self._context: Any = multiprocessing.get_context(kind)
        if kind == "forkserver":
            # torch is loaded once and not once a process.
            self._context.set_forkserver_preload(["napari_metaseg.cli.meta_train"])

    def start(self) -> Any:
        """Start it, or go on."""
        resume = ["--resume"] if (self.output / "settings.json").exists() else []
        arguments = [*self._arguments, *resume]
        process = self._context.Process(
            target=run_quietly, args=(arguments, str(self.report))
        )
        process.start()
        return process

    def finish(self) -> None:
        """Run to the end."""
        process = self.start()
        process.join()
        if process.exitcode:
            sys.exit(self.report.read_text(encoding="utf-8"))

    def killed_when(self, ready: Callable[[], bool], delay: float) -> bool:
        """Kill it some time after something has come; false if it ended before."""
        process = self.start()
        while process.is_alive() and not ready():
            time.sleep(0.0002)
        time.sleep(delay)
        alive = process.is_alive()
        if alive:
            process.kill()
        process.join()
        while (state := read_state(self.output)) is not None and state.going:
            # Of several processes, the others end by themselves.
            time.sleep(0.1)
        if not alive and process.exitcode:
            sys.exit(self.report.read_text(encoding="utf-8"))
        return bool(alive)


def moments(trainer: Trainer) -> list[tuple[str, Callable[[], bool]]]:
    """Return moments to kill at, by name."""
    folder = trainer.output
    began = len(read_log(folder))

    def at_step() -> bool:
        return len(read_log(folder)) > began

    def validating() -> bool:
        state = read_state(folder)
        return state is not None and state.state == "validating"

    return [
        ("after a meta-step", at_step),
        ("writing a checkpoint", (folder / ".checkpoint.safetensors.part").exists),
        ("starting", lambda: True),
        ("validating", validating),
    ]


def leftovers(folder: Path) -> list[str]:
    """Name what should not be there when a run has ended."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.name.startswith(".") or path.name == "control"
    ]


def without_seconds(path: Path) -> list[dict[str, Any]]:
    """Read lines, but for the time things took."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


def differences(one: Path, other: Path) -> list[str]:
    """Name the files of two runs that differ, and what is left over."""
    differ = [f for f in FILES if (one / f).read_bytes() != (other / f).read_bytes()]
    differ += [
        f for f in LINES if without_seconds(one / f) != without_seconds(other / f)
    ]
    return differ + leftovers(other)


def main() -> int:
    """Run the test."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", help="default: drawn")
    parser.add_argument("--init", metavar="BUNDLE", help="default: a tiny network")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = options.data or make_tasks(folder / "tasks", {"one": 0, "two": 1})
        held_out = make_tasks(folder / "held-out", {"three": 2})
        arguments = [
            *("meta-train", str(data)),
            *("--init", options.init or str(make_start(folder / "start"))),
            *("--algorithm", "fomaml", "--inner-steps", "1"),
            *("--processes", str(options.processes)),
            *("--tasks-per-step", str(options.processes)),
            *("--procedural-share", "0", "--device", "cpu"),
            *("--steps", str(options.steps), "--checkpoint-every", str(EVERY)),
            *("--validate", str(held_out), "--validate-every", str(2 * EVERY)),
        ]
        straight = Trainer(arguments, folder / "straight")
        straight.finish()
        trainer = Trainer(arguments, folder / "killed")
        kills = 0
        while kills < options.kills:
            choices = moments(trainer)
            title, ready = choices[kills % len(choices)]
            delay = float(rng.uniform(0, 0.3)) if title != "writing a checkpoint" else 0
            if not trainer.killed_when(ready, delay):
                break
            kills += 1
            done = len(read_log(trainer.output))
            left = ", ".join(leftovers(trainer.output)) or "nothing"
            print(
                f"kill {kills} ({title}): {done} steps logged; left: {left}", flush=True
            )
        trainer.finish()
        differ = differences(straight.output, trainer.output)
    verdict = f"differ: {', '.join(differ)}" if differ else "the same to the bit"
    print(f"{kills} of {options.kills} kills; {verdict}")
    return 1 if differ or kills < options.kills else 0


if __name__ == "__main__":
    sys.exit(main())
