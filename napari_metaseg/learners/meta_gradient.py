"""Meta-gradients of the outer loss, one function per algorithm.

All algorithms share the network, the inner loop and the losses; they differ in how
an episode turns into a gradient for the meta-initialization and the inner rates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
from torch import Tensor, nn

from napari_metaseg.core.evidence import without_evidence
from napari_metaseg.core.inner_loop import (
    blank_context,
    fit_context,
    inner_loop,
    run,
)
from napari_metaseg.core.losses import dense_loss

from .imaml import imaml_gradient
from .maml import maml_loss, step_weights
from .reptile import reptile_gradient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_metaseg.core.network import Params
    from napari_metaseg.core.recipe import Proximal

    from .episode import EpisodeTensors

Algorithm = Literal["pooled", "fomaml", "maml", "imaml", "reptile"]
SECOND_ORDER = "maml", "imaml"
"""Algorithms that multiply by Hessians, for which 16 bits are too few."""

ALGORITHMS: tuple[Algorithm, ...] = ("pooled", "fomaml", "maml", "imaml", "reptile")


@dataclass(frozen=True)
class MetaState:
    """What meta-training learns.

    Attributes
    ----------
    params : Params
        The meta-initialization, leaf tensors that require a gradient.
    log_rates : Params
        Natural logarithm of the inner rate of each tensor that is adapted, likewise.
    """

    params: Params
    log_rates: Params

    def tensors(self) -> list[Tensor]:
        """Return all tensors in a fixed order."""
        return [*self.params.values(), *self.log_rates.values()]


class MetaGradient(NamedTuple):
    """Gradient and what to log.

    Attributes
    ----------
    gradients : list of Tensor
        In the order of `MetaState.tensors`.
    metrics : dict of str to float
        Losses of this episode.
    """

    gradients: list[Tensor]
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class OuterSettings:
    """The outer loss.

    Attributes
    ----------
    algorithm : str
        One of `ALGORITHMS`.
    inner_steps : int
        Gradient steps on the support.
    zero_step_weight : float
        Weight of the query loss before any gradient step, which keeps the
        un-adapted network useful.
    blank_chance : float
        Share of those un-adapted queries that get no evidence and no prototype.
    drop_chance : float
        Share of episodes whose evidence is withheld from the inner loop and from the
        queries: with it in all of them the network learns to read nothing else.
    proximal : Proximal or None
        The inner problem of iMAML.
    half : bool
        Convolve in bfloat16 where the device gains by it; sums, norms and solves
        stay in 32 bits. Without effect in `SECOND_ORDER` algorithms.
    multi_step : float
        Share of the run along which the queries after earlier inner steps of MAML
        count, too, see `step_weights`; 0 for none.
    recompute : bool
        Take each inner step of MAML again when it is differentiated, instead of
        keeping its graph: the memory of one step for all of them.
    """

    algorithm: Algorithm = "fomaml"
    inner_steps: int = 5
    zero_step_weight: float = 0.3
    blank_chance: float = 0.3
    drop_chance: float = 0.3
    proximal: Proximal | None = None
    half: bool = False
    multi_step: float = 0.0
    recompute: bool = False


def meta_gradient(
    network: nn.Module,
    state: MetaState,
    episode: EpisodeTensors,
    settings: OuterSettings,
    blank: bool,
    spent: float = 1.0,
) -> MetaGradient:
    """Differentiate the outer loss of one episode.

    Parameters
    ----------
    network : nn.Module
        Supplies the structure.
    state : MetaState
        Where to differentiate.
    episode : EpisodeTensors
        Support and query.
    settings : OuterSettings
        Algorithm and weights.
    blank : bool
        Whether the un-adapted query goes without evidence and prototype.
    spent : float
        Share of the run that is done, in [0, 1].

    Returns
    -------
    MetaGradient
        Of the algorithm's term, plus ``zero_step_weight`` times the gradient of the
        query loss before the inner loop, which is all of pooled pre-training.
    """
    # autocast would go on using the 16-bit copies of weights that have changed.
    with torch.autocast(
        episode.query_inputs.device.type,
        torch.bfloat16,
        enabled=settings.half and settings.algorithm not in SECOND_ORDER,
        cache_enabled=False,
    ):
        return _meta_gradient(network, state, episode, settings, blank, spent)


def _meta_gradient(
    network: nn.Module,
    state: MetaState,
    episode: EpisodeTensors,
    settings: OuterSettings,
    blank: bool,
    spent: float,
) -> MetaGradient:
    before = _before(network, state, episode, blank)
    match settings.algorithm:
        case "pooled":
            return before
        case "imaml":
            adapted = _imaml(network, state, episode, settings)
        case "reptile":
            adapted = _reptile(network, state, episode, settings)
        case _:
            adapted = _maml(network, state, episode, settings, spent)
    return MetaGradient(
        [
            a + settings.zero_step_weight * z
            for a, z in zip(adapted.gradients, before.gradients, strict=True)
        ],
        before.metrics | adapted.metrics,
    )


def _before(
    network: nn.Module, state: MetaState, episode: EpisodeTensors, blank: bool
) -> MetaGradient:
    """Query loss without any inner loop: pooled pre-training."""
    fit = blank_context if blank else fit_context
    context = fit(network, state.params, episode.support)
    shown = without_evidence(episode.query_inputs) if blank else episode.query_inputs
    logits = run(network, state.params, shown, context).logits
    loss = dense_loss(logits, episode.query_target)
    key = "query_blank" if blank else "query_before"
    return _differentiate(loss, state, {key: float(loss.detach())})


def _maml(
    network: nn.Module,
    state: MetaState,
    episode: EpisodeTensors,
    settings: OuterSettings,
    spent: float,
) -> MetaGradient:
    share = min(1.0, spent / settings.multi_step) if settings.multi_step else 1.0
    loss, metrics = maml_loss(
        network,
        state.params,
        {k: r.exp() for k, r in state.log_rates.items()},
        episode,
        step_weights(settings.inner_steps, share),
        second_order=settings.algorithm == "maml",
        recompute=settings.recompute,
    )
    return _differentiate(loss, state, metrics)


def _imaml(
    network: nn.Module,
    state: MetaState,
    episode: EpisodeTensors,
    settings: OuterSettings,
) -> MetaGradient:
    assert settings.proximal is not None, "iMAML needs its inner problem"
    found = imaml_gradient(network, state.params, episode, settings.proximal)
    still = [torch.zeros_like(r) for r in state.log_rates.values()]
    return MetaGradient([*found.gradients.values(), *still], found.metrics)


def _reptile(
    network: nn.Module,
    state: MetaState,
    episode: EpisodeTensors,
    settings: OuterSettings,
) -> MetaGradient:
    """Way of an inner loop over the task's data, support and query in turn.

    Reptile's minibatches come from all that is known of a task (Nichol et al. 2018,
    algorithm 1); a sparse support alone would lead it to call everything a cell.
    """
    rates = {k: r.exp().detach() for k, r in state.log_rates.items()}
    start = {k: p.detach() for k, p in state.params.items()}
    params = start
    after = torch.zeros(())
    for _ in range(settings.inner_steps):
        *_, step = inner_loop(network, params, episode.support, rates, 1)
        at = step.params | {k: step.params[k].requires_grad_() for k in rates}
        context = fit_context(network, at, episode.support)
        logits = run(network, at, episode.query_inputs, context).logits
        after = dense_loss(logits, episode.query_target)
        slopes = torch.autograd.grad(after, [at[k] for k in rates])
        params = {k: p.detach() for k, p in at.items()}
        for (k, rate), slope in zip(rates.items(), slopes, strict=True):
            params[k] = params[k] - rate * slope
    # The query's own steps set the length of the way: it is given per pair.
    way = reptile_gradient(start, params, rates)
    gradients = [
        way[k] / settings.inner_steps if k in way else torch.zeros_like(p)
        for k, p in state.params.items()
    ]
    still = [torch.zeros_like(r) for r in state.log_rates.values()]
    return MetaGradient([*gradients, *still], {"query_after": float(after.detach())})


def _differentiate(
    loss: Tensor, state: MetaState, metrics: dict[str, float]
) -> MetaGradient:
    tensors = state.tensors()
    gradients: Sequence[Tensor | None] = torch.autograd.grad(
        loss, tensors, allow_unused=True
    )
    return MetaGradient(
        [
            torch.zeros_like(t) if g is None else g
            for t, g in zip(tensors, gradients, strict=True)
        ],
        metrics,
    )
