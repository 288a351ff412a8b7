"""What a person paints to correct an error of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_metaseg.core.annotation import LEAST_AREA
from napari_metaseg.core.metrics import iou_matrix

from .draws import whole_cells

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .draws import Labels


class Correction(NamedTuple):
    """What a person paints in one round.

    Attributes
    ----------
    error : float
        Size (px) of the error that it corrects.
    annotation : (Y, X) array of int32
        The annotation with the correction painted in.
    """

    error: float
    annotation: Labels

    def place(self, before: Labels) -> NDArray[np.floating]:
        """Return the middle (y, x) of what was painted since."""
        middle: NDArray[np.floating] = np.argwhere(self.annotation != before).mean(0)
        return middle


def worst_error(
    truth: Labels, found: Labels, annotation: Labels, *, strike: bool = True
) -> Correction | None:
    """Find the worst error of an image and paint what corrects it.

    A missed cell (a true object without a match at IoU 0.5) is painted; its error is
    the share of its area that the best match leaves, times the area. A false object
    (one that touches no true object) is rejected from edge to edge, as by *Reject* in
    the panel; its error is its area. What is painted or struck already counts as
    corrected.

    Parameters
    ----------
    truth, found : (Y, X) arrays of int32
        Instances.
    annotation : (Y, X) array of int32
        What is painted so far.
    strike : bool
        Whether false objects are struck: not where truth is incomplete.

    Returns
    -------
    Correction or None
        None if there is no such error.
    """
    kinds = all_errors(truth, found, annotation, strike=strike)
    firsts = [c for c in (next(kind, None) for kind in kinds) if c is not None]
    return max(firsts, key=lambda c: c.error, default=None)


def all_errors(
    truth: Labels, found: Labels, annotation: Labels, *, strike: bool
) -> list[Iterator[Correction]]:
    """Return the corrections of each kind of error, the worst first."""
    missed = _missed_cells(truth, found, annotation)
    false = _false_objects(truth, found, annotation)
    return [missed, false] if strike else [missed]


def _missed_cells(
    truth: Labels, found: Labels, annotation: Labels
) -> Iterator[Correction]:
    numbers = np.unique(truth[truth > 0])
    area = np.bincount(truth.ravel())
    best = iou_matrix(truth, found).max(1, initial=0)
    done = set(np.unique(truth[annotation > 0]).tolist())
    errors = area[numbers] * (1 - best)
    for k in np.argsort(-errors, kind="stable"):
        if best[k] >= 0.5 or int(numbers[k]) in done:
            continue
        cell = whole_cells(truth, [int(numbers[k])])
        if np.count_nonzero(cell) < LEAST_AREA:
            continue
        # Strokes that were drawn over it before give way to the cell.
        yield Correction(float(errors[k]), np.where(cell > 0, cell, annotation))


def _false_objects(
    truth: Labels, found: Labels, annotation: Labels
) -> Iterator[Correction]:
    area = np.bincount(found.ravel())
    known = np.unique(found[(truth > 0) | (annotation != 0)])
    area[np.append(known, 0)] = 0
    for worst in np.argsort(-area, kind="stable"):
        if not area[worst]:
            return
        rejected = np.where(found == worst, -1, annotation)
        yield Correction(float(area[worst]), rejected)
