"""The meta-gradient of iMAML on this project's network (Rajeswaran et al. 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from napari_metaseg.core.inner_loop import fit_context, run, run_on_support
from napari_metaseg.core.losses import dense_loss, sparse_loss
from napari_metaseg.core.network import Params, PrototypeUNet, Seen

from .implicit import implicit_gradient

if TYPE_CHECKING:
    from napari_metaseg.core.inner_loop import Support
    from napari_metaseg.core.recipe import Proximal

    from .episode import EpisodeTensors

CG_STEPS = 10

CG_TOLERANCE = 0.02


class Implicit(NamedTuple):
    """Meta-gradient of one episode, and how it was found.

    Attributes
    ----------
    gradients : Params
        With respect to every parameter of the meta-initialization.
    metrics : dict of str to float
        Losses; the gradient norm that the inner problem was solved to, and the
        evaluations of it all; steps, last residual and truncation of the conjugate
        gradients.
    """

    gradients: Params
    metrics: dict[str, float]


def imaml_gradient(
    network: nn.Module,
    params: Params,
    episode: EpisodeTensors,
    recipe: Proximal,
    *,
    cg_steps: int = CG_STEPS,
    cg_tolerance: float = CG_TOLERANCE,
) -> Implicit:
    """Differentiate the query loss at the solution of the proximal inner problem.

    What the solution depends on besides its anchor, the features that it judges and
    the deciding layers that stay as they are, gets its implicit gradient as well.

    Parameters
    ----------
    network : nn.Module
        Supplies the structure.
    params : Params
        The meta-initialization; leaf tensors that require a gradient.
    episode : EpisodeTensors
        Support and query.
    recipe : Proximal
        The inner problem.
    cg_steps : int
        Largest number of conjugate-gradient steps.
    cg_tolerance : float
        Relative residual at which they stop.

    Returns
    -------
    Implicit
    """
    support = episode.support
    seen = run_on_support(network, params, support).seen
    start = {k: p.detach() for k, p in params.items()}
    steps = list(recipe.follow(network, start, support))
    solution = {k: steps[-1].params[k].detach() for k in recipe.names}
    after, direct = _query_gradient(network, params, solution, episode)
    fixed = {f"seen/{k}": t for k, t in seen._asdict().items()} | {
        k: p
        for k, p in params.items()
        if k.startswith(PrototypeUNet.DECIDING) and k not in solution
    }
    found = implicit_gradient(
        lambda moving, others: _support_loss(network, start, support, moving, others),
        solution,
        fixed,
        recipe.settings.strength,
        {k: direct[k] for k in solution},
        max_steps=cg_steps,
        tolerance=cg_tolerance,
    )
    behind = _through_features(seen, found.fixed, params)
    gradients = {
        k: found.anchor[k]
        if k in solution
        else direct[k] + found.fixed.get(k, 0) + behind[k]
        for k in params
    }
    metrics = {
        "query_after": after,
        "evaluations": float(steps[-1].index + found.evaluations),
        "cg_steps": float(len(found.residuals)),
        "cg_residual": found.residuals[-1] if found.residuals else 0.0,
        "cg_truncated": float(found.truncated),
    }
    if steps[-1].loss is not None and steps[-1].gradient_norm is not None:
        metrics["support"] = float(steps[-1].loss)
        metrics["gradient_norm"] = steps[-1].gradient_norm
    return Implicit(gradients, metrics)


def _query_gradient(
    network: nn.Module, params: Params, solution: Params, episode: EpisodeTensors
) -> tuple[float, Params]:
    """Query loss at the solution, and its gradient with all else held fixed."""
    at = params | {k: p.requires_grad_() for k, p in solution.items()}
    context = fit_context(network, at, episode.support)
    logits = run(network, at, episode.query_inputs, context).logits
    loss = dense_loss(logits, episode.query_target)
    slopes = torch.autograd.grad(loss, list(at.values()), materialize_grads=True)
    return float(loss.detach()), dict(zip(at, slopes, strict=True))


def _support_loss(
    network: nn.Module, start: Params, support: Support, moving: Params, others: Params
) -> Tensor:
    seen = Seen(*(others[f"seen/{field}"] for field in Seen._fields))
    rest = {k: p for k, p in others.items() if not k.startswith("seen/")}
    output = run_on_support(network, start | rest | moving, support, seen)
    return sparse_loss(output.logits, support.target)


def _through_features(seen: Seen, slopes: Params, params: Params) -> Params:
    """Lead the gradient of the features on to the layers that made them."""
    gradients = torch.autograd.grad(
        list(seen),
        list(params.values()),
        [slopes[f"seen/{field}"] for field in Seen._fields],
        materialize_grads=True,
    )
    return dict(zip(params, gradients, strict=True))
