"""Scores of instances and of foreground against known masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray


IOU_THRESHOLDS = tuple((50 + 5 * i) / 100 for i in range(10))
"""IoU thresholds 0.5, 0.55, ..., 0.95 over which the mean AP is taken."""


class Counts(NamedTuple):
    """True positives, false positives and false negatives at one threshold."""

    tp: int
    fp: int
    fn: int

    @property
    def ap(self) -> float:
        """``TP / (TP + FP + FN)``; 1 where there is nothing to find or found."""
        total = self.tp + self.fp + self.fn
        return self.tp / total if total else 1.0


def iou_matrix(
    truth: NDArray[np.integer], found: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Intersection over union of every pair of objects.

    Parameters
    ----------
    truth, found : arrays of int, of one shape
        Instances, 0 = background; ids need not be consecutive.

    Returns
    -------
    (n_truth, n_found) array of float
        Rows and columns in ascending order of id.
    """
    t_ids, t = np.unique(truth, return_inverse=True)
    f_ids, f = np.unique(found, return_inverse=True)
    overlap = coo_matrix(
        (np.ones(t.size), (t.ravel(), f.ravel())), shape=(len(t_ids), len(f_ids))
    ).toarray()
    t_area, f_area = overlap.sum(1, keepdims=True), overlap.sum(0, keepdims=True)
    iou = overlap / (t_area + f_area - overlap)
    return np.asarray(iou[t_ids > 0][:, f_ids > 0])


def match_counts(iou: NDArray[np.floating], threshold: float = 0.5) -> Counts:
    """Match objects one to one where their IoU reaches a threshold.

    Parameters
    ----------
    iou : (n_truth, n_found) array of float
        See `iou_matrix`.
    threshold : float
        Least IoU of a match.

    Returns
    -------
    Counts
    """
    hit = (iou >= threshold).astype(float)
    rows, columns = linear_sum_assignment(-(hit + 1e-6 * iou))
    tp = int(hit[rows, columns].sum())
    return Counts(tp, iou.shape[1] - tp, iou.shape[0] - tp)


def average_precision(
    truth: NDArray[np.integer], found: NDArray[np.integer], threshold: float = 0.5
) -> float:
    """``TP / (TP + FP + FN)`` of one image at one IoU threshold.

    Parameters
    ----------
    truth, found : arrays of int, of one shape
        Instances, 0 = background.
    threshold : float
        Least IoU of a match.

    Returns
    -------
    float
        1 if both are empty.
    """
    return match_counts(iou_matrix(truth, found), threshold).ap


def mean_average_precision(iou: NDArray[np.floating]) -> float:
    """Mean of ``TP / (TP + FP + FN)`` over `IOU_THRESHOLDS`.

    Parameters
    ----------
    iou : (n_truth, n_found) array of float
        See `iou_matrix`.

    Returns
    -------
    float
    """
    return float(np.mean([match_counts(iou, t).ap for t in IOU_THRESHOLDS]))


def mask_iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks; 1 if both are empty."""
    union = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / union if union else 1.0


def mask_dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Twice the intersection over the sum of two masks; 1 if both are empty."""
    total = int(np.count_nonzero(a)) + int(np.count_nonzero(b))
    return 2 * int(np.count_nonzero(a & b)) / total if total else 1.0
