"""Gradients through a step whose graph is not kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable


def recomputed(function: Callable[..., tuple[Tensor, ...]], *tensors: Tensor) -> Any:
    """Call a function, and build its graph only when it is differentiated.

    A checkpoint (Chen et al., arXiv 1604.06174) for functions that differentiate
    within. `torch.utils.checkpoint` gives the same, but calls such a function again
    for the gradient within, too: an inner step on all layers took four times as long.

    Parameters
    ----------
    function : callable
        From these tensors to a tuple of tensors. It depends on no other tensor that
        is differentiated, and gives the same whenever it is called.
    *tensors : Tensor
        What it is called with.

    Returns
    -------
    tuple of Tensor
    """
    return _Recomputed.apply(function, *tensors)  # type: ignore[no-untyped-call]


class _Recomputed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, function: Callable[..., tuple[Tensor, ...]], *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.function = function
        ctx.save_for_backward(*tensors)
        found = function(*(t.detach().requires_grad_() for t in tensors))
        return tuple(t.detach() for t in found)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        tensors = [t.detach().requires_grad_() for t in ctx.saved_tensors]
        with torch.enable_grad():
            found = ctx.function(*tensors)
        known = [(t, s) for t, s in zip(found, slopes, strict=True) if t.requires_grad]
        outputs, slopes = zip(*known, strict=True)
        return None, *torch.autograd.grad(outputs, tensors, slopes, allow_unused=True)
