"""Reptile for classification, with the inner loop of its authors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from napari_metaseg.core.cell_evidence import evidence_among
from napari_metaseg.core.cell_network import CellNetwork, transferred

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from torch import Tensor

    from napari_metaseg.core.cell_fit import KnownCells

    Draw = Callable[[np.random.Generator, int, int], KnownCells]


@dataclass(frozen=True, slots=True)
class ReptileSettings:
    """Settings of Reptile; those of its authors for 5-way 5-shot mini-ImageNet.

    Attributes
    ----------
    steps : int
        Meta-steps; the authors take 100 000.
    tasks_per_step : int
        Episodes of a meta-step.
    inner_steps, inner_batch : int
        Steps on an episode, and cells in each.
    inner_rate : float
        Of Adam without momentum, whose second moments outlive the episode, as in the
        authors' program.
    outer_rate : float
        How far to go to the mean of the adapted weights at first; falls linearly to 0.
    ways, shots : int
        Classes of an episode, and cells of each; more than the 5 of a test.
    seed : int
        Of weights and episodes.
    """

    steps: int = 100_000
    tasks_per_step: int = 5
    inner_steps: int = 8
    inner_batch: int = 10
    inner_rate: float = 1e-3
    outer_rate: float = 1.0
    ways: int = 5
    shots: int = 15
    seed: int = 0


@dataclass(frozen=True, slots=True)
class MetaStep:
    """What a meta-step gave.

    Attributes
    ----------
    step : int
        Its number, from 1.
    before, after : float
        Mean loss of its episodes at the initialization, and after the inner loop.
    """

    step: int
    before: float
    after: float


def train_reptile(
    draw: Draw, settings: ReptileSettings, body: Mapping[str, Tensor] | None = None
) -> Generator[MetaStep, None, CellNetwork]:
    """Meta-train a network by Reptile (Nichol et al. 2018, algorithm 2).

    Parameters
    ----------
    draw : callable
        Takes a source of chance, ways and shots, and returns an episode.
    settings : ReptileSettings
        All of them.
    body : mapping of str to Tensor, optional
        Weights to begin with, see `CellNetwork.body`; random ones if missing.

    Yields
    ------
    MetaStep

    Returns
    -------
    CellNetwork
        The initialization, with the last layer that it was trained with.
    """
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    net = transferred(body or {}, settings.ways)
    adam = torch.optim.Adam(net.parameters(), settings.inner_rate, betas=(0.0, 0.999))
    start = [p.detach().clone() for p in net.parameters()]
    for step in range(1, settings.steps + 1):
        moved = [torch.zeros_like(p) for p in start]
        losses = np.zeros(2)
        for _ in range(settings.tasks_per_step):
            with torch.no_grad():
                for p, value in zip(net.parameters(), start, strict=True):
                    p.copy_(value)
            losses += _learn(
                net, adam, draw(rng, settings.ways, settings.shots), settings, rng
            )
            with torch.no_grad():
                for sum_, p, value in zip(moved, net.parameters(), start, strict=True):
                    sum_ += p - value
        outer = settings.outer_rate * (1 - (step - 1) / settings.steps)
        for value, sum_ in zip(start, moved, strict=True):
            value += sum_ * (outer / settings.tasks_per_step)
        before, after = (losses / settings.tasks_per_step).tolist()
        yield MetaStep(step, before, after)
    with torch.no_grad():
        for p, value in zip(net.parameters(), start, strict=True):
            p.copy_(value)
    return net


def _told(episode: KnownCells, count: int) -> torch.Tensor:
    """Judge each cell by the others; a class that has none is the least likely."""
    present = int(episode.classes.max()) + 1
    told = evidence_among(episode.measures, episode.classes, present)
    least = told.amin(1, keepdim=True).expand(-1, count - present)
    return torch.cat([told, least], 1)


def _learn(
    net: CellNetwork,
    adam: torch.optim.Adam,
    episode: KnownCells,
    settings: ReptileSettings,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Take the inner steps; return the first and the last batch's loss."""
    losses = []
    count = net.head.out_features
    told = _told(episode, count)
    for _ in range(settings.inner_steps):
        order = rng.permutation(len(episode.classes))[: settings.inner_batch]
        chosen = torch.from_numpy(order)
        batch = episode.part(chosen)
        logits = net(batch.inputs, batch.sizes, told[chosen])
        loss = F.cross_entropy(logits, batch.classes)
        adam.zero_grad()
        torch.autograd.backward(loss)
        adam.step()
        losses.append(float(loss.detach()))
    return losses[0], losses[-1]
