"""The Attention U-Net (Oktay et al. 2018) in the size that Khadka et al. used.

Four poolings, 32 channels at full resolution, and a gate on each skip connection.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .vgg_unet import BatchNorm, double_conv, scaled

WIDTHS = (32, 64, 128, 256, 512)

COARSEST = 16
"""Pixels of the image in one of the deepest features, along each axis."""


class AttentionGate(nn.Module):
    """Weighs a skip connection by what the decoder knows already."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // 2)
        self.from_decoder = nn.Sequential(
            nn.Conv2d(channels, inner, 1), BatchNorm(inner)
        )
        self.from_skip = nn.Sequential(nn.Conv2d(channels, inner, 1), BatchNorm(inner))
        self.weigh = nn.Sequential(nn.Conv2d(inner, 1, 1), BatchNorm(1))

    def forward(self, decoder: Tensor, skip: Tensor) -> Tensor:
        """Return the skip connection (N, C, Y, X), weighed."""
        both = F.relu(self.from_decoder(decoder) + self.from_skip(skip))
        return skip * torch.sigmoid(self.weigh(both))


class AttentionUNet(nn.Module):
    """One logit for each pixel.

    Parameters
    ----------
    channels : int
        Of the images.
    width : float
        Factor on the number of channels of every layer; 1 as published.
    """

    def __init__(self, channels: int = 3, width: float = 1.0) -> None:
        super().__init__()
        widths = [scaled(n, width) for n in WIDTHS]
        self.down = nn.ModuleList(
            double_conv(a, b) for a, b in zip([channels, *widths], widths, strict=False)
        )
        pairs = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, 2) for a, b in pairs)
        self.gates = nn.ModuleList(AttentionGate(b) for _, b in pairs)
        self.join = nn.ModuleList(double_conv(2 * b, b) for _, b in pairs)
        self.head = nn.Conv2d(widths[0], 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Draw the foreground.

        Parameters
        ----------
        images : (N, channels, Y, X) tensor
            Y and X multiples of `COARSEST`.

        Returns
        -------
        (N, 1, Y, X) tensor
            Logits.
        """
        skips = []
        x = images
        for index, block in enumerate(self.down):
            x = block(x if not index else F.max_pool2d(x, 2))
            skips.append(x)
        skips.pop()
        for up, gate, join in zip(self.up, self.gates, self.join, strict=True):
            x = up(x)
            x = join(torch.cat([gate(x, skips.pop()), x], 1))
        logits: Tensor = self.head(x)
        return logits
