"""What measurements tell of classes, solved in closed form from a few examples."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SPREAD = 0.1
"""Variance within a class that is believed before any example was seen; that of all
cells of an image is 1."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Mean of each class, and how much each measurement counts.

    Attributes
    ----------
    means : (..., K, M) tensor
        Mean measurements of the examples of each class.
    weights : (..., M) tensor
        Weight of each measurement's squared distance.
    """

    means: Tensor
    weights: Tensor

    def of(self, measures: Tensor) -> Tensor:
        """Say of cells (N, M) how much speaks for each class: (N, K)."""
        distances = (measures[..., None, :] - self.means) ** 2
        return -0.5 * (distances * self.weights[..., None, :]).sum(-1)


def fit_evidence(measures: Tensor, classes: Tensor, count: int) -> Evidence:
    """Weigh the measurements by how well they tell the examples apart.

    It is a Gaussian classifier with one variance for all classes. Its sum over
    measurements is weighted by Fisher's ratio, the variance between the classes' means
    over that within the classes: what tells them apart is one measurement or two, and
    the others would only add their noise.

    Parameters
    ----------
    measures : (N, M) tensor
        Measurements of the examples, standardised over their image.
    classes : (N,) tensor of int64
        Class of each; each class has one at least.
    count : int
        Number of classes.
    """
    numbers = torch.bincount(classes, minlength=count)
    sums = measures.new_zeros(count, measures.shape[1]).index_add(0, classes, measures)
    means = sums / numbers[:, None]
    within = ((measures - means[classes]) ** 2).sum(0) / len(classes)
    return _weighed(means, within)


def evidence_among(measures: Tensor, classes: Tensor, count: int) -> Tensor:
    """Judge each example by all the others.

    Parameters
    ----------
    measures, classes, count
        As `fit_evidence` takes them.

    Returns
    -------
    (N, K) tensor
        0 for one that is alone in its class.
    """
    whole = torch.bincount(classes, minlength=count)
    own = whole[classes]
    sums = measures.new_zeros(count, measures.shape[1]).index_add(0, classes, measures)
    centres = sums / whole[:, None]
    offsets = measures - centres[classes]
    # Without an example, the mean of its class moves away from it.
    share = torch.where(own > 1, 1 / (own - 1).clamp_min(1), 0)[:, None]
    member = torch.nn.functional.one_hot(classes, count)[:, :, None]
    means = centres - member * (offsets * share)[:, None]
    taken = (1 + share) * offsets**2
    within = ((offsets**2).sum(0) - taken).clamp_min(0) / max(len(classes) - 1, 1)
    found = _weighed(means, within).of(measures)
    return torch.where((own > 1)[:, None], found, 0)


def _weighed(means: Tensor, within: Tensor) -> Evidence:
    within = within + SPREAD
    ratio = means.var(-2, correction=0) / within
    total = ratio.sum(-1, keepdim=True).clamp_min(1e-6)
    return Evidence(means, ratio / total / within)
