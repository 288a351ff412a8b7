"""Inner loops on any loss of any parameters, as papers describe them.

`napari_metaseg.core.inner_loop` is this project's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from napari_metaseg.core.network import Params
from napari_metaseg.core.proximal import ProximalSettings, solve_proximal

Loss = Callable[[Params], Tensor]


class Inner(Protocol):
    """A way to adapt parameters to a support."""

    def adapt(
        self, loss: Loss, params: Params, *, second_order: bool = False
    ) -> Params:
        """Adapt.

        Parameters
        ----------
        loss : callable
            Support loss (scalar) of parameters.
        params : Params
            Where to start.
        second_order : bool
            Whether the result is to be differentiated with respect to ``params``.
        """


@dataclass(frozen=True, slots=True)
class GradientDescent:
    """Plain gradient steps (MAML: Finn et al. 2017).

    Attributes
    ----------
    rate : float
        Inner learning rate.
    steps : int
        Number of steps.
    clip : float
        Largest norm of a gradient; a longer one is scaled back, differentiably.
    """

    rate: float
    steps: int
    clip: float = math.inf

    def adapt(
        self, loss: Loss, params: Params, *, second_order: bool = False
    ) -> Params:
        """See `Inner`."""
        for _ in range(self.steps):
            slopes = _slopes(loss, params, second_order)
            if self.clip < math.inf:
                norm = torch.stack([g.square().sum() for g in slopes.values()]).sum()
                scale = (self.clip / (norm + 1e-12).sqrt()).clamp(max=1.0)
                slopes = {k: scale * g for k, g in slopes.items()}
            params = {k: p - self.rate * slopes[k] for k, p in params.items()}
        return params


@dataclass(frozen=True, slots=True)
class AdamDescent:
    """Steps of a fresh Adam (Kingma & Ba 2015), differentiable.

    Attributes
    ----------
    rate : float
        Inner learning rate.
    steps : int
        Number of steps.
    """

    rate: float
    steps: int

    def adapt(
        self, loss: Loss, params: Params, *, second_order: bool = False
    ) -> Params:
        """See `Inner`."""
        first = {k: torch.zeros_like(p) for k, p in params.items()}
        second = {k: torch.zeros_like(p) for k, p in params.items()}
        for step in range(1, self.steps + 1):
            slopes = _slopes(loss, params, second_order)
            first = {k: 0.9 * m + 0.1 * slopes[k] for k, m in first.items()}
            second = {
                k: 0.999 * m + 0.001 * slopes[k].square() for k, m in second.items()
            }
            rate = self.rate / (1 - 0.9**step)
            # Inside the root, which has no derivative at 0.
            params = {
                k: p - rate * first[k] / (second[k] / (1 - 0.999**step) + 1e-16).sqrt()
                for k, p in params.items()
            }
        return params


@dataclass(frozen=True, slots=True)
class Proximity:
    """The solution of iMAML's inner problem (Rajeswaran et al. 2019, eq. 3).

    Attributes
    ----------
    settings : ProximalSettings
        The problem and how far it is solved.
    """

    settings: ProximalSettings

    def adapt(
        self, loss: Loss, params: Params, *, second_order: bool = False
    ) -> Params:
        """See `Inner`; its derivative is implicit, and not kept as a graph."""
        assert not second_order
        (*_, last) = solve_proximal(loss, params, self.settings)
        return last.params


def _slopes(loss: Loss, params: Params, second_order: bool) -> Params:
    with torch.enable_grad():
        at = params
        if not second_order:
            at = {k: p.detach().requires_grad_() for k, p in params.items()}
        slopes = torch.autograd.grad(
            loss(at), list(at.values()), create_graph=second_order
        )
    return dict(zip(params, slopes, strict=True))
