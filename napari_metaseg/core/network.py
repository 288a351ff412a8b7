"""The compact U-Net that every initialization shares.

Nothing in it depends on the extent of its input: normalisation runs over the
channels of one pixel, there are no running statistics and no global pooling, so
that a tile with a sufficient halo gives what the whole image gives.

Half-way up the decoder a *prototype* asks of each pixel: does this look like what
was painted? It is a linear density ratio between painted pixels and all pixels,
fitted in closed form on the network's own features (least-squares importance
fitting; Kanamori, Hido & Sugiyama, JMLR 10, 2009, eq. 4) and differentiable, so
that meta-training shapes the features for it. It uses unpainted pixels only as
"the rest of the world", never as background.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .errors import UserError

STRIDE = 8
"""Inputs are padded to multiples of this many px."""

Params = dict[str, Tensor]
"""A network's parameters by name: what the inner loop adapts."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """What is needed to build the network again.

    Attributes
    ----------
    name : str
        Identifier of this family of networks.
    in_channels : int
        Number of image channels.
    widths : tuple of 4 int
        Channels at full, half, quarter and eighth resolution.
    """

    name: str = "prototype-unet-1"
    in_channels: int = 1
    widths: tuple[int, int, int, int] = (16, 32, 64, 128)

    def as_dict(self) -> dict[str, object]:
        """Return a JSON-ready dictionary."""
        return asdict(self) | {"widths": list(self.widths)}

    @classmethod
    def from_dict(cls, data: object) -> Architecture:
        """Check and read what `as_dict` wrote.

        Raises
        ------
        UserError
            If the dictionary does not describe this family of networks.
        """
        known = cls()
        match data:
            case {
                "name": known.name,
                "in_channels": int(n),
                "widths": [int(a), int(b), int(c), int(d)],
            } if 1 <= n <= 16 and all(4 <= w <= 512 for w in (a, b, c, d)):
                return cls(known.name, n, (a, b, c, d))
        raise UserError(
            "The bundle was made for another network architecture; use a bundle of "
            "this version of napari-metaseg or train it again."
        )


class Output(NamedTuple):
    """What one pass gives.

    Attributes
    ----------
    logits : (N, 2, Y, X) tensor
        Foreground and cue, before the sigmoid.
    prototype : (C + 1,) tensor or None
        The prototype that was used, or fitted on this very input.
    """

    logits: Tensor
    prototype: Tensor | None


class _Norm(nn.Module):
    """Layer normalisation over the channels of each pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        # In 16 bits the sums over pixels behind the gradient of scale and shift
        # lose most of their digits.
        y = F.layer_norm(at_least_32(x.movedim(1, -1)), self.weight.shape)
        return (y * self.weight + self.bias).movedim(-1, 1)


class _Block(nn.Sequential):
    """3x3 convolutions, each with per-pixel normalisation and SiLU."""

    def __init__(self, *channels: int, dilation: int = 1) -> None:
        layers: list[nn.Module] = []
        for a, b in itertools.pairwise(channels):
            conv = nn.Conv2d(a, b, 3, padding=dilation, dilation=dilation, bias=False)
            layers += [conv, _Norm(b), nn.SiLU()]
        super().__init__(*layers)


def at_least_32(x: Tensor) -> Tensor:
    """Bring 16-bit numbers to 32 bits, and leave 64 bits alone."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _up(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class PrototypeUNet(nn.Module):
    """U-Net of four levels with a closed-form prototype at half resolution.

    Parameters
    ----------
    architecture : Architecture
        Sizes of the layers.
    """

    HALO = 80
    """Radius of the receptive field in px, rounded up to a multiple of `STRIDE`."""

    def __init__(self, architecture: Architecture | None = None) -> None:
        super().__init__()
        self.architecture = architecture or Architecture()
        n = self.architecture.in_channels
        a, b, c, d = self.architecture.widths
        self.stem = nn.Conv2d(n, a, 3, padding=1)
        self.down1 = _Block(a, b, b)
        self.down2 = _Block(b, c, c)
        self.bottom = _Block(c, d, d)
        self.up2 = _Block(d + c, c, c)
        self.up1 = _Block(c + b, b, b)
        self.lift = nn.Linear(2, b)
        self.judge = _Block(b, b, b, dilation=2)
        self.last = nn.Conv2d(b + a, a, 3, padding=1)
        self.head = nn.Conv2d(a, 2, 1)
        self.log_ridge = nn.Parameter(torch.tensor(-3.0))
        assert self.head.bias is not None
        nn.init.constant_(self.head.bias, -1.0)

    def forward(
        self,
        images: Tensor,
        *,
        prototype: Tensor | None = None,
        painted: Tensor | None = None,
        stroke: Tensor | None = None,
    ) -> Output:
        """Draw foreground and cue.

        Parameters
        ----------
        images : (N, C, Y, X) tensor
            Normalised images at working scale; Y and X multiples of `STRIDE`.
        prototype : (C + 1,) tensor, optional
            Prototype of the task. Without it the network draws what is usual.
        painted, stroke : (N, Y, X) tensor, optional
            Painted cells and background strokes of these very images: the
            prototype is fitted on them, and each image is judged by the
            prototype of the other images where there are some, because its own
            would flatter it.

        Returns
        -------
        Output
        """
        fine = self.stem(images)
        half = self.down1(F.avg_pool2d(fine, 2))
        quarter = self.down2(F.avg_pool2d(half, 2))
        eighth = self.bottom(F.avg_pool2d(quarter, 2))
        up = self.up2(torch.cat([_up(eighth), quarter], 1))
        up = self.up1(torch.cat([_up(up), half], 1))
        if painted is not None:
            with torch.autocast(up.device.type, enabled=False):
                fit = fit_prototypes(up, painted, stroke, self.log_ridge.exp())
            evidence, prototype = _evidence(up, fit.crossed), fit.whole
        elif prototype is not None:
            evidence = _evidence(up, prototype.expand(len(up), -1))
        else:
            evidence = up.new_zeros(len(up), 2, *up.shape[2:])
        lifted = self.lift(evidence.movedim(1, -1)).movedim(-1, 1)
        judged = self.judge(up + lifted)
        top = F.silu(self.last(torch.cat([_up(judged), F.silu(fine)], 1)))
        return Output(at_least_32(self.head(top)), prototype)


class Prototypes(NamedTuple):
    """Prototypes fitted on N support images.

    Attributes
    ----------
    whole : (C + 1,) tensor
        Fitted on all of them; its mean answer on painted pixels is 1.
    crossed : (N, C + 1) tensor
        Row i is fitted without the painted pixels of image i (with them if
        they are the only ones).
    """

    whole: Tensor
    crossed: Tensor


def fit_prototypes(
    features: Tensor, painted: Tensor, stroke: Tensor | None, ridge: Tensor
) -> Prototypes:
    """Fit the density ratio painted : everything, in closed form.

    With features ``f`` (a constant appended), ``w`` is proportional to
    ``(E_all[f f'] + E_stroke[f f'] + ridge I)^-1 E_painted[f]``; strokes weigh as
    much as the rest of the world, which pushes the answer towards 0 there.

    Parameters
    ----------
    features : (N, C, h, w) tensor
        Features of the support images.
    painted, stroke : (N, Y, X) tensor
        Masks at image resolution; averaged down to (h, w).
    ridge : scalar tensor
        Strength of the ridge penalty.

    Returns
    -------
    Prototypes
    """
    shape = features.shape[2], features.shape[3]
    f = at_least_32(features).flatten(2).transpose(1, 2)
    f = torch.cat([f, f.new_ones(*f.shape[:2], 1)], 2)
    weight = F.adaptive_avg_pool2d(painted, shape).flatten(1)
    gram = _mean_gram(f, f.new_ones(f.shape[:2]))
    if stroke is not None:
        gram = gram + _mean_gram(f, F.adaptive_avg_pool2d(stroke, shape).flatten(1))
    gram = gram + ridge * torch.eye(f.shape[2], dtype=f.dtype, device=f.device)
    mass = weight.sum(1)
    sums = torch.einsum("npc,np->nc", f, weight)
    others = mass.sum() - mass
    alone = (others < 1e-3 * mass.sum().clamp_min(1e-6)).to(f.dtype)
    crossed = (sums.sum(0) - sums * (1 - alone)[:, None]) / (
        mass.sum() - mass * (1 - alone)
    ).clamp_min(1e-6)[:, None]
    means = torch.cat([(sums.sum(0) / mass.sum().clamp_min(1e-6))[None], crossed])
    answers = torch.linalg.solve(gram, means.T).T
    answers = answers / (answers * means).sum(1, keepdim=True).clamp_min(1e-6)
    return Prototypes(answers[0], answers[1:])


def _mean_gram(f: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of f f' over images and pixels; 0 where there is no weight."""
    gram = torch.einsum("npc,npd->cd", f * weight[..., None], f)
    return gram / weight.sum().clamp_min(1e-6)


def _evidence(features: Tensor, prototypes: Tensor) -> Tensor:
    """Likeness to what was painted (about 1 there), and a mark that it is known."""
    with torch.autocast(features.device.type, enabled=False):
        weights, bias = prototypes[:, :-1, None, None], prototypes[:, -1, None, None]
        ratio = (at_least_32(features) * weights).sum(1) + bias
        likeness = 2 * torch.tanh(ratio / 2)
    return torch.stack([likeness, torch.ones_like(likeness)], 1).to(features.dtype)


def count_parameters(module: nn.Module) -> int:
    """Count the trainable numbers of a module."""
    return sum(p.numel() for p in module.parameters())
