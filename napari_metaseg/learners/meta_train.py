"""The outer loop: a generator of meta-steps that can stop and go on at any step."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from .episode import EpisodeTensors
from .meta_gradient import MetaState, OuterSettings, meta_gradient
from .outer_step import GradientMoments, update
from .ranks import Ranks

ALONE = Ranks()

EpisodeSource = Callable[[int, int], EpisodeTensors]
"""Gives the episode of (meta-step, index)."""


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """The outer loop.

    Attributes
    ----------
    steps : int or None
        Number of meta-steps; None if only time limits them.
    tasks_per_step : int
        Episodes whose meta-gradients are averaged.
    rate : float
        Rate at the start, see `update`; it falls to 0 along a half cosine of the
        share of the budget that is spent.
    rate_of_rates : float
        The same for the logarithms of the inner rates.
    clip : float
        Largest norm of the meta-gradient.
    average : float
        Decay of the exponential average of the weights, which is what a bundle
        holds.
    seed : int
        Fixes everything that is random.
    """

    steps: int | None = 1000
    tasks_per_step: int = 4
    rate: float = 1e-3
    rate_of_rates: float = 1e-2
    clip: float = 2.0
    average: float = 0.99
    seed: int = 0


@dataclass
class Progress:
    """Everything a run needs to go on: the only mutable state of meta-training.

    Attributes
    ----------
    step : int
        Meta-steps done.
    state : MetaState
        Weights and inner rates.
    average : list of Tensor
        Their exponential average, in the order of `MetaState.tensors`.
    moments : list of GradientMoments
        Of their gradients, likewise.
    """

    step: int
    state: MetaState
    average: list[Tensor]
    moments: list[GradientMoments]


def start(params: dict[str, Tensor], rates: dict[str, float]) -> Progress:
    """Begin a run from given weights.

    Parameters
    ----------
    params : dict of str to Tensor
        Initial weights; cloned.
    rates : dict of str to float
        Inner rate to start with of each tensor that the inner loop adapts.
    """
    leaves = {k: v.detach().clone().requires_grad_() for k, v in params.items()}
    log_rates = {
        k: torch.tensor(math.log(rate), device=leaves[k].device, requires_grad=True)
        for k, rate in rates.items()
    }
    state = MetaState(leaves, log_rates)
    return Progress(
        0,
        state,
        [t.detach().clone() for t in state.tensors()],
        [
            GradientMoments(torch.zeros_like(t), torch.zeros_like(t))
            for t in state.tensors()
        ],
    )


def meta_train(
    network: nn.Module,
    progress: Progress,
    episodes: EpisodeSource,
    outer: OuterSettings,
    settings: TrainSettings,
    ranks: Ranks = ALONE,
    time_spent: Callable[[], float] = lambda: 0.0,
) -> Generator[dict[str, float], None, None]:
    """Take meta-steps from where ``progress`` stands until the budget is spent.

    Parameters
    ----------
    network : nn.Module
        Supplies the structure.
    progress : Progress
        Changed in place, step by step.
    episodes : callable
        Source of episodes by number.
    outer : OuterSettings
        Algorithm and outer loss.
    settings : TrainSettings
        Outer loop.
    ranks : Ranks
        Processes that share each meta-step's episodes. All of them end with the same
        weights, and those of one process that takes all episodes, up to the order in
        which meta-gradients are added.
    time_spent : callable
        Share of the time that is spent, where that is limited; 1 ends the run.

    Yields
    ------
    dict of str to float
        Metrics of the meta-step, among them ``step`` and ``skipped`` (episodes
        whose gradient was not finite).

    Raises
    ------
    FloatingPointError
        If a meta-step has no finite gradient at all.
    """
    with ThreadPoolExecutor(1) as ahead:

        def order(step: int) -> list[EpisodeTensors]:
            mine = ranks.share(settings.tasks_per_step)
            return [episodes(step, i) for i in mine]

        def spent() -> float:
            total = math.inf if settings.steps is None else max(settings.steps, 1)
            return max(progress.step / total, ranks.from_first(time_spent()))

        pending = ahead.submit(order, progress.step)
        while (share := spent()) < 1:
            batch = pending.result()
            pending = ahead.submit(order, progress.step + 1)
            gradient, metrics = _gradient_of_step(
                network, progress, batch, outer, settings, ranks, share
            )
            _outer_step(progress, gradient, settings, share)
            yield metrics | {"step": progress.step}
        pending.cancel()


def _gradient_of_step(
    network: nn.Module,
    progress: Progress,
    batch: list[EpisodeTensors],
    outer: OuterSettings,
    settings: TrainSettings,
    ranks: Ranks,
    spent: float,
) -> tuple[list[Tensor], dict[str, float]]:
    """Return the meta-gradient of a meta-step, clipped, and its metrics."""
    count = settings.tasks_per_step
    rng = np.random.default_rng([settings.seed, progress.step])
    # Drawn for all episodes, so that each gets the same whoever takes it.
    chances = rng.random((count, 2)) < (outer.blank_chance, outer.drop_chance)
    total = [torch.zeros_like(t) for t in progress.state.tensors()]
    logs: list[dict[str, float]] = []
    for i, episode in zip(ranks.share(count), batch, strict=True):
        blank, drop = chances[i]
        seen = episode.without_evidence() if drop else episode
        result = meta_gradient(network, progress.state, seen, outer, bool(blank), spent)
        if all(torch.isfinite(g).all() for g in result.gradients):
            total = [t + g for t, g in zip(total, result.gradients, strict=True)]
            logs.append(result.metrics)
    total, logs = ranks.add_up(total), ranks.gather(logs)
    if not logs:
        raise FloatingPointError(
            f"No finite meta-gradient at step {progress.step}; lower the rate."
        )
    gradient = [t / len(logs) for t in total]
    norm = math.sqrt(sum(float(g.square().sum()) for g in gradient))
    scale = min(1.0, settings.clip / (norm + 1e-12))
    keys = sorted({k for log in logs for k in log})
    means = {k: float(np.mean([g[k] for g in logs if k in g])) for k in keys}
    more = {"norm": norm, "skipped": count - len(logs)}
    return [g * scale for g in gradient], means | more


def _outer_step(
    progress: Progress, gradient: list[Tensor], settings: TrainSettings, spent: float
) -> None:
    """Move everything that is learned, then the average of the weights."""
    progress.step += 1
    t = progress.step
    fall = 0.5 * (1 + math.cos(math.pi * spent))
    warm = min(1.0, t / 50)
    decay = min(settings.average, t / (t + 9))
    weights = len(progress.state.params)
    with torch.no_grad():
        for i, (tensor, g) in enumerate(
            zip(progress.state.tensors(), gradient, strict=True)
        ):
            rate = settings.rate if i < weights else settings.rate_of_rates
            tensor -= rate * fall * warm * update(progress.moments[i], g, t)
            progress.average[i].lerp_(tensor, 1 - decay)
