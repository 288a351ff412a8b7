"""The one inner loop: meta-training, the Adapt button and the tests share it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from .evidence import without_evidence
from .losses import Sparse, sparse_loss
from .network import Moments, Output, Params, PrototypeUNet, Seen
from .recompute import recomputed

if TYPE_CHECKING:
    from collections.abc import Generator

    from .evidence import Evidence


class Support(NamedTuple):
    """What was painted, as crops at working scale.

    Attributes
    ----------
    inputs : (N, IN_CHANNELS, Y, X) tensor
        Normalised crops around painted cells, with their evidence.
    target : Sparse
        Their sparse targets, each (N, Y, X).
    evidence : Evidence
        Fitted on these crops.
    mix : (C,) tensor or None
        What each channel counts, see `gray_of`; None for all the same.
    """

    inputs: Tensor
    target: Sparse
    evidence: Evidence
    mix: Tensor | None = None

    def to(self, device: torch.device | str) -> Support:
        """Copy to a device."""
        return Support(
            self.inputs.to(device),
            Sparse(*(t.to(device) for t in self.target)),
            self.evidence.to(device),
            None if self.mix is None else self.mix.to(device),
        )


class Context(NamedTuple):
    """What is known of a task besides the parameters adapted to it.

    Attributes
    ----------
    moments : Moments
        What its images are like in the network's own features.
    prototype : (C + 1,) tensor or None
        What the painted cells are like in them.
    evidence : Evidence or None
        What classical filters tell of the painted cells.
    mix : (C,) tensor or None
        What each channel counts, see `gray_of`; None for all the same.
    """

    moments: Moments
    prototype: Tensor | None
    evidence: Evidence | None
    mix: Tensor | None = None

    def to(self, device: torch.device | str) -> Context:
        """Copy to a device."""
        moments = Moments(*(tuple(t.to(device) for t in part) for part in self.moments))
        return Context(
            moments,
            None if self.prototype is None else self.prototype.to(device),
            None if self.evidence is None else self.evidence.to(device),
            None if self.mix is None else self.mix.to(device),
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
    gradient_norm : float or None
        How far they are from a solution, where a problem is solved, see
        `ProximalStep`; None where steps are just taken.
    """

    index: int
    params: Params
    loss: Tensor | None
    gradient_norm: float | None = None


def run(
    network: nn.Module,
    params: Params,
    inputs: Tensor,
    context: Context | None = None,
    seen: Seen | None = None,
) -> Output:
    """Run the network with given parameters.

    Parameters
    ----------
    network : nn.Module
        Supplies the structure; its own parameters are not used.
    params : Params
        Parameters by name.
    inputs : (N, IN_CHANNELS, Y, X) tensor
        Images with their evidence.
    context : Context, optional
        What is known of the task. Without it the inputs are a task of their own,
        in which nothing is painted.
    seen : Seen, optional
        What an earlier pass saw, if only deciding layers have changed since.

    Returns
    -------
    Output
    """
    further: dict[str, object] = {}
    if context is not None:
        further = {"moments": context.moments, "prototype": context.prototype}
    if seen is not None:
        further["seen"] = seen
    return _call(network, params, inputs, further)


def run_on_support(
    network: nn.Module, params: Params, support: Support, seen: Seen | None = None
) -> Output:
    """Run the network on the support, whose context is fitted on the way.

    Parameters
    ----------
    network : nn.Module
        Supplies the structure.
    params : Params
        Parameters by name.
    support : Support
        What was painted.
    seen : Seen, optional
        What an earlier pass saw, if only deciding layers have changed since.

    Returns
    -------
    Output
    """
    target = support.target
    painted = {"painted": target.painted, "stroke": target.stroke}
    return _call(network, params, support.inputs, painted | {"seen": seen})


def run_blankly(network: nn.Module, params: Params, support: Support) -> Output:
    """Run the network on the support as if nothing were painted there."""
    return run(network, params, without_evidence(support.inputs))


def _call(
    network: nn.Module, params: Params, inputs: Tensor, further: dict[str, object]
) -> Output:
    output = functional_call(network, params, (inputs,), further)
    assert isinstance(output, Output)
    return output


def fit_context(network: nn.Module, params: Params, support: Support) -> Context:
    """Fit all that is known of the task with given parameters."""
    return context_of(run_on_support(network, params, support), support)


def context_of(output: Output, support: Support) -> Context:
    """Take all that is known of the task from a pass over the support."""
    return Context(output.moments, output.prototype, support.evidence, support.mix)


def blank_context(network: nn.Module, params: Params, support: Support) -> Context:
    """Measure the task's images, and forget what is painted on them."""
    output = run_blankly(network, params, support)
    return Context(output.moments, None, None, support.mix)


def inner_loop(
    network: nn.Module,
    params: Params,
    support: Support,
    rates: Params,
    steps: int,
    *,
    second_order: bool = False,
    checkpointed: bool = False,
    clip: float = 10.0,
) -> Generator[Step, None, None]:
    """Take gradient steps on the support, one yield each.

    ``p <- p - rate * dL/dp`` with one learned rate per tensor (Meta-SGD, Li et
    al. 2017, with the granularity of MAML++, Antoniou et al. 2019). A gradient
    whose norm exceeds ``clip`` is scaled back to it, differentiably. Tensors
    without a rate stay as they are; where only deciding layers have one, the
    layers before them are run once (ANIL, Raghu et al. 2020).

    Parameters
    ----------
    network : nn.Module
        Supplies the structure.
    params : Params
        Where to start: the meta-initialization, or a clone of it.
    support : Support
        What was painted.
    rates : Params
        Inner learning rate (scalar tensor) of each tensor that is adapted.
    steps : int
        Number of gradient steps.
    second_order : bool
        Keep the graph, so that a query loss can be differentiated through the
        steps (MAML). Otherwise each gradient is a constant, yet the final
        parameters still depend on ``params`` and ``rates`` (FOMAML).
    checkpointed : bool
        Of each step keep its parameters alone, and take it again when the query loss
        is differentiated through it: the memory of one step for all of them.
    clip : float
        Largest gradient norm.

    Yields
    ------
    Step
        Index 0 holds ``params`` as they are.
    """
    yield Step(0, params, None)
    seen: tuple[Tensor, ...] = ()
    if steps and all(k.startswith(PrototypeUNet.DECIDING) for k in rates):
        with torch.set_grad_enabled(second_order):
            seen = run_on_support(network, params, support).seen
    names = list(params)

    def slopes(*tensors: Tensor) -> tuple[Tensor, ...]:
        at = dict(zip(names, tensors, strict=False))
        before = Seen(*tensors[len(names) :]) if seen else None
        graph = second_order and torch.is_grad_enabled()
        if not graph:
            at |= {k: at[k].detach().requires_grad_() for k in rates}
        with torch.enable_grad():
            output = run_on_support(network, at, support, before)
            loss = sparse_loss(output.logits, support.target)
            moved = [at[k] for k in rates]
            gradients = torch.autograd.grad(loss, moved, create_graph=graph)
        return loss, *gradients

    for index in range(1, steps + 1):
        tensors = *params.values(), *seen
        if checkpointed and second_order:
            loss, *gradients = recomputed(slopes, *tensors)
        else:
            loss, *gradients = slopes(*tensors)
        norm = torch.stack([g.square().sum() for g in gradients]).sum().sqrt()
        scale = (clip / (norm + 1e-6)).clamp(max=1.0)
        params = params | {
            k: params[k] - rate * scale * g
            for (k, rate), g in zip(rates.items(), gradients, strict=True)
        }
        yield Step(index, params, loss.detach())
