"""MAML: the loss of a query after the inner loop (Finn, Abbeel & Levine, ICML 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_metaseg.core.inner_loop import fit_context, inner_loop, run
from napari_metaseg.core.losses import dense_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from napari_metaseg.core.network import Params

    from .episode import EpisodeTensors


def step_weights(steps: int, share: float) -> list[float]:
    """Say what the query loss after each inner step counts.

    All alike at first, and in the end the last alone (multi-step loss: Antoniou,
    Edwards & Storkey, How to train your MAML, ICLR 2019, section 4).

    Parameters
    ----------
    steps : int
        Number of inner steps.
    share : float
        How far from the one to the other, in [0, 1].

    Returns
    -------
    list of float
        One a step, which sum to 1.
    """
    earlier = (1 - share) / steps
    return [*[earlier] * (steps - 1), 1 - earlier * (steps - 1)]


def maml_loss(
    network: nn.Module,
    params: Params,
    rates: Params,
    episode: EpisodeTensors,
    weights: Sequence[float],
    *,
    second_order: bool,
    recompute: bool = False,
) -> tuple[Tensor, dict[str, float]]:
    """Take inner steps, and weigh the query losses after them (Finn et al., eq. 1).

    Parameters
    ----------
    network : nn.Module
        Supplies the structure.
    params : Params
        The meta-initialization.
    rates : Params
        Inner rate of each tensor that is adapted.
    episode : EpisodeTensors
        Support and query.
    weights : sequence of float
        What the query counts after each inner step, see `step_weights`.
    second_order : bool
        Whether the loss can be differentiated through the inner gradients; else these
        are constants (first order, section 5.2).
    recompute : bool
        See `checkpointed` of `inner_loop`.

    Returns
    -------
    scalar tensor
        The weighted loss.
    dict of str to float
        Losses of the support before the last step, and of the query after it.
    """
    first, *steps = inner_loop(
        network,
        params,
        episode.support,
        rates,
        len(weights),
        second_order=second_order,
        checkpointed=recompute,
    )
    total = after = torch.zeros(())
    last = first
    for last, weight in zip(steps, weights, strict=True):
        if weight:
            context = fit_context(network, last.params, episode.support)
            logits = run(network, last.params, episode.query_inputs, context).logits
            after = dense_loss(logits, episode.query_target)
            total = total + weight * after
    metrics = {"query_after": float(after.detach())}
    if last.loss is not None:
        metrics["support"] = float(last.loss)
    return total, metrics
