"""The network without what adaptation fits in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_metaseg.core.evidence import without_evidence
from napari_metaseg.core.network import PrototypeUNet

if TYPE_CHECKING:
    from torch import Tensor

    from napari_metaseg.core.network import Moments, Output, Seen


class BlindUNet(PrototypeUNet):
    """The same network, which sees an image and is told nothing of what is painted.

    Its parameters and its moments are those of `PrototypeUNet`, and what it draws is
    what that draws without evidence and without a prototype.
    """

    def forward(
        self,
        inputs: Tensor,
        *,
        moments: Moments | None = None,
        prototype: Tensor | None = None,
        painted: Tensor | None = None,
        stroke: Tensor | None = None,
        seen: Seen | None = None,
    ) -> Output:
        """Draw foreground and cue, see `PrototypeUNet.forward`."""
        del prototype, painted, stroke
        return super().forward(without_evidence(inputs), moments=moments, seen=seen)
