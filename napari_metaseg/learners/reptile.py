"""The meta-gradient of Reptile: how far, and where to, the inner loop moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from napari_metaseg.core.network import Params


def reptile_gradient(start: Params, end: Params, rates: Params) -> Params:
    """Turn the way one task took into a meta-gradient.

    Nichol et al. 2018 move the initialization towards the adapted parameters and
    call ``(start - end) / rate`` the natural gradient to hand to an optimiser such
    as Adam (sections 2 and 5.1). Each tensor is divided by its own inner rate here,
    so that plain gradient steps give the sum of the gradients on the way (their
    ``g1 + g2 + ... + gk``) whatever the rates: one step is the joint gradient
    exactly, and a tensor with a large rate does not drown the others where the
    meta-gradient is clipped. Gradients that the inner loop scaled back count as
    scaled.

    Parameters
    ----------
    start : Params
        Where the inner loop started.
    end : Params
        Where it ended, on the same task.
    rates : Params
        Inner rate (scalar tensor) of each tensor that was adapted. A rate of 0
        moves nothing and gives 0.

    Returns
    -------
    Params
        One tensor for each rate, detached from any graph.
    """
    with torch.no_grad():
        return {
            k: torch.where(rate > 0, (start[k] - end[k]) / rate, 0.0)
            for k, rate in rates.items()
        }
