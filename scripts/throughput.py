"""How many episodes a second meta-training takes, and what keeps it waiting.

``python scripts/throughput.py TASKS`` times three loops over the same episodes: drawing
them alone; the plain loop, which draws an episode and then learns from it; and
`meta_train`, which draws those of the next meta-step in a thread meanwhile. Of an
NVIDIA GPU the utilisation, as ``nvidia-smi`` counts it, is printed too.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import torch

from napari_metaseg.core.devices import pick_device
from napari_metaseg.core.network import PrototypeUNet
from napari_metaseg.core.recipe import adapted_names
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.data.stream import EpisodeStream
from napari_metaseg.io.bundle import load_bundle
from napari_metaseg.learners.episode import EpisodeTensors
from napari_metaseg.learners.meta_gradient import (
    ALGORITHMS,
    OuterSettings,
    meta_gradient,
)
from napari_metaseg.learners.meta_train import TrainSettings, meta_train, start

if TYPE_CHECKING:
    from collections.abc import Callable

FORMAT = "--format=csv,noheader,nounits"


class Utilisation:
    """Samples how busy an NVIDIA GPU is, by ``nvidia-smi``; of other devices nothing.

    Attributes
    ----------
    samples : list of int
        Per cent, five times a second; known once it has ended.
    """

    def __init__(self, device: torch.device) -> None:
        self.samples: list[int] = []
        self._process: subprocess.Popen[str] | None = None
        self._command: list[str] = []
        if device.type == "cuda" and shutil.which("nvidia-smi"):
            number = torch.cuda.get_device_properties(device).uuid
            self._command = ["nvidia-smi", f"--id=GPU-{number}", "--loop-ms=200"]
            self._command += ["--query-gpu=utilization.gpu", FORMAT]

    def __enter__(self) -> Self:
        """Begin."""
        if self._command:
            self._process = subprocess.Popen(
                self._command, stdout=subprocess.PIPE, text=True
            )
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        if self._process is not None:
            self._process.terminate()
            told, _errors = self._process.communicate()
            self.samples = [int(line) for line in told.split() if line.isdigit()]

    def __str__(self) -> str:
        """Return the mean, if there is one."""
        if not self.samples:
            return ""
        return f", GPU busy {statistics.mean(self.samples):.0f} %"


def timed(
    title: str, device: torch.device, episodes: int, loop: Callable[[], object]
) -> None:
    """Time a loop and print its episodes per second."""
    with Utilisation(device) as busy:
        begin = time.perf_counter()
        loop()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds = time.perf_counter() - begin
    print(f"{title}: {episodes / seconds:.2f} episodes/s{busy}", flush=True)


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", type=Path, metavar="TASKS")
    parser.add_argument("--algorithm", default="fomaml", choices=ALGORITHMS[:3])
    parser.add_argument("--init", default="maml")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--tasks-per-step", type=int, default=4)
    parser.add_argument("--procedural-share", type=float, default=0.35)
    parser.add_argument("--half", action="store_true")
    options = parser.parse_args()
    device = pick_device(options.device)
    stream = EpisodeStream(read_tasks(options.tasks), 0, options.procedural_share)
    bundle = load_bundle(options.init)
    network = PrototypeUNet(bundle.architecture)
    network.load_state_dict(bundle.params)
    layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    network = network.to(device).to(memory_format=layout)  # type: ignore[call-overload]
    params = dict(network.named_parameters())
    outer = OuterSettings(options.algorithm, half=options.half)
    rates = {} if options.algorithm == "pooled" else adapted_names(params, "deciding")
    count = options.tasks_per_step
    settings = TrainSettings(steps=options.steps, tasks_per_step=count)
    numbers = [(s, i) for s in range(options.steps) for i in range(count)]

    def draw(step: int, index: int) -> EpisodeTensors:
        episode = stream.episode(step, index)
        target = episode.query.target
        return EpisodeTensors(
            episode.support.to(device),
            episode.query.inputs.to(device),
            type(target)(*(t.to(device) for t in target)),
        )

    def plain() -> None:
        state = start(params, dict.fromkeys(rates, 0.005)).state
        for number in numbers:
            meta_gradient(network, state, draw(*number), outer, False)

    def ahead() -> None:
        progress = start(params, dict.fromkeys(rates, 0.005))
        for _ in meta_train(network, progress, draw, outer, settings):
            pass

    threads = torch.get_num_threads()
    print(f"{options.algorithm} on {device.type}, {threads} threads, {count} a step")
    # The first episode pays for what is prepared once.
    pooled = OuterSettings("pooled")
    meta_gradient(network, start(params, {}).state, draw(0, 0), pooled, False)
    timed("drawing alone", device, len(numbers), lambda: [draw(*n) for n in numbers])
    timed("plain loop", device, len(numbers), plain)
    timed("meta_train", device, len(numbers), ahead)
    return 0


if __name__ == "__main__":
    sys.exit(main())
