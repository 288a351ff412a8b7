"""Recipes: how parameters are adapted at the bench, as meta-training learned it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from .inner_loop import Step, Support, inner_loop, run_on_support
from .losses import sparse_loss
from .network import PrototypeUNet
from .proximal import ProximalSettings, solve_proximal

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from torch import Tensor, nn

    from .network import Params


@dataclass(frozen=True, slots=True)
class GradientSteps:
    """A fixed number of gradient steps (MAML, first-order MAML, Reptile).

    Attributes
    ----------
    rates : mapping of str to float
        Rate of each tensor that is adapted.
    steps : int
        Number of steps.
    """

    rates: Mapping[str, float]
    steps: int

    @property
    def moving(self) -> tuple[str, ...]:
        """Names of the tensors that are adapted."""
        return tuple(self.rates)

    @property
    def total(self) -> int:
        """Number of steps, for a progress bar."""
        return self.steps

    def follow(
        self,
        network: nn.Module,
        params: Params,
        support: Support,
        start: Params | None = None,
    ) -> Generator[Step, None, None]:
        """Adapt parameters to a support, see `inner_loop`.

        Parameters
        ----------
        network : nn.Module
            Supplies the structure.
        params : Params
            The meta-initialization.
        support : Support
            What was painted.
        start : Params, optional
            Where to begin instead: the same number of steps go on from there.

        Yields
        ------
        Step
            Its index counts gradient steps.
        """
        begin = params if start is None else start
        return inner_loop(network, begin, support, self._rates(begin), self.steps)

    def _rates(self, params: Params) -> dict[str, Tensor]:
        return {
            k: torch.tensor(rate, device=params[k].device)
            for k, rate in self.rates.items()
        }


@dataclass(frozen=True, slots=True)
class Proximal:
    """The proximal problem of iMAML, solved to a stated gradient norm.

    Attributes
    ----------
    names : tuple of str
        Tensors that are adapted, all of `PrototypeUNet.DECIDING` layers.
    settings : ProximalSettings
        The problem and how far it is solved.
    """

    names: tuple[str, ...]
    settings: ProximalSettings

    @property
    def moving(self) -> tuple[str, ...]:
        """Names of the tensors that are adapted."""
        return self.names

    @property
    def total(self) -> int:
        """Largest number of evaluations, for a progress bar."""
        return self.settings.max_evaluations

    def follow(
        self,
        network: nn.Module,
        params: Params,
        support: Support,
        start: Params | None = None,
    ) -> Generator[Step, None, None]:
        """Adapt parameters to a support.

        Parameters
        ----------
        network : nn.Module
            Supplies the structure.
        params : Params
            The meta-initialization, which the proximal term holds on to.
        support : Support
            What was painted.
        start : Params, optional
            Where to begin: an earlier solution. It ends where a start from
            ``params`` ends, within the tolerance.

        Yields
        ------
        Step
            Its index counts evaluations of the support's gradient.
        """
        with torch.no_grad():
            seen = run_on_support(network, params, support).seen

        def loss(moving: Params) -> Tensor:
            output = run_on_support(network, params | moving, support, seen)
            return sparse_loss(output.logits, support.target)

        anchor = {k: params[k] for k in self.names}
        first = None if start is None else {k: start[k] for k in self.names}
        yield Step(0, params, None)
        for step in solve_proximal(loss, anchor, self.settings, first):
            found = params | step.params
            yield Step(step.evaluations, found, step.loss, step.gradient_norm)


Recipe = GradientSteps | Proximal


Adapts = Literal["all", "deciding", "conditioning"]
"""Every tensor; those of the deciding layers; or of these only the vectors that scale
and shift features, the lift of the likeness and the head."""


def adapted_names(params: Params, adapts: Adapts) -> tuple[str, ...]:
    """Name the tensors that an inner loop adapts."""
    if adapts == "all":
        return tuple(params)
    deciding = (k for k in params if k.startswith(PrototypeUNet.DECIDING))
    if adapts == "deciding":
        return tuple(deciding)
    return tuple(k for k in deciding if params[k].ndim < 4 or k.startswith("head."))
