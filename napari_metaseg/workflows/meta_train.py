"""Meta-training: from a folder of tasks to a bundle, in a run that can be resumed."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from napari_metaseg.core.devices import pick_device
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.network import Architecture, Params, PrototypeUNet
from napari_metaseg.core.proximal import ProximalSettings
from napari_metaseg.core.recipe import (
    Adapts,
    GradientSteps,
    Proximal,
    Recipe,
    adapted_names,
)
from napari_metaseg.data.episodes import EpisodeSettings
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.data.stream import EpisodeStream
from napari_metaseg.io.bundle import Bundle, load_bundle, recipe_card, save_bundle
from napari_metaseg.learners.checkpoint import load_checkpoint, save_checkpoint
from napari_metaseg.learners.episode import EpisodeTensors
from napari_metaseg.learners.meta_gradient import OuterSettings
from napari_metaseg.learners.meta_train import (
    Progress,
    TrainSettings,
    meta_train,
    start,
)
from napari_metaseg.learners.ranks import Ranks, device_of_rank, joined_ranks

from .run_card import make_card
from .run_folder import CHECKPOINT, LOG, claim, trim_log

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

INNER_PROBLEM = ProximalSettings(strength=2.0, tolerance=0.03, max_evaluations=60)

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
    adapts : str
        What the inner loop adapts, see `napari_metaseg.core.recipe.Adapts`.
    proximal : ProximalSettings
        The inner problem of iMAML.
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
    adapts: Adapts = "deciding"
    proximal: ProximalSettings = INNER_PROBLEM
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
    uninterrupted one would have seen. Under ``torchrun`` the processes share the
    episodes of each meta-step, and the first of them writes and yields.

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
    with joined_ranks() as ranks:
        run = _run(settings, output, ranks, device, resume, keep, command)
        return (yield from run)


def _run(
    settings: RunSettings,
    output: Path,
    ranks: Ranks,
    device: str,
    resume: bool,
    keep: bool,
    command: str,
) -> Generator[dict[str, float], None, Path]:
    """Train as one of the processes, of which the first alone writes and yields."""
    chosen = device_of_rank(pick_device(device))
    # Seeds the random weights of a run that starts from nothing.
    torch.manual_seed(settings.train.seed)
    parent = None if settings.init is None else load_bundle(settings.init)
    network, progress = _begin(settings, parent, chosen)
    tasks = read_tasks(Path(settings.data), settings.tasks)
    stream = EpisodeStream(
        tasks, settings.train.seed, settings.procedural_share, settings.episodes
    )
    outer = settings.outer
    if outer.algorithm == "imaml":
        names = _adapted(settings, progress.state.params)
        outer = replace(outer, proximal=Proximal(names, settings.proximal))
    if ranks.first:
        claim(output, asdict(settings), resume=resume)
    ranks.wait()
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
            episode.query.inputs.to(chosen),
            type(episode.query.target)(*(t.to(chosen) for t in episode.query.target)),
        )

    if not keep:
        run = meta_train(network, progress, source, outer, settings.train, ranks)
        if ranks.first:
            yield from _written(run, progress, output, settings.checkpoint_every)
        else:
            exhaust(run)
    bundle = output / "bundle"
    if ranks.first:
        card = make_card(settings, network.architecture, parent, tasks, command)
        write_bundle(bundle, progress, card, outer)
    ranks.wait()
    return bundle


def _written(
    run: Generator[dict[str, float], None, None],
    progress: Progress,
    output: Path,
    every: int,
) -> Generator[dict[str, float], None, None]:
    """Log each meta-step of a run, and keep checkpoints."""
    trim_log(output / LOG, progress.step)
    with (output / LOG).open("a", encoding="utf-8") as log:
        clock = time.perf_counter()
        for metrics in run:
            now = time.perf_counter()
            metrics |= {"seconds": now - clock}
            clock = now
            log.write(json.dumps(metrics) + "\n")
            if progress.step % every == 0:
                log.flush()
                save_checkpoint(output / CHECKPOINT, progress)
            yield metrics
    save_checkpoint(output / CHECKPOINT, progress)


def _begin(
    settings: RunSettings, parent: Bundle | None, device: torch.device
) -> tuple[PrototypeUNet, Progress]:
    layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    network = PrototypeUNet(parent.architecture if parent else settings.architecture)
    if parent is not None:
        network.load_state_dict(parent.params)
    learned: Mapping[str, float] = {}
    if parent is not None and isinstance(parent.recipe, GradientSteps):
        learned = parent.recipe.rates
    # The layout is set after loading, so that a start from a bundle and one from
    # random weights round alike.
    moved = network.to(device).to(memory_format=layout)  # type: ignore[call-overload]
    params = dict(moved.named_parameters())
    match settings.outer.algorithm:
        case "imaml":
            rates = {}
        case "pooled":
            # It takes no inner step, and hands on the rates that others have learned.
            rates = dict(learned)
        case _:
            names = _adapted(settings, params)
            rates = {k: learned.get(k, FIRST_RATE) for k in names}
    return network, start(params, rates)


def _adapted(settings: RunSettings, params: Params) -> tuple[str, ...]:
    return adapted_names(params, settings.adapts)


def write_bundle(
    folder: Path, progress: Progress, card: dict[str, Any], outer: OuterSettings
) -> Path:
    """Write the averaged weights of a run with their card.

    Parameters
    ----------
    folder : Path
        Folder of the bundle; replaced if there.
    progress : Progress
        State of the run.
    card : dict
        What `make_card` says of the run.
    outer : OuterSettings
        Says by which recipe the initialization is adapted.

    Returns
    -------
    Path
        ``folder``.
    """
    names = list(progress.state.params)
    average = progress.average
    rates = {
        k: float(r.exp())
        for k, r in zip(progress.state.log_rates, average[len(names) :], strict=True)
    }
    steps = 0 if outer.algorithm == "pooled" else outer.inner_steps
    recipe: Recipe = GradientSteps(rates, steps)
    if outer.proximal is not None:
        recipe = outer.proximal
    full = card | {
        "recipe": recipe_card(recipe),
        "training": card["training"] | {"meta_steps": progress.step},
    }
    save_bundle(folder, dict(zip(names, average, strict=False)), full, overwrite=True)
    return folder
