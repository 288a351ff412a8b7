"""How sure a cell must be, as what is struck tells.

Who strikes a false cell wants it gone, and others like it. What is learned from a few
strokes seldom takes it away, for their share in what is learned is small: many strokes
are laid where a cell was found by mistake, and are no fair sample of all that is no
cell. But they tell how sure one must be: false cells are less sure than true ones.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile
from operator import ge
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from napari_metaseg.core.settings import DecodeSettings

from .around import judged_in
from .splitting import any_cell, iou_of_pairs
from .verdict import TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .splitting import Pair

USUAL = DecodeSettings().threshold

THRESHOLDS = (USUAL, 0.65, 0.7, 0.75, 0.8, 0.85)
"""Values that are tried."""

PULL = 0.5
"""Share of the strokes from which what is found must go, for each unit above the usual
threshold."""


def fit_threshold(
    shown: Sequence[Pair], left_out: Sequence[Pair], settings: DecodeSettings
) -> DecodeSettings:
    """Choose the threshold at which painted cells are found, and struck ones are not.

    Parameters
    ----------
    shown, left_out
        As in `fit_split`; none need be left out.
    settings : DecodeSettings
        How the result is decoded but for the threshold.

    Returns
    -------
    DecodeSettings
        With the threshold chosen: the usual one where nothing is found on a stroke.
        Of a region it stays as it is.
    """
    if settings.region:
        return settings
    rules = replace(settings, min_size=0.0, clear_border=False)
    # Of cells that were learned from, a network is surer than of any other.
    known = [pairs for pairs in (shown, left_out) if any_cell(pairs)]

    def found(threshold: float) -> list[float]:
        return [iou_of_pairs(p, replace(rules, threshold=threshold)) for p in known]

    def cost(threshold: float) -> float:
        on_strokes = found_on_strokes(shown, replace(rules, threshold=threshold))
        return on_strokes + PULL * (threshold - USUAL)

    best = USUAL
    if known and cost(USUAL):
        least = [iou - TOLERANCE for iou in found(USUAL)]
        # Cells once lost come back at no higher threshold.
        tried = takewhile(lambda t: all(map(ge, found(t), least)), THRESHOLDS)
        best = min(tried, key=cost)
    return replace(settings, threshold=best)


def found_on_strokes(shown: Sequence[Pair], rules: DecodeSettings) -> float:
    """Tell on how much of what is struck something is found.

    Parameters
    ----------
    shown : sequence of (PlaneOutput, (Y, X) array of int32)
        Planes of the result, and what is painted on each.
    rules : DecodeSettings
        How they are decoded.

    Returns
    -------
    float
        Share in [0, 1], in the mean over connected pieces; 0 without any.
    """
    shares: list[float] = []
    for output, annotation in shown:
        pieces, count = ndi.label(annotation < 0, np.ones((3, 3)))
        if not count:
            continue
        found = np.zeros(output.shape, bool)
        for window in judged_in([pieces], output.working, output.diameter, 0):
            found[window] = output.instances(rules, window) > 0
        shares += ndi.mean(found, pieces, np.arange(1, count + 1)).tolist()
    return float(np.mean(shares)) if shares else 0.0
