"""A U-Net on the encoder of VGG-11, as segmentation_models_pytorch lays it out.

Encoder: Simonyan & Zisserman 2015, configuration A, without its classifier. Decoder:
five times upsampling by 2, the skip connection of that scale, and two convolutions
with batch normalisation; the encoder's features at full resolution are not used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from .errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from .network import Params

STAGES = ((64,), (128,), (256, 256), (512, 512), (512, 512))
"""Channels of the convolutions before each of the encoder's poolings."""

DECODER = (256, 128, 64, 32, 16)

DEEPEST = 32
"""Pixels of the image in one of the deepest features, along each axis."""


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation by the statistics of the batch, in training and after.

    So one pass depends on nothing but parameters and images, and can be
    differentiated twice. An image is judged together with the others of its batch.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, track_running_stats=False)


def double_conv(channels: int, out: int) -> nn.Sequential:
    """Return two 3 x 3 convolutions, each normalised and rectified."""
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, padding=1, bias=False),
        BatchNorm(out),
        nn.ReLU(),
        nn.Conv2d(out, out, 3, padding=1, bias=False),
        BatchNorm(out),
        nn.ReLU(),
    )


class VggUNet(nn.Module):
    """VGG-11 encoder, U-Net decoder, one logit for each pixel.

    Parameters
    ----------
    channels : int
        Of the images.
    width : float
        Factor on the number of channels of every layer; 1 as published.
    """

    def __init__(self, channels: int = 1, width: float = 1.0) -> None:
        super().__init__()
        stages = [[scaled(n, width) for n in stage] for stage in STAGES]
        layers: list[nn.Module] = []
        before = channels
        for stage in stages:
            for n in stage:
                layers += [nn.Conv2d(before, n, 3, padding=1), nn.ReLU()]
                before = n
            layers.append(nn.MaxPool2d(2))
        # Numbered as in torchvision, whose weights fit by name.
        self.features = nn.Sequential(*layers)
        self.centre = double_conv(before, before)
        blocks = []
        skips = [*(stage[-1] for stage in reversed(stages[1:])), 0]
        for skip, n in zip(skips, DECODER, strict=True):
            out = scaled(n, width)
            blocks.append(double_conv(before + skip, out))
            before = out
        self.blocks = nn.ModuleList(blocks)
        self.head = nn.Conv2d(before, 1, 3, padding=1)
        for layer in self.features:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """Draw the foreground.

        Parameters
        ----------
        images : (N, channels, Y, X) tensor
            Y and X multiples of `DEEPEST`.

        Returns
        -------
        (N, 1, Y, X) tensor
            Logits.
        """
        skips = []
        x = images
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                skips.append(x)
            x = layer(x)
        x = self.centre(x)
        for skip, block in zip([*reversed(skips[1:]), None], self.blocks, strict=True):
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = block(x if skip is None else torch.cat([x, skip], 1))
        logits: Tensor = self.head(x)
        return logits


def scaled(channels: int, width: float) -> int:
    """Return a number of channels times a factor, at least 1."""
    return max(1, round(channels * width))


def read_encoder(path: Path, network: VggUNet) -> Params:
    """Read weights of a VGG-11 for the encoder of a network.

    Parameters
    ----------
    path : Path
        A safetensors file with torchvision's names (``features.0.weight``, ...);
        further tensors are ignored. For images of one channel the first
        convolution's colours are summed.
    network : VggUNet
        What they are for.

    Returns
    -------
    Params
        By the network's names.

    Raises
    ------
    UserError
        If the file cannot be read or does not fit.
    """
    try:
        read = load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"'{path}' cannot be read as safetensors ({error}); convert the weights "
            "anew."
        ) from error
    wanted = {
        k: p.shape for k, p in network.named_parameters() if k.startswith("features.")
    }
    first = "features.0.weight"
    if first in read and read[first].ndim == 4 and wanted[first][1] == 1:
        read[first] = read[first].sum(1, keepdim=True)
    for name, shape in wanted.items():
        if name not in read or read[name].shape != shape:
            raise UserError(
                f"'{path}' holds no '{name}' of shape {tuple(shape)}; give the weights "
                "of a VGG-11 without batch normalisation, and leave the width at 1."
            )
    return {name: read[name].float() for name in wanted}
