"""Scores of one image, and their mean over the images of a draw."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.core.metrics import (
    iou_matrix,
    mask_dice,
    mask_iou,
    match_counts,
    mean_average_precision,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .draws import Labels

METRICS = ("ap50", "map", "dice", "iou")


@dataclass(frozen=True, slots=True)
class Scores:
    """How well an image is segmented, all in [0, 1].

    Attributes
    ----------
    ap50 : float
        ``TP / (TP + FP + FN)``, matched one to one at IoU >= 0.5.
    map : float
        The same, averaged over the thresholds 0.5, 0.55, ..., 0.95.
    dice, iou : float
        Of the foreground, whatever its objects.
    """

    ap50: float
    map: float
    dice: float
    iou: float

    def as_dict(self) -> dict[str, float]:
        """Return the scores by name."""
        return asdict(self)


def score(truth: Labels, found: Labels, painted: Labels | None = None) -> Scores:
    """Score one image.

    Parameters
    ----------
    truth, found : (Y, X) arrays of int32
        Instances, 0 = background.
    painted : (Y, X) array of int32, optional
        What was painted on this very image: it takes no part, see `leave_out`.

    Returns
    -------
    Scores
    """
    known = np.zeros(truth.shape, bool)
    if painted is not None:
        truth, found = leave_out(truth, found, painted)
        known = painted != 0
    iou = iou_matrix(truth, found)
    masks = (truth > 0) & ~known, (found > 0) & ~known
    return Scores(
        match_counts(iou).ap,
        mean_average_precision(iou),
        mask_dice(*masks),
        mask_iou(*masks),
    )


def leave_out(truth: Labels, found: Labels, painted: Labels) -> tuple[Labels, Labels]:
    """Leave painted cells out of truth and result.

    Parameters
    ----------
    truth, found : (Y, X) arrays of int32
        Instances.
    painted : (Y, X) array of int32
        Annotation of this image.

    Returns
    -------
    truth, found : arrays of int32
        Without true objects that were painted on, and without found ones that lie
        mostly on painted cells.
    """
    cells = painted > 0
    supported = _covered(truth, cells) > 0
    answers = 2 * _covered(found, cells) > np.bincount(found.ravel())
    return np.where(supported[truth], 0, truth), np.where(answers[found], 0, found)


def _covered(labels: Labels, mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Count the pixels of each label on a mask."""
    return np.bincount(labels[mask], minlength=int(labels.max(initial=0)) + 1)


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """Average over images."""
    rows = [list(s.as_dict().values()) for s in scores]
    return Scores(*(float(x) for x in np.mean(rows, axis=0)))
