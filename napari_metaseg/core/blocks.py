"""What the network is built of: convolutions normalised by the moments of a task."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .prototype import at_least_32


class Tape:
    """Gives each normalisation its moments in turn, or has them measured."""

    def __init__(self, given: tuple[Tensor, ...] | None) -> None:
        self.given = None if given is None else iter(given)
        self.used: list[Tensor] = []

    def moments(self, x: Tensor) -> Tensor:
        """Return the (2, C) moments to normalise these features by."""
        found = _measure(x) if self.given is None else next(self.given)
        self.used.append(found)
        return found


def _measure(x: Tensor) -> Tensor:
    # In 16 bits sums over pixels lose most of their digits.
    with torch.autocast(x.device.type, enabled=False):
        variance, mean = torch.var_mean(at_least_32(x), (0, 2, 3), correction=0)
        return torch.stack([mean, (variance + 1e-4).sqrt()])


class Norm(nn.Module):
    """Normalisation by the moments of the task, then a learned scale and shift."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, tape: Tape) -> Tensor:
        """Normalise (N, C, Y, X) features."""
        mean, deviation = tape.moments(x)
        scale = self.weight / deviation
        shift = self.bias - mean * scale
        scale, shift = (t.to(x.dtype)[:, None, None] for t in (scale, shift))
        y: Tensor = x * scale + shift
        return y


class Block(nn.Module):
    """3x3 convolutions, each normalised and followed by a SiLU."""

    def __init__(self, *channels: int) -> None:
        super().__init__()
        pairs = list(itertools.pairwise(channels))
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in pairs
        )
        self.norms = nn.ModuleList(Norm(b) for _, b in pairs)

    def forward(self, x: Tensor, tape: Tape) -> Tensor:
        """Map (N, C, Y, X) features to the last number of channels."""
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.silu(norm(conv(x), tape))
        return x


class Judge(nn.Module):
    """Weigh likeness and features at two resolutions: a cell is wider than a conv."""

    def __init__(self, half: int, quarter: int) -> None:
        super().__init__()
        self.near = Block(half, half)
        self.far = Block(half, quarter, quarter)
        self.join = Block(quarter + half, half)

    def forward(self, x: Tensor, tape: Tape) -> Tensor:
        """Map (N, C, Y, X) features to as many."""
        near = self.near(x, tape)
        far = up_by_2(self.far(F.avg_pool2d(near, 2), tape))
        joined: Tensor = self.join(torch.cat([far, near], 1), tape)
        return joined


def up_by_2(x: Tensor) -> Tensor:
    """Double the resolution."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
