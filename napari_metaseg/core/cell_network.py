"""The small network that tells classes of cells apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .cell_crops import COLOURS, SIDE

if TYPE_CHECKING:
    from collections.abc import Mapping

WIDTH = 32
"""Channels of every convolution."""

TRUST = 0.2
"""How much evidence counts before anything is learned."""

FEATURES = WIDTH * (SIDE // 16) ** 2 + 1
"""Numbers that the last layer looks at: features, and the cell's size."""


class CellNetwork(nn.Module):
    """Four convolutions and a linear layer, as Reptile's authors use.

    Nichol et al. 2018 take the networks of Finn et al. 2017: 3 x 3 convolutions,
    each normalised over the batch and rectified; those for small images make strides
    of 2 instead of pooling. Hu et al. 2018 take the normalisation out before they
    fine-tune. A network trained with it computes something else without it, so this
    one never had any.

    To its logits comes the evidence of measurements (`core.cell_evidence`), times a
    weight that is learned like all others, but never with a few examples: these judge
    the evidence too well, as it is made from them.

    Parameters
    ----------
    classes : int
        Outputs of the last layer, which is 0 at first.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        widths = (COLOURS + 1, WIDTH, WIDTH, WIDTH)
        layers = [nn.Conv2d(w, WIDTH, 3, stride=2, padding=1) for w in widths]
        for conv in layers:
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            nn.init.zeros_(cast("Tensor", conv.bias))
        self.convs = nn.ModuleList(layers)
        self.head = new_head(classes)
        self.trust = nn.Parameter(torch.tensor(math.log(TRUST)))

    def early(self, crops: Tensor) -> Tensor:
        """Compute the features that come before the last convolution.

        Parameters
        ----------
        crops : (N, 4, SIDE, SIDE) tensor
            See `CellPlane.crops`.

        Returns
        -------
        (N, WIDTH, SIDE / 8, SIDE / 8) tensor
        """
        for conv in self.convs[:-1]:
            crops = F.relu(conv(crops))
        return crops

    def late(self, early: Tensor, sizes: Tensor, evidence: Tensor) -> Tensor:
        """Go on from the features of `early`.

        Parameters
        ----------
        early : (N, WIDTH, SIDE / 8, SIDE / 8) tensor
            What `early` returned.
        sizes : (N,) tensor
            See `CellPlane.sizes`.
        evidence : (N, classes) tensor
            See `Evidence.of`.

        Returns
        -------
        (N, classes) tensor
            Logits.
        """
        last = F.relu(self.convs[-1](early))
        seen: Tensor = self.head(torch.cat([last.flatten(1), sizes[:, None]], 1))
        return seen + self.trust.exp() * evidence

    def forward(self, crops: Tensor, sizes: Tensor, evidence: Tensor) -> Tensor:
        """Compute the logits (N, classes) of crops (N, 4, SIDE, SIDE)."""
        return self.late(self.early(crops), sizes, evidence)

    def moving(self, *, whole: bool) -> list[nn.Parameter]:
        """Return what is fitted to examples: all layers, or the last two."""
        convs = self.convs if whole else self.convs[-1:]
        return [*convs.parameters(), *self.head.parameters()]

    def body(self) -> dict[str, Tensor]:
        """Return the weights of all layers but the last: what is transferred."""
        named = self.state_dict().items()
        return {k: v.detach().clone() for k, v in named if not k.startswith("head.")}


def new_head(classes: int) -> nn.Linear:
    """Make a last layer that knows nothing: all classes are equally likely."""
    head = nn.Linear(FEATURES, classes)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head


def transferred(body: Mapping[str, Tensor], classes: int) -> CellNetwork:
    """Make a network of given weights with a new last layer.

    Parameters
    ----------
    body : mapping of str to Tensor
        What `CellNetwork.body` returned.
    classes : int
        Outputs of the last layer.

    Returns
    -------
    CellNetwork
    """
    net = CellNetwork(classes)
    own = net.state_dict()
    net.load_state_dict(own | dict(body))
    return net
