"""The one inner loop: meta-training, the Adapt button and the tests share it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from .losses import Sparse, sparse_loss
from .network import Output, Params

if TYPE_CHECKING:
    from collections.abc import Generator


class Support(NamedTuple):
    """What was painted, as crops at working scale.

    Attributes
    ----------
    images : (N, C, Y, X) tensor
        Normalised crops around painted cells.
    target : Sparse
        Their sparse targets, each (N, Y, X).
    """

    images: Tensor
    target: Sparse

    def to(self, device: torch.device | str) -> Support:
        """Copy to a device."""
        return Support(
            self.images.to(device), Sparse(*(t.to(device) for t in self.target))
        )


@dataclass(frozen=True)
class Step:
    """The state before (index 0) or after a gradient step.

    Attributes
    ----------
    index : int
        Number of gradient steps taken.
    params : Params
        Parameters after them.
    loss : Tensor or None
        Support loss at the parameters *before* this step (None at index 0).
    """

    index: int
    params: Params
    loss: Tensor | None


def run(
    network: nn.Module,
    params: Params,
    images: Tensor,
    *,
    prototype: Tensor | None = None,
    support: Support | None = None,
) -> Output:
    """Run the network with given parameters.

    Parameters
    ----------
    network : nn.Module
        Supplies the structure; its own parameters are not used.
    params : Params
        Parameters by name.
    images : (N, C, Y, X) tensor
        Input.
    prototype : tensor, optional
        The task's prototype.
    support : Support, optional
        If ``images`` are the support's own, fit the prototype on them.

    Returns
    -------
    Output
    """
    fit = {} if support is None else _fit_arguments(support)
    output = functional_call(network, params, (images,), {"prototype": prototype} | fit)
    assert isinstance(output, Output)
    return output


def _fit_arguments(support: Support) -> dict[str, Tensor]:
    return {"painted": support.target.painted, "stroke": support.target.stroke}


def fit_prototype(network: nn.Module, params: Params, support: Support) -> Tensor:
    """Fit the task's prototype on the support with given parameters.

    Returns
    -------
    (C + 1,) tensor
    """
    prototype = run(network, params, support.images, support=support).prototype
    assert prototype is not None
    return prototype


def inner_loop(
    network: nn.Module,
    params: Params,
    support: Support,
    rates: Params,
    steps: int,
    *,
    second_order: bool = False,
    clip: float = 10.0,
) -> Generator[Step, None, None]:
    """Take gradient steps on the support, one yield each.

    ``p <- p - rate * dL/dp`` with one learned rate per tensor (Meta-SGD, Li et
    al. 2017, with the granularity of MAML++, Antoniou et al. 2019). A gradient
    whose norm exceeds ``clip`` is scaled back to it, differentiably.

    Parameters
    ----------
    network : nn.Module
        Supplies the structure.
    params : Params
        Where to start: the meta-initialization, or a clone of it.
    support : Support
        What was painted.
    rates : Params
        Inner learning rate (scalar tensor) of each parameter tensor.
    steps : int
        Number of gradient steps.
    second_order : bool
        Keep the graph, so that a query loss can be differentiated through the
        steps (MAML). Otherwise each gradient is a constant, yet the final
        parameters still depend on ``params`` and ``rates`` (FOMAML).
    clip : float
        Largest gradient norm.

    Yields
    ------
    Step
        Index 0 holds ``params`` as they are.
    """
    yield Step(0, params, None)
    for index in range(1, steps + 1):
        with torch.enable_grad():
            at = (
                params
                if second_order
                else {k: p.detach().requires_grad_() for k, p in params.items()}
            )
            output = run(network, at, support.images, support=support)
            loss = sparse_loss(output.logits, support.target)
            gradients = torch.autograd.grad(
                loss, list(at.values()), create_graph=second_order
            )
        norm = torch.stack([g.square().sum() for g in gradients]).sum().sqrt()
        scale = (clip / (norm + 1e-6)).clamp(max=1.0)
        params = {
            k: p - rates[k] * scale * g
            for (k, p), g in zip(params.items(), gradients, strict=True)
        }
        yield Step(index, params, loss.detach())
