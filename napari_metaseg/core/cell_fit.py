"""How the network for classes of cells is fitted to a few examples."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from .cell_evidence import evidence_among, fit_evidence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .cell_network import CellNetwork

SHARPNESS = 2.0 ** torch.arange(-2, 4.5, 0.5)
"""Factors by which logits are sharpened or blunted before they are judged."""

GAIN = 0.02
"""Loss (nats an example) that is worth further steps."""


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How a network is fitted to examples.

    Attributes
    ----------
    rate : float
        Of Adam, with its usual momenta (Hu et al. 2018).
    steps : int
        Steps at most; taken where there is nothing to leave out.
    every : int
        Steps after which the examples left out are looked at.
    folds : int
        Times that examples are left out, at most.
    batch : int
        Examples at most in a step.
    whole : bool
        Whether all layers move, as the paper has it, instead of the last two.
    """

    rate: float = 1e-3
    steps: int = 60
    every: int = 4
    folds: int = 5
    batch: int = 32
    whole: bool = False


@dataclass(frozen=True, slots=True)
class KnownCells:
    """Cells whose class is known.

    Attributes
    ----------
    inputs : (N, ...) tensor
        Crops where the whole network is fitted, else features of `CellNetwork.early`.
    sizes : (N,) tensor
        See `CellPlane.sizes`.
    measures : (N, M) tensor
        See `core.cell_measures.standardise`.
    classes : (N,) tensor of int64
        Class of each.
    """

    inputs: Tensor
    sizes: Tensor
    measures: Tensor
    classes: Tensor

    def part(self, chosen: Tensor) -> KnownCells:
        """Return some of the examples."""
        parts = (self.inputs, self.sizes, self.measures, self.classes)
        return KnownCells(*(part[chosen] for part in parts))


def fit(
    start: CellNetwork, examples: KnownCells, settings: FitSettings, *, seed: int = 0
) -> tuple[CellNetwork, int]:
    """Fit a network to examples, with as many steps as help what was left out.

    In turn, one example of each class is left out, as long as another of its class
    stays. As many steps are taken with all examples as find these best, or fewer that
    are hardly worse; it may be none, and then the evidence stands alone. Each number of
    steps is judged at the sharpness of its logits that suits it best: those that only
    make surer what the evidence tells have less loss, too, and find fewer classes.

    Parameters
    ----------
    start : CellNetwork
        Where to begin; stays as it is.
    examples : KnownCells
        At least one.
    settings : FitSettings
        Rate and number of steps.
    seed : int
        Of the order of examples, where they do not fit into one batch.

    Returns
    -------
    CellNetwork
        The fitted one.
    int
        Steps taken.
    """
    counts = torch.bincount(examples.classes)
    rank = torch.empty_like(examples.classes)
    for k in range(len(counts)):
        rank[examples.classes == k] = torch.arange(int(counts[k]))
    spare = counts[examples.classes] > 1
    folds = [(rank == k) & spare for k in range(settings.folds)]
    seen = [
        (examples.classes[out], _looks(start, examples, out, settings, seed))
        for out in folds
        if out.any()
    ]
    steps = settings.steps
    if seen:
        classes = torch.cat([known for known, _ in seen])
        losses = _losses(torch.cat([logits for _, logits in seen], 1), classes)
        steps = int((losses <= losses.min() + GAIN).int().argmax()) * settings.every
    net = copy.deepcopy(start)
    for _ in _descend(net, examples, settings, steps, seed):
        pass
    return net, steps


def _looks(
    start: CellNetwork,
    examples: KnownCells,
    out: Tensor,
    settings: FitSettings,
    seed: int,
) -> Tensor:
    """Return the logits (S, N, K) of what is left out, after every few steps."""
    net = copy.deepcopy(start)
    kept, apart = examples.part(~out), examples.part(out)
    count = net.head.out_features
    told = fit_evidence(kept.measures, kept.classes, count).of(apart.measures)
    seen = []
    for step in chain([0], _descend(net, kept, settings, settings.steps, seed)):
        if step % settings.every == 0:
            with torch.no_grad():
                seen.append(_logits(net, apart, told, settings))
    return torch.stack(seen)


def _losses(logits: Tensor, classes: Tensor) -> Tensor:
    """Return the loss of logits (S, N, K), each of the S at its best sharpness."""
    sharpened = SHARPNESS[:, None, None] * logits[:, None]
    chances = sharpened.log_softmax(-1)
    own = classes.expand(*chances.shape[:-1])[..., None]
    return (-chances.gather(-1, own)).mean((-2, -1)).amin(1)


def _descend(
    net: CellNetwork, known: KnownCells, settings: FitSettings, steps: int, seed: int
) -> Iterator[int]:
    """Take steps; yield the number of each."""
    moving = net.moving(whole=settings.whole)
    told = evidence_among(known.measures, known.classes, net.head.out_features)
    adam = torch.optim.Adam(moving, settings.rate)
    source = torch.Generator().manual_seed(seed)
    number = len(known.classes)
    for step in range(1, steps + 1):
        batch, evidence = known, told
        if number > settings.batch:
            chosen = torch.randperm(number, generator=source)[: settings.batch]
            batch, evidence = known.part(chosen), told[chosen]
        loss = F.cross_entropy(_logits(net, batch, evidence, settings), batch.classes)
        for p, grad in zip(moving, torch.autograd.grad(loss, moving), strict=True):
            p.grad = grad
        adam.step()
        yield step


def _logits(
    net: CellNetwork, cells: KnownCells, evidence: Tensor, settings: FitSettings
) -> Tensor:
    look = net if settings.whole else net.late
    result: Tensor = look(cells.inputs, cells.sizes, evidence)
    return result
