"""Losses for dense queries and for sparse annotations."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Dense(NamedTuple):
    """Dense targets as tensors, each (N, Y, X)."""

    foreground: Tensor
    cue: Tensor
    weight: Tensor


class Sparse(NamedTuple):
    """Sparse targets as tensors, each (N, Y, X), see `SparseTarget`."""

    painted: Tensor
    stroke: Tensor
    ring: Tensor
    cue: Tensor


def mean_over(values: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean; 0 where the weights sum to nothing."""
    return (values * weight).sum() / weight.sum().clamp_min(1e-6)


def soft_dice(probability: Tensor, target: Tensor) -> Tensor:
    """Soft Dice loss over a batch (Milletari et al., 3DV 2016).

    Parameters
    ----------
    probability, target : (N, Y, X) tensor
        Values in [0, 1].

    Returns
    -------
    scalar tensor
        ``1 - (2 sum pt + 1) / (sum p^2 + sum t^2 + 1)``.
    """
    overlap = 2 * (probability * target).sum() + 1
    return 1 - overlap / (probability.square().sum() + target.square().sum() + 1)


def cue_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Per-pixel cross-entropy of the cue above its least possible value.

    Subtracting the target's own entropy makes a perfect cue cost 0, which plain
    cross-entropy with soft targets does not.
    """
    entropy = F.binary_cross_entropy(target, target, reduction="none")
    return (
        F.binary_cross_entropy_with_logits(logits, target, reduction="none") - entropy
    )


def dense_loss(logits: Tensor, target: Dense) -> Tensor:
    """Loss of a query, where every object is known.

    Parameters
    ----------
    logits : (N, 2, Y, X) tensor
        Foreground and cue.
    target : Dense
        Targets with pixel weights; pixels of weight 0 are unknown and take no part.

    Returns
    -------
    scalar tensor
        Weighted cross-entropy and soft Dice of the foreground, and twice the
        cross-entropy of the cue.
    """
    foreground, cue = logits.unbind(1)
    known = (target.weight > 0).to(foreground.dtype)
    entropy = F.binary_cross_entropy_with_logits(
        foreground, target.foreground, reduction="none"
    )
    return (
        mean_over(entropy, target.weight)
        + 0.5 * soft_dice(torch.sigmoid(foreground) * known, target.foreground * known)
        + 2 * mean_over(cue_loss(cue, target.cue), target.weight)
    )


def sparse_loss(logits: Tensor, target: Sparse) -> Tensor:
    """Loss of an annotation: unpainted pixels take no part, except the ring.

    Each kind of knowledge is averaged over its own pixels, so that a long stroke
    does not drown a small cell. On the ring just outside a painted cell only the
    cue is taught (0: here that cell ends); what the ring belongs to is unknown.

    Parameters
    ----------
    logits : (N, 2, Y, X) tensor
        Foreground and cue.
    target : Sparse
        Targets of the annotation.

    Returns
    -------
    scalar tensor
    """
    foreground, cue = logits.unbind(1)
    cue_error = cue_loss(cue, target.cue)
    return (
        mean_over(F.softplus(-foreground), target.painted)
        + mean_over(F.softplus(foreground), target.stroke)
        + mean_over(cue_error, target.painted)
        + mean_over(cue_error, target.ring)
        + mean_over(cue_error, target.stroke)
    )
