"""Rehearsals: adapting without some of the painted cells, to see how they are found."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch

from .inner_loop import Support, run_on_support
from .losses import sparse_loss
from .recipe import GradientSteps

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from torch import Tensor, nn

    from .inner_loop import Step
    from .network import Params

MAX_FOLDS = 3
"""Parts into which painted crops are dealt out, each left out in turn; more would cost
time for little."""


class Follows(Protocol):
    """How parameters are adapted: a recipe, or a rival of one."""

    @property
    def total(self) -> int:
        """Number of steps."""

    def follow(
        self, network: nn.Module, params: Params, support: Support
    ) -> Generator[Step, None, None]:
        """Adapt parameters to a support, step by step."""


class LeftOut(NamedTuple):
    """How a crop is drawn while nothing is known of what is painted in it.

    Attributes
    ----------
    crop : int
        Its number in the support.
    maps : (2, Y, X) tensor
        Probabilities of foreground and cue.
    """

    crop: int
    maps: Tensor


class Rehearsal(NamedTuple):
    """What leaving out painted crops tells.

    Attributes
    ----------
    steps : int
        Number of steps with the least support loss on what was left out, of recipes
        with a fixed number of gradient steps: between 0 and theirs. That of the recipe
        where fewer than two crops are painted.
    drawn : tuple of LeftOut
        Each painted crop after so many steps; empty where fewer than two are.
    """

    steps: int
    drawn: tuple[LeftOut, ...]


def rehearse(
    recipe: Follows, network: nn.Module, params: Params, support: Support
) -> Generator[None, None, Rehearsal]:
    """Adapt without a third of the painted crops, for each third in turn.

    Parameters
    ----------
    recipe : Follows
        How it is adapted.
    network : nn.Module
        Supplies the structure.
    params : Params
        Where to start.
    support : Support
        What was painted.

    Yields
    ------
    None
        After each step, so that it can be stopped.

    Returns
    -------
    Rehearsal
    """
    painted = support.target.painted.flatten(1).any(1).nonzero()[:, 0].tolist()
    if len(painted) < 2:
        return Rehearsal(recipe.total, ())
    # Of anything else only the end counts: a proximal problem has one solution.
    stepwise = isinstance(recipe, GradientSteps)
    losses = [0.0] * (recipe.total + 1 if stepwise else 1)
    drawn: list[list[LeftOut]] = [[] for _ in losses]
    for first in range(min(MAX_FOLDS, len(painted))):
        crops = painted[first::MAX_FOLDS]
        rest, left_out = leave_out(support, crops)
        last = params
        for step in recipe.follow(network, params, rest):
            last = step.params
            if stepwise:
                logits = _look(network, last, rest)
                losses[step.index] += float(sparse_loss(logits, left_out.target))
                drawn[step.index] += _drawn(logits, crops)
            yield
        if not stepwise:
            drawn[0] += _drawn(_look(network, last, rest), crops)
    best = min(range(len(losses)), key=losses.__getitem__)
    steps = best if stepwise else recipe.total
    return Rehearsal(steps, tuple(drawn[best]))


@torch.no_grad()
def _look(network: nn.Module, params: Params, support: Support) -> Tensor:
    return run_on_support(network, params, support).logits


def _drawn(logits: Tensor, crops: Sequence[int]) -> list[LeftOut]:
    return [LeftOut(crop, torch.sigmoid(logits[crop]).cpu()) for crop in crops]


def leave_out(support: Support, crops: Sequence[int]) -> tuple[Support, Support]:
    """Make some crops unknown in the first support, and all others in the second.

    Parameters
    ----------
    support : Support
        What was painted.
    crops : sequence of int
        Numbers of the crops that are left out.
    """
    keep = torch.ones(len(support.inputs), device=support.inputs.device)
    keep[list(crops)] = 0
    rest, left_out = (
        support._replace(
            target=type(support.target)(
                *(t * mask[:, None, None] for t in support.target)
            )
        )
        for mask in (keep, 1 - keep)
    )
    return rest, left_out
