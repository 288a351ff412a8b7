"""A network whose support loss is any chosen function of its only parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from napari_metaseg.core.evidence import Evidence
from napari_metaseg.core.inner_loop import Support
from napari_metaseg.core.losses import Sparse
from napari_metaseg.core.network import Moments, Output, Seen

if TYPE_CHECKING:
    from collections.abc import Callable

DOUBLE = torch.float64
NOTHING = torch.zeros(1, 1, 1, dtype=DOUBLE)


class Valley(nn.Module):
    """Sees one painted pixel, at which its loss is ``height(p)``, if positive.

    The painted pixel costs ``softplus(-logit)``, so that the logit with a chosen
    cost is ``-log(exp(cost) - 1)``; the cue is 0.5 and perfect.
    """

    def __init__(self, start: Tensor, height: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.p = nn.Parameter(start.clone())
        self.height = height

    def forward(self, inputs: Tensor, **_: object) -> Output:
        logit = -torch.log(torch.expm1(self.height(self.p)))
        logits = torch.stack([logit, torch.zeros_like(logit)]).view(1, 2, 1, 1)
        return Output(Seen(inputs, inputs, inputs), logits, None, Moments((), ()))


def valley_support() -> Support:
    painted = torch.ones_like(NOTHING)
    target = Sparse(painted, stroke=NOTHING, ring=NOTHING, cue=0.5 * painted)
    none = torch.zeros(1, 1, dtype=DOUBLE)
    return Support(NOTHING[None], target, Evidence(none, none, none, none))


def bowl(seed: int, n: int) -> tuple[Callable[[Tensor], Tensor], Tensor, Tensor]:
    """Return a positive quadratic of n numbers, its Hessian and its lowest place."""
    chance = torch.Generator().manual_seed(seed)
    root = torch.randn(n, n, generator=chance, dtype=DOUBLE)
    hessian = root @ root.T / n + 0.1 * torch.eye(n, dtype=DOUBLE)
    lowest = torch.randn(n, generator=chance, dtype=DOUBLE)

    def height(p: Tensor) -> Tensor:
        return 1 + 0.5 * (p - lowest) @ hessian @ (p - lowest)

    return height, hessian, lowest
