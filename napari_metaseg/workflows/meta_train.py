"""Meta-training: from a folder of tasks to a bundle, in a run that can be resumed."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from napari_metaseg.core.devices import pick_device
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.growth import widen
from napari_metaseg.core.network import WIDTHS, Architecture, Params, PrototypeUNet
from napari_metaseg.core.recipe import GradientSteps, Proximal, adapted_names
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.data.stream import EpisodeStream
from napari_metaseg.io.bundle import Bundle, check_size, load_bundle
from napari_metaseg.learners.checkpoint import load_checkpoint
from napari_metaseg.learners.episode import EpisodeTensors
from napari_metaseg.learners.meta_train import Progress, meta_train, start
from napari_metaseg.learners.ranks import Ranks, device_of_rank, joined_ranks

from .drawer import Drawer, drawer_of, draws_by_another
from .run_card import versions
from .run_folder import CHECKPOINT, claim
from .run_lead import Lead
from .run_settings import FIRST_RATE, RunSettings
from .validate import validation_draws

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

    from napari_metaseg.data.folders import TaskFolder
    from napari_metaseg.learners.meta_train import EpisodeSource

    from .benchmark.draws import Draw
    from .run_lead import MetaSteps


def run_meta_training(
    settings: RunSettings,
    output: Path,
    *,
    device: str = "auto",
    resume: bool = False,
    keep: bool = False,
    command: str = "",
    pause: Callable[[], bool] = lambda: False,
) -> Generator[dict[str, float], None, Path | None]:
    """Meta-train an initialization and write its bundle.

    `run_folder` describes the folder of a run. Episodes are numbered, so a resumed run
    sees what an uninterrupted one would have seen. Processes that a launcher started
    share the episodes of each meta-step, and the first of them writes and yields.

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
    pause : callable
        Whether to pause now, beside what ``control`` in the folder says.

    Yields
    ------
    dict of str to float
        Metrics of each meta-step and of each evaluation. Closing the generator is like
        killing the process.

    Returns
    -------
    Path or None
        The bundle; None if the run was paused.

    Raises
    ------
    UserError
        If the settings make no sense, the folder holds another run, or the data cannot
        be used.
    """
    _check(settings)
    with joined_ranks() as ranks:
        run = _run(settings, output, ranks, device, resume, keep, command, pause)
        return (yield from run)


def _check(settings: RunSettings) -> None:
    validation = settings.validation
    counts = {
        "steps": settings.train.steps,
        "checkpoint-every": settings.checkpoint_every,
        "tasks-per-step": settings.train.tasks_per_step,
        "validate-every": None if validation is None else validation.every,
    }
    if settings.outer.algorithm != "pooled":
        counts["inner-steps"] = settings.outer.inner_steps
    for name, count in counts.items():
        if count is not None and count < 1:
            raise UserError(f"--{name} is {count}; give 1 or more.")
    chances = {
        "procedural-share": settings.procedural_share,
        "blank-chance": settings.outer.blank_chance,
        "drop-chance": settings.outer.drop_chance,
        "multi-step": settings.outer.multi_step,
    }
    for name, chance in chances.items():
        if not 0 <= chance <= 1:
            raise UserError(f"--{name} is {chance:g}; give a number from 0 to 1.")
    if not 0 <= settings.train.rate < math.inf:
        raise UserError(f"--rate is {settings.train.rate:g}; give 0 or more, finite.")
    if settings.train.seed < 0:
        raise UserError(f"--seed is {settings.train.seed}; give 0 or more.")
    widths = () if settings.architecture is None else settings.architecture.widths
    if not all(width in WIDTHS for width in widths):
        raise UserError(
            f"--widths has {min(widths)} to {max(widths)}; give numbers from "
            f"{WIDTHS[0]} to {WIDTHS[-1]}."
        )
    if settings.minutes is None and settings.train.steps is None:
        raise UserError("The run has no end; give it --steps or --minutes.")
    if settings.minutes is not None and not settings.minutes > 0:
        raise UserError(f"--minutes is {settings.minutes:g}; give more than 0.")


def _run(
    settings: RunSettings,
    output: Path,
    ranks: Ranks,
    device: str,
    resume: bool,
    keep: bool,
    command: str,
    pause: Callable[[], bool],
) -> Generator[dict[str, float], None, Path | None]:
    """Train as one of the processes, of which the first alone writes and yields."""
    chosen = device_of_rank(pick_device(device))
    # Seeds the random weights of a run that starts from nothing.
    torch.manual_seed(settings.train.seed)
    parent = None if settings.init is None else load_bundle(settings.init)
    network, progress = _begin(settings, parent, chosen)
    drawer = _drawer(settings, parent, network.architecture)
    check_size(progress.state.params, None if drawer is None else drawer.params)
    tasks = read_tasks(Path(settings.data), settings.tasks)
    episodes = _episodes(settings, tasks, chosen)
    outer = settings.outer
    if outer.algorithm == "imaml":
        names = _adapted(settings, progress.state.params)
        outer = replace(outer, proximal=Proximal(names, settings.proximal))
    draws: list[Draw] = []
    if ranks.first:
        if settings.validation is not None:
            draws = validation_draws(settings.validation, tasks)
        data = _hash_of([*tasks, *(draw.task for draw in draws)])
        claim(output, asdict(settings), resume=resume, data=data, versions=versions())
    ranks.wait()
    processes = ranks.processes_here()
    if (output / CHECKPOINT).exists():
        progress = load_checkpoint(output / CHECKPOINT, progress)
    elif keep:
        raise UserError(
            f"The run in '{output}' has no checkpoint yet; go on with --resume."
        )

    def steps(time_spent: Callable[[], float]) -> MetaSteps:
        return meta_train(
            network, progress, episodes, outer, settings.train, ranks, time_spent
        )

    bundle = None
    if ranks.first:
        lead = Lead(
            output=output,
            settings=settings,
            outer=outer,
            progress=progress,
            architecture=network.architecture,
            parent=parent,
            drawer=drawer,
            tasks=tasks,
            draws=draws,
            device=chosen,
            command=command,
            pause=pause,
            ranks=ranks,
            processes=processes,
        )
        bundle = yield from lead.run(steps, keep=keep)
    elif not keep:
        run = steps(lambda: 0.0)
        while ranks.from_first(None) is None and next(run, None) is not None:
            pass
        run.close()
    return ranks.from_first(bundle)


def _episodes(
    settings: RunSettings, tasks: list[TaskFolder], device: torch.device
) -> EpisodeSource:
    """Return what draws an episode by the numbers of its meta-step and its own."""
    stream = EpisodeStream(
        tasks, settings.train.seed, settings.procedural_share, settings.episodes
    )

    def draw(step: int, index: int) -> EpisodeTensors:
        episode = stream.episode(step, index)
        target = episode.query.target
        return EpisodeTensors(
            episode.support.to(device),
            episode.query.inputs.to(device),
            type(target)(*(t.to(device) for t in target)),
        )

    return draw


def _hash_of(tasks: Iterable[TaskFolder]) -> str:
    lines = (f"{task.name} {task.sha256}\n" for task in tasks)
    return sha256("".join(lines).encode()).hexdigest()


def _begin(
    settings: RunSettings, parent: Bundle | None, device: torch.device
) -> tuple[PrototypeUNet, Progress]:
    layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    usual = parent.architecture if parent else Architecture()
    architecture = settings.architecture or usual
    network = PrototypeUNet(architecture)
    if parent is not None:
        params = widen(parent.params, parent.architecture, architecture)
        network.load_state_dict(params)
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


def _drawer(
    settings: RunSettings, parent: Bundle | None, architecture: Architecture
) -> Drawer | None:
    """Return what draws before adaptation, if not the trained network."""
    if settings.unadapted is not None:
        bundle = load_bundle(settings.unadapted)
        if bundle.architecture == architecture:
            return drawer_of(bundle)
        raise UserError(
            f"'{settings.unadapted}' is a network of other widths than the one that is "
            "trained, so it cannot draw in its place; leave out --unadapted."
        )
    # What is trained to draw as it is does so.
    if parent is None or settings.outer.algorithm == "pooled":
        return None
    kept = draws_by_another(parent) and parent.architecture == architecture
    return drawer_of(parent) if kept else None


def _adapted(settings: RunSettings, params: Params) -> tuple[str, ...]:
    return adapted_names(params, settings.adapts)
