"""Meta-gradients of the outer loss, one function per algorithm.

All algorithms share the network, the inner loop and the losses; they differ in how
an episode turns into a gradient for the meta-initialization and the inner rates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
from torch import Tensor, nn

from napari_metaseg.core.inner_loop import Support, fit_prototype, inner_loop, run
from napari_metaseg.core.losses import Dense, dense_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_metaseg.core.network import Params

Algorithm = Literal["pooled", "fomaml", "maml"]
ALGORITHMS: tuple[Algorithm, ...] = ("pooled", "fomaml", "maml")


class EpisodeTensors(NamedTuple):
    """What a learner needs of an episode."""

    support: Support
    query_images: Tensor
    query_target: Dense


@dataclass(frozen=True)
class MetaState:
    """What meta-training learns.

    Attributes
    ----------
    params : Params
        The meta-initialization, leaf tensors that require a gradient.
    log_rates : Params
        Natural logarithm of each parameter tensor's inner rate, likewise.
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
        Share of those un-adapted queries that get no prototype either.
    half : bool
        Convolve in bfloat16 where the device gains by it; sums, norms and solves
        stay in 32 bits. First order only.
    """

    algorithm: Algorithm = "fomaml"
    inner_steps: int = 5
    zero_step_weight: float = 0.3
    blank_chance: float = 0.3
    half: bool = False


def meta_gradient(
    network: nn.Module,
    state: MetaState,
    episode: EpisodeTensors,
    settings: OuterSettings,
    blank: bool,
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
        Whether the un-adapted query goes without a prototype.

    Returns
    -------
    MetaGradient
        ``d/d(params, log_rates)`` of the query loss after the inner loop plus
        ``zero_step_weight`` times the query loss before it (MAML, Finn et al.
        2017, eq. 1; first order, section 5.2). Pooled pre-training has the second
        term alone.
    """
    # autocast would go on using the 16-bit copies of weights that have changed.
    with torch.autocast(
        episode.query_images.device.type,
        torch.bfloat16,
        enabled=settings.half,
        cache_enabled=False,
    ):
        return _meta_gradient(network, state, episode, settings, blank)


def _meta_gradient(
    network: nn.Module,
    state: MetaState,
    episode: EpisodeTensors,
    settings: OuterSettings,
    blank: bool,
) -> MetaGradient:
    query_images, target = episode.query_images, episode.query_target
    prototype = None if blank else fit_prototype(network, state.params, episode.support)
    before = dense_loss(
        run(network, state.params, query_images, prototype=prototype).logits, target
    )
    if settings.algorithm == "pooled":
        return _differentiate(before, state, {"query_before": float(before.detach())})
    zero: Sequence[Tensor | None] = torch.autograd.grad(
        settings.zero_step_weight * before, state.tensors(), allow_unused=True
    )
    rates = {k: r.exp() for k, r in state.log_rates.items()}
    *_, last = inner_loop(
        network,
        state.params,
        episode.support,
        rates,
        settings.inner_steps,
        second_order=settings.algorithm == "maml",
    )
    prototype = fit_prototype(network, last.params, episode.support)
    after = dense_loss(
        run(network, last.params, query_images, prototype=prototype).logits, target
    )
    metrics = {
        "support": float(last.loss) if last.loss is not None else float("nan"),
        "query_blank" if blank else "query_before": float(before.detach()),
        "query_after": float(after.detach()),
    }
    adapted = _differentiate(after, state, metrics)
    return adapted._replace(
        gradients=[
            a if z is None else a + z
            for a, z in zip(adapted.gradients, zero, strict=True)
        ]
    )


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
