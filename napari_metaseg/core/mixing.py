"""The input mix: what each channel of an image counts for a task.

A mix weighs the channels twice: in the gray image that the network sees, and in the
evidence, whose ridge holds a response back the more, the less its channel counts. All
channels at 1 are the mean and the evidence of all; one at 1 and the others at 0 are
that channel alone.

It is adapted first of all, by gradient steps on how well the network tells painted
cells from the ring around them, through the network and the closed-form fit of the
evidence. Each crop is judged by the evidence and the prototype of the others, so that a
mix which suits one cell alone gains nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from .inner_loop import run_on_support

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor, nn

    from .losses import Sparse
    from .network import Params
    from .support import Crops

STEPS = 8
"""Gradients with respect to the mix, besides the first."""

RATE = 1.0
"""Largest change of a channel's logarithm in the first step. It grows by half after a
step that lowers the loss, and is halved after one that does not."""

PULL = 0.01
"""Weight of the squared logarithms: what draws the mix to all channels alike."""

PIXELS = 256
"""Pixels of a cell, and of its ring, that are compared with each other."""

MOST_CROPS = 6
"""Painted crops that are looked at; an even choice of them where there are more."""

GAIN = 0.01
"""Share of the loss that must be gained, or all channels count the same."""


def adapt_mix(
    network: nn.Module, params: Params, crops: Crops
) -> Generator[None, None, Tensor | None]:
    """Find what each channel counts.

    Parameters
    ----------
    network : nn.Module
        Supplies the structure.
    params : Params
        The meta-initialization.
    crops : Crops
        What was painted.

    Yields
    ------
    None
        After each gradient, so that it can be stopped.

    Returns
    -------
    (C,) tensor or None
        The largest is 1. None, for all the same, where there is one channel, where
        fewer than two crops are painted, and where nothing is gained.
    """
    painted = crops.target.painted.flatten(1).any(1).nonzero()[:, 0]
    channels = crops.images.shape[1]
    if channels == 1 or len(painted) < 2:
        return None
    few = torch.linspace(0, len(painted) - 1, min(MOST_CROPS, len(painted)))
    crops = crops.chosen(painted[few.long()])

    def look(place: Tensor) -> tuple[float, Tensor]:
        with torch.enable_grad():
            place = place.clone().requires_grad_()
            support = crops.support(_mix_at(place))
            logits = run_on_support(network, params, support).logits
            loss = _confusion(logits, support.target)
            loss = loss + PULL * place.square().mean()
            (slope,) = torch.autograd.grad(loss, place)
        return float(loss.detach()), slope

    place, rate = crops.images.new_zeros(channels), RATE
    first, slope = look(place)
    least = first
    for _ in range(STEPS):
        yield
        there = place - rate * slope / slope.abs().max().clamp_min(1e-12)
        loss, slope_there = look(there)
        if loss < least:
            place, least, slope, rate = there, loss, slope_there, 1.5 * rate
        else:
            rate /= 2
    return _mix_at(place) if least < (1 - GAIN) * first else None


def _confusion(logits: Tensor, target: Sparse) -> Tensor:
    """Tell how often a pixel of the ring is taken for one of the painted cell in it.

    The logistic loss of their order (Burges et al., ICML 2005), in foreground and cue.
    Unlike the support loss it leaves aside how far all of it is too high or too low,
    which the steps that follow will mend.
    """
    losses = []
    for drawn, painted, ring in zip(logits, target.painted, target.ring, strict=True):
        inside, around = _some(drawn[:, painted > 0]), _some(drawn[:, ring > 0])
        if inside.numel() and around.numel():
            losses.append(F.softplus(around[:, :, None] - inside[:, None]).mean())
    # Of a cell that fills its crops nothing is around.
    return torch.stack(losses or [0 * logits.sum()]).mean()


def _some(pixels: Tensor) -> Tensor:
    return pixels[:, :: 1 + pixels.shape[1] // PIXELS]


def _mix_at(place: Tensor) -> Tensor:
    """Return the mix of these logarithms, up to their largest."""
    return torch.exp(place - place.amax())
