"""How readily touching cells are cut apart, as the painted cells tell.

How deep the valleys of the cue are between two cells, and within one, differs from one
kind of image to the next; one fixed splitting merges nerve fibres and cuts neurites to
pieces. Of several, the one is taken with which painted cells are found best, both in
the result and by a network that has learned from the other cells only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.core.plane_output import PlaneOutput
from napari_metaseg.core.settings import DecodeSettings

from .verdict import own_iou

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_metaseg.core.rehearsal import LeftOut
    from napari_metaseg.core.support import Crops

    Pair = tuple[PlaneOutput, NDArray[np.int32]]

USUAL = DecodeSettings().split

SPLITS = (0.25, 0.35, 0.42, USUAL, 0.58, 0.65, 0.75)
"""Values that are tried."""

PULL = 0.15
"""IoU that a splitting must gain for each unit by which it differs from the usual one:
a few cells tell it only roughly. On training tasks anything from 0.05 to 0.3 served."""


def left_out_pairs(
    drawn: Iterable[LeftOut], crops: Crops, diameter: float
) -> list[Pair]:
    """Put crops that were left out beside what is painted in them.

    Parameters
    ----------
    drawn : iterable of LeftOut
        How they were drawn.
    crops : Crops
        What was painted.
    diameter : float
        Working diameter (px).

    Returns
    -------
    list of (PlaneOutput, (Y, X) array of int32)
    """
    pairs = []
    for crop, maps in drawn:
        cells = crops.cells[crop].cpu().numpy()
        output = PlaneOutput(maps.half().numpy(), cells.shape, diameter)
        pairs.append((output, cells))
    return pairs


def fit_split(
    shown: Sequence[Pair], left_out: Sequence[Pair], settings: DecodeSettings
) -> DecodeSettings:
    """Choose the splitting with which painted cells are found best.

    Parameters
    ----------
    shown : sequence of (PlaneOutput, (Y, X) array of int32)
        Planes of the result, and what is painted on each.
    left_out : sequence of (PlaneOutput, (Y, X) array of int32)
        Crops as they are drawn without what is painted in them, see `left_out_pairs`.
        Without a whole painted cell in any of them nothing can be chosen.
    settings : DecodeSettings
        How the result is decoded but for the splitting.

    Returns
    -------
    DecodeSettings
        With the splitting chosen, or the usual one.
    """
    if settings.region or not any_cell(left_out):
        return replace(settings, split=USUAL)

    def worth(split: float) -> float:
        rules = replace(settings, min_size=0.0, clear_border=False, split=split)
        iou = np.mean([iou_of_pairs(pairs, rules) for pairs in (shown, left_out)])
        return float(iou) - PULL * abs(split - USUAL)

    return replace(settings, split=max(SPLITS, key=worth))


def any_cell(pairs: Sequence[Pair]) -> bool:
    """Whether a cell is painted on any of the planes."""
    return any((cells > 0).any() for _, cells in pairs)


def iou_of_pairs(pairs: Sequence[Pair], rules: DecodeSettings) -> float:
    """Score the cells that are painted on one or more planes, see `own_iou`."""
    outputs, painted = zip(*pairs, strict=True)
    return own_iou(outputs, painted, rules=rules, at_once=0)
