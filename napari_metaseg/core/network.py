"""The compact U-Net that every initialization shares.

Features are normalised by their *moments* over the task's support, in training and
in use alike (Bronskill et al., TaskNorm, ICML 2020, "MetaBN"): every kind of image
brings its own statistics, and none has to be shared or learned. Apart from that
nothing depends on the extent of the input, so that a tile with a sufficient halo
gives what the whole image gives.

Its input is the gray image and the evidence of classical filters, see `evidence`.
Half-way up the decoder a *prototype* asks of each pixel whether it looks like what was
painted, see `prototype`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .blocks import Block, Judge, Norm, Tape, up_by_2
from .errors import UserError
from .evidence import IN_CHANNELS
from .prototype import at_least_32, fit_prototypes, likeness_of

STRIDE = 8
"""Inputs are padded to multiples of this many px."""

WIDTHS = range(4, 513)
"""Channels that a layer may have."""

Params = dict[str, Tensor]
"""A network's parameters by name: what the inner loop adapts."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """What is needed to build the network again.

    Attributes
    ----------
    name : str
        Identifier of this family of networks.
    widths : tuple of 4 int
        Channels at full, half, quarter and eighth resolution.
    """

    name: str = "evidence-unet-1"
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
                "widths": [int(a), int(b), int(c), int(d)],
            } if all(w in WIDTHS for w in (a, b, c, d)):
                return cls(known.name, (a, b, c, d))
        raise UserError(
            "The bundle was made for another network architecture; use a bundle of "
            "this version of napari-metaseg or train it again."
        )


class Moments(NamedTuple):
    """Mean and standard deviation of features over the task's support.

    Attributes
    ----------
    seeing, deciding : tuple of (2, C) tensor
        Of each normalisation before and within the `PrototypeUNet.DECIDING` layers.
    """

    seeing: tuple[Tensor, ...]
    deciding: tuple[Tensor, ...]


class Seen(NamedTuple):
    """What the layers before the `PrototypeUNet.DECIDING` ones make of images.

    Attributes
    ----------
    fine : (N, A, Y, X) tensor
        Features at full resolution.
    half : (N, B, Y / 2, X / 2) tensor
        Features at half resolution.
    likeness : (N, 2, Y / 2, X / 2) tensor
        The prototype's answer, and a mark that there is one.
    """

    fine: Tensor
    half: Tensor
    likeness: Tensor


class Output(NamedTuple):
    """What one pass gives.

    Attributes
    ----------
    seen : Seen
        What the deciding layers were given.
    logits : (N, 2, Y, X) tensor
        Foreground and cue, before the sigmoid.
    prototype : (C + 1,) tensor or None
        The prototype that was used, or fitted on this very input.
    moments : Moments
        Those that were used, or measured on this very input.
    """

    seen: Seen
    logits: Tensor
    prototype: Tensor | None
    moments: Moments


class PrototypeUNet(nn.Module):
    """U-Net of four levels with a closed-form prototype at half resolution.

    Parameters
    ----------
    architecture : Architecture
        Sizes of the layers.
    """

    HALO = 80
    """Radius of the receptive field in px, rounded up to a multiple of `STRIDE`."""

    DECIDING = ("lift.", "judge.", "last.", "head.")
    """Layers behind the prototype; those before them need not be run again as long
    as they do not change."""

    def __init__(self, architecture: Architecture | None = None) -> None:
        super().__init__()
        self.architecture = architecture or Architecture()
        a, b, c, d = self.architecture.widths
        self.stem = Block(IN_CHANNELS, a)
        self.down1 = Block(a, b, b)
        self.down2 = Block(b, c, c)
        self.bottom = Block(c, d, d)
        self.up2 = Block(d + c, c, c)
        self.up1 = Block(c + b, b, b)
        self.lift = nn.Linear(2, b)
        self.judge = Judge(b, c)
        self.last = Block(b + a, a, a)
        self.head = nn.Conv2d(a, 2, 1)
        self.log_ridge = nn.Parameter(torch.tensor(-3.0))
        assert self.head.bias is not None
        nn.init.constant_(self.head.bias, -1.0)

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
        """Draw foreground and cue.

        Parameters
        ----------
        inputs : (N, IN_CHANNELS, Y, X) tensor
            Images at working scale with their evidence, see `network_input`; Y and X
            multiples of `STRIDE`.
        moments : Moments, optional
            Moments of the task. Without them these very inputs are the support, and
            theirs are measured.
        prototype : (C + 1,) tensor, optional
            Prototype of the task. Without it the network draws what is usual.
        painted, stroke : (N, Y, X) tensor, optional
            Painted cells and background strokes of these very images: the
            prototype is fitted on them, and each image is judged by the
            prototype of the other images where there are some, because its own
            would flatter it.
        seen : Seen, optional
            What an earlier pass over the same inputs saw: only the deciding layers
            are run.

        Returns
        -------
        Output
        """
        seeing = Tape(None if moments is None else moments.seeing)
        if seen is None:
            seen, prototype = self._see(inputs, seeing, prototype, painted, stroke)
        deciding = Tape(None if moments is None else moments.deciding)
        lifted = self.lift(seen.likeness.movedim(1, -1)).movedim(-1, 1)
        judged = self.judge(seen.half + lifted, deciding)
        top = self.last(torch.cat([up_by_2(judged), seen.fine], 1), deciding)
        used = Moments(tuple(seeing.used), tuple(deciding.used))
        return Output(seen, at_least_32(self.head(top)), prototype, used)

    def _see(
        self,
        inputs: Tensor,
        tape: Tape,
        prototype: Tensor | None,
        painted: Tensor | None,
        stroke: Tensor | None,
    ) -> tuple[Seen, Tensor | None]:
        fine = self.stem(inputs, tape)
        half = self.down1(F.avg_pool2d(fine, 2), tape)
        quarter = self.down2(F.avg_pool2d(half, 2), tape)
        eighth = self.bottom(F.avg_pool2d(quarter, 2), tape)
        up = self.up2(torch.cat([up_by_2(eighth), quarter], 1), tape)
        up = self.up1(torch.cat([up_by_2(up), half], 1), tape)
        if painted is not None:
            with torch.autocast(up.device.type, enabled=False):
                fit = fit_prototypes(up, painted, stroke, self.log_ridge.exp())
            likeness, prototype = likeness_of(up, fit.crossed), fit.whole
        elif prototype is not None:
            likeness = likeness_of(up, prototype.expand(len(up), -1))
        else:
            likeness = up.new_zeros(len(up), 2, *up.shape[2:])
        return Seen(fine, up, likeness), prototype

    @property
    def prototype_size(self) -> int:
        """Length of a prototype."""
        return self.architecture.widths[1] + 1

    def moment_shapes(self) -> Moments:
        """Return empty tensors in the shapes of all moments, in order of use."""

        def shapes(*blocks: nn.Module) -> tuple[Tensor, ...]:
            return tuple(
                norm.weight.new_empty(2, len(norm.weight))
                for block in blocks
                for norm in block.modules()
                if isinstance(norm, Norm)
            )

        seeing = self.stem, self.down1, self.down2, self.bottom, self.up2, self.up1
        return Moments(shapes(*seeing), shapes(self.judge, self.last))
