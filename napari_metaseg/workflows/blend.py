"""The un-adapted network's share in what an adapted one draws.

A network that finds the painted cells by itself knows this kind of image, and what it
knows of it beyond the painted cells is lost in adapting. Then both networks are asked,
and their probabilities averaged (the output-space ensemble of Wortsman et al., Robust
fine-tuning of zero-shot models, CVPR 2022). On twelve validation tasks, two draws of
three cells each, this took the mean AP@0.5 of iMAML from 0.471 to 0.479 with its own
start as the un-adapted network, and later from 0.567 to 0.581 with the pooled one in
its place.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.core.objects import FIRST
from napari_metaseg.core.rehearsal import LeftOut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_metaseg.core.plane_output import PlaneOutput

SHARE = 0.5
"""Of the un-adapted network, where it has any and no more than `FIRST` cells are
painted. It counts as much as these: the more cells, the more is known of the kind, and
the less of what it has to say is news."""

KNOWN_FROM = 0.5
"""Own-cell IoU of the un-adapted network from which on it is asked, too. Asked from 0.3
on it harmed two of the 24 pairs: neurites 0.57 to 0.36, which it finds at 0.47."""


def unadapted_share(own_iou: float, cells: int) -> float:
    """Say how much the un-adapted network counts.

    Parameters
    ----------
    own_iou : float
        How well it draws the painted cells, in [0, 1].
    cells : int
        How many are painted.

    Returns
    -------
    float
        Weight in [0, 1] of what it draws.
    """
    return SHARE * FIRST / max(FIRST, cells) if own_iou >= KNOWN_FROM else 0.0


def blend(
    before: NDArray[np.float16], after: NDArray[np.float16], share: float
) -> NDArray[np.float16]:
    """Average what a network draws of a plane before and after adaptation.

    Parameters
    ----------
    before, after : (2, Y, X) array of float16
        Probabilities of foreground and cue.
    share : float
        Weight of what was drawn before, in [0, 1].

    Returns
    -------
    (2, Y, X) array of float16
    """
    mixed = share * before.astype(np.float32) + (1 - share) * after.astype(np.float32)
    return mixed.astype(np.float16)


def blend_left_out(
    before: Tensor, left_out: Sequence[LeftOut], share: float
) -> list[LeftOut]:
    """Average what was drawn of crops that were left out with what was before.

    Parameters
    ----------
    before : (N, 2, Y, X) tensor
        Probabilities of all crops, drawn by a network that was told of none.
    left_out : sequence of LeftOut
        How they were drawn by one that was told of the others.
    share : float
        See `blend`.
    """
    return [
        LeftOut(crop, share * before[crop].cpu() + (1 - share) * maps)
        for crop, maps in left_out
    ]


def blend_outputs(
    before: list[list[PlaneOutput]], after: list[list[PlaneOutput]], share: float
) -> list[list[PlaneOutput]]:
    """Average what was drawn of the planes of several images, see `blend`."""
    if not share:
        return after
    return [
        [
            replace(new, maps=blend(old.maps, new.maps, share)) if new.drawn else new
            for old, new in zip(*planes, strict=True)
        ]
        for planes in zip(before, after, strict=True)
    ]
