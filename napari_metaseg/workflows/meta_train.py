"""Meta-training: from a folder of tasks to a bundle, in a run that can be resumed."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from napari_metaseg import __version__
from napari_metaseg.core.devices import pick_device
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.intensity import HIGH, LOW
from napari_metaseg.core.network import Architecture, PrototypeUNet
from napari_metaseg.core.scaling import WORKING_DIAMETER
from napari_metaseg.data.episodes import EpisodeSettings
from napari_metaseg.data.folders import TaskFolder, read_tasks
from napari_metaseg.data.stream import PROCEDURAL, EpisodeStream
from napari_metaseg.io.bundle import Bundle, load_bundle, save_bundle
from napari_metaseg.learners.checkpoint import load_checkpoint, save_checkpoint
from napari_metaseg.learners.meta_gradient import EpisodeTensors, OuterSettings
from napari_metaseg.learners.meta_train import (
    Progress,
    TrainSettings,
    meta_train,
    start,
)

from .run_folder import CHECKPOINT, LOG, claim, trim_log

if TYPE_CHECKING:
    from collections.abc import Generator

FIRST_RATE = 0.005
"""Inner rate to start with: at ten times this, one inner loop destroys a
pre-trained initialization and meta-training spends its budget on recovering."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Everything that fixes a run.

    Attributes
    ----------
    data : str
        Folder of tasks.
    tasks : tuple of str or None
        Their names; None for all.
    init : str or None
        Bundle to start from; None for random weights.
    procedural_share : float
        Share of procedural episodes.
    checkpoint_every : int
        Meta-steps between checkpoints.
    architecture : Architecture
        Network to start from random weights.
    outer : OuterSettings
        Algorithm and outer loss.
    train : TrainSettings
        Outer loop.
    episodes : EpisodeSettings
        How episodes are drawn.
    """

    data: str
    tasks: tuple[str, ...] | None = None
    init: str | None = None
    procedural_share: float = 0.35
    checkpoint_every: int = 50
    architecture: Architecture = field(default_factory=Architecture)
    outer: OuterSettings = field(default_factory=OuterSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    episodes: EpisodeSettings = field(default_factory=EpisodeSettings)


def run_meta_training(
    settings: RunSettings,
    output: Path,
    *,
    device: str = "auto",
    resume: bool = False,
    keep: bool = False,
    command: str = "",
) -> Generator[dict[str, float], None, Path]:
    """Meta-train an initialization and write its bundle.

    A run is a folder: settings, a log with one line a meta-step, a checkpoint, and
    at the end the bundle. Episodes are numbered, so a resumed run sees what an
    uninterrupted one would have seen.

    Parameters
    ----------
    settings : RunSettings
        What to do.
    output : Path
        Folder of the run.
    device : str
        See `pick_device`.
    resume : bool
        Go on from the checkpoint in ``output``.
    keep : bool
        With ``resume``: train no further, write the bundle of what there is.
    command : str
        Command line, for the card.

    Yields
    ------
    dict of str to float
        Metrics of each meta-step.

    Returns
    -------
    Path
        The bundle.

    Raises
    ------
    UserError
        If the folder holds another run, or the data cannot be used.
    """
    chosen = pick_device(device)
    # Seeds the random weights of a run that starts from nothing.
    torch.manual_seed(settings.train.seed)
    parent = None if settings.init is None else load_bundle(settings.init)
    network, progress = _begin(settings, parent, chosen)
    tasks = read_tasks(Path(settings.data), settings.tasks)
    stream = EpisodeStream(
        tasks, settings.train.seed, settings.procedural_share, settings.episodes
    )
    claim(output, asdict(settings), resume=resume)
    if (output / CHECKPOINT).exists():
        progress = load_checkpoint(output / CHECKPOINT, progress)
    elif keep:
        raise UserError(
            f"The run in '{output}' has no checkpoint yet; go on with --resume."
        )

    def source(step: int, index: int) -> EpisodeTensors:
        episode = stream.episode(step, index)
        return EpisodeTensors(
            episode.support.to(chosen),
            episode.query.images.to(chosen),
            type(episode.query.target)(*(t.to(chosen) for t in episode.query.target)),
        )

    card = make_card(settings, network.architecture, parent, tasks, command)
    if keep:
        return write_bundle(output / "bundle", progress, card)
    trim_log(output / LOG, progress.step)
    with (output / LOG).open("a", encoding="utf-8") as log:
        clock = time.perf_counter()
        for metrics in meta_train(
            network, progress, source, settings.outer, settings.train
        ):
            now = time.perf_counter()
            metrics |= {"seconds": now - clock}
            clock = now
            log.write(json.dumps(metrics) + "\n")
            if progress.step % settings.checkpoint_every == 0:
                log.flush()
                save_checkpoint(output / CHECKPOINT, progress)
            yield metrics
    save_checkpoint(output / CHECKPOINT, progress)
    return write_bundle(output / "bundle", progress, card)


def _begin(
    settings: RunSettings, parent: Bundle | None, device: torch.device
) -> tuple[PrototypeUNet, Progress]:
    layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    log_rate: float | dict[str, float] = math.log(FIRST_RATE)
    network = PrototypeUNet(parent.architecture if parent else settings.architecture)
    if parent is not None:
        network.load_state_dict(parent.params)
        if parent.recipe.steps:
            log_rate = {
                k: math.log(max(r, 1e-8)) for k, r in parent.recipe.rates.items()
            }
    # The layout is set after loading, so that a start from a bundle and one from
    # random weights round alike.
    moved = network.to(device).to(memory_format=layout)  # type: ignore[call-overload]
    return network, start(dict(moved.named_parameters()), log_rate)


def make_card(
    settings: RunSettings,
    architecture: Architecture,
    parent: Bundle | None,
    tasks: list[TaskFolder],
    command: str,
) -> dict[str, Any]:
    """Describe a run, as far as it is known before its end.

    Parameters
    ----------
    settings : RunSettings
        Settings of the run.
    architecture : Architecture
        The network.
    parent : Bundle or None
        What the run started from.
    tasks : list of TaskFolder
        What it trains on.
    command : str
        Command line.

    Returns
    -------
    dict
        Card without recipe.
    """
    known = asdict(settings) | {"data": Path(settings.data).name}
    ancestry = None
    if parent is not None:
        known["init"] = parent.card.get("name")
        ancestry = {k: parent.card.get(k) for k in ("algorithm", "sha256", "training")}
    return {
        "name": settings.outer.algorithm,
        "algorithm": settings.outer.algorithm,
        "version": __version__,
        "torch": torch.__version__,
        "architecture": architecture.as_dict(),
        "working_diameter": WORKING_DIAMETER,
        "normalisation": {"low_percentile": LOW, "high_percentile": HIGH},
        "training": {
            "command": command,
            "settings": known,
            "tasks": _provenance(tasks, settings.procedural_share),
            "parent": ancestry,
        },
        "metrics": {},
    }


def write_bundle(folder: Path, progress: Progress, card: dict[str, Any]) -> Path:
    """Write the averaged weights of a run with their card.

    Parameters
    ----------
    folder : Path
        Folder of the bundle; replaced if there.
    progress : Progress
        State of the run.
    card : dict
        What `make_card` says of the run.

    Returns
    -------
    Path
        ``folder``.
    """
    names = list(progress.state.params)
    average = progress.average
    pooled = card["algorithm"] == "pooled"
    rates = [0.0 if pooled else float(r.exp()) for r in average[len(names) :]]
    steps = 0 if pooled else card["training"]["settings"]["outer"]["inner_steps"]
    full = card | {
        "recipe": {"steps": steps, "rates": dict(zip(names, rates, strict=True))},
        "training": card["training"] | {"meta_steps": progress.step},
    }
    save_bundle(folder, dict(zip(names, average, strict=False)), full, overwrite=True)
    return folder


def _provenance(tasks: list[TaskFolder], procedural: float) -> list[dict[str, Any]]:
    rows = [
        {"task": t.name, "source": t.info.source, "licence": t.info.licence}
        for t in tasks
    ]
    if procedural:
        rows.append(
            {
                "task": "procedural",
                "source": "generated by napari-metaseg",
                "licence": PROCEDURAL.licence,
            }
        )
    return rows
