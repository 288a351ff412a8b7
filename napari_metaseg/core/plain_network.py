"""A start's network as other programs know networks: an image in, maps out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from .evidence import network_input
from .network import Architecture, PrototypeUNet

if TYPE_CHECKING:
    from collections.abc import Sequence


class PlainUNet(nn.Module):
    """Draws what is usual: nothing was painted, nothing is adapted.

    Parameters
    ----------
    widths : sequence of 4 int
        As in `Architecture`.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        known = {"name": Architecture().name, "widths": list(widths)}
        self.network = PrototypeUNet(Architecture.from_dict(known))

    def forward(self, image: Tensor) -> Tensor:
        """Draw foreground and cue, each from 0 to 1.

        Parameters
        ----------
        image : (N, 1, Y, X) tensor
            Normalised images at working scale; Y and X multiples of `network.STRIDE`.

        Returns
        -------
        (N, 2, Y, X) tensor
        """
        logits: Tensor = self.network(network_input(image, None)).logits
        return logits.sigmoid()
