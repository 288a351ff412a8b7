"""Widen a trained network without changing what it draws.

The channels that are added begin with random weights into them and with none from
them to the old ones: a function-preserving step in the manner of Net2Net (Chen,
Goodfellow & Shlens, ICLR 2016), in which nothing has to be copied, so that no two
channels are alike. Where the half resolution grows, the prototype has more features
to fit, and the network is only nearly the same.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .errors import UserError
from .evidence import IN_CHANNELS
from .network import Architecture, Params, PrototypeUNet

Groups = tuple[int, ...]
"""Channels of each of the tensors that a layer is given side by side."""


def widen(params: Params, old: Architecture, new: Architecture) -> Params:
    """Give a network more channels.

    Parameters
    ----------
    params : dict of str to Tensor
        Weights of the old network.
    old, new : Architecture
        Its sizes, and those that it is to have.

    Returns
    -------
    dict of str to Tensor
        Weights of the new network; those of channels that were added come from
        torch's random numbers.

    Raises
    ------
    UserError
        If a width would shrink.
    """
    if any(n < o for o, n in zip(old.widths, new.widths, strict=True)):
        raise UserError(
            f"A network of widths {old.widths} cannot be cut down to {new.widths}; "
            "give widths that are at least as large, or start from random weights."
        )
    network = PrototypeUNet(new)
    before, after = _inputs(old.widths), _inputs(new.widths)
    grown = {k: v.detach().clone() for k, v in network.named_parameters()}
    for name, tensor in grown.items():
        known = params[name]
        kept = tensor[tuple(slice(n) for n in known.shape[:1])]
        if name in after:
            kept.zero_()[:, _columns(before[name], after[name])] = known
        else:
            kept.copy_(known)
    return grown


def _columns(old: Groups, new: Groups) -> Tensor:
    """Where the old input channels stand among the new ones."""
    starts = [sum(new[:i]) for i in range(len(new))]
    return torch.cat(
        [start + torch.arange(n) for start, n in zip(starts, old, strict=True)]
    )


def _inputs(widths: tuple[int, int, int, int]) -> dict[str, Groups]:
    """Name what each layer's input consists of, see `PrototypeUNet`."""
    a, b, c, d = widths
    network: dict[str, tuple[Groups, ...]] = {
        "stem": ((IN_CHANNELS,),),
        "down1": ((a,), (b,)),
        "down2": ((b,), (c,)),
        "bottom": ((c,), (d,)),
        "up2": ((d, c), (c,)),
        "up1": ((c, b), (b,)),
        "judge.near": ((b,),),
        "judge.far": ((b,), (c,)),
        "judge.join": ((c, b),),
        "last": ((b, a), (a,)),
    }
    convolutions = {
        f"{block}.convs.{i}.weight": groups
        for block, layers in network.items()
        for i, groups in enumerate(layers)
    }
    return convolutions | {"lift.weight": (2,), "head.weight": (a,)}
