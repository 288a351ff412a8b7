"""A prototype of the painted cells, in closed form on the network's own features.

It is a linear density ratio between painted pixels and all pixels (least-squares
importance fitting; Kanamori, Hido & Sugiyama, JMLR 10, 2009, eq. 4), and
differentiable, so that meta-training shapes the features for it. It uses unpainted
pixels only as "the rest of the world", never as background.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


def at_least_32(x: Tensor) -> Tensor:
    """Bring 16-bit numbers to 32 bits, and leave 64 bits alone."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


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
        What painted cells count, and background strokes, at image resolution; averaged
        down to (h, w).
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


def likeness_of(features: Tensor, prototypes: Tensor) -> Tensor:
    """Judge every pixel by a prototype.

    Parameters
    ----------
    features : (N, C, h, w) tensor
        Features of images.
    prototypes : (N, C + 1) tensor
        The prototype for each image.

    Returns
    -------
    (N, 2, h, w) tensor
        Likeness to what was painted (about 1 there, at most 2), and a mark that it is
        known.
    """
    with torch.autocast(features.device.type, enabled=False):
        weights, bias = prototypes[:, :-1, None, None], prototypes[:, -1, None, None]
        ratio = (at_least_32(features) * weights).sum(1) + bias
        likeness = 2 * torch.tanh(ratio / 2)
    return torch.stack([likeness, torch.ones_like(likeness)], 1).to(features.dtype)
