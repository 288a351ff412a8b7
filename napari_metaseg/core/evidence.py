"""Evidence: what classical filters alone can tell of the painted cells.

A pixel classifier on a bank of filters needs no training data but the painted
cells, sees every channel, and does not care whether it has met this kind of image
before. It is noisy and knows nothing of shapes. The network gets its answers as
further input channels, and meta-training teaches it to turn noisy evidence into
clean instances.

Each discriminant is a ridge regression, solved in closed form, of +1 against -1 on
the filter responses, some of them with random rectified features added (Rahimi &
Recht, NIPS 2008), and scaled so that its means on the two sides are +1 and -1. What
the painted cells are told from is not background: it is the ring around them, or
everything, whoever owns those pixels.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .filters import filter_bank
from .gray import gray_of

RANDOM_FEATURES = 128

ROBUST = 10.0
"""Ridge of cell against everything: what a few cells of one image tell must hold on
the next. On 60 training episodes the area under the ROC curve of unseen pixels rises
from 0.86 at 0.03 to 0.89."""

SHARP = 0.3
"""Ridge of cell against ring, which must see thin gaps between cells."""

SHARPEST = 0.1
"""Ridge of core against edge."""

RING = (1, 7)
"""Inner and outer distance (px at working scale) of the ring around a cell."""

FAR = 0.1
"""Share of strokes in crops without cells in what cells are told from: those far from
every painted cell, and rejected objects, which are cut apart from the cells wherever
they lie. A few false objects are no fair sample of the world: at a half, as near
strokes have it, rejecting two of them cost 5 to 9 points of AP@0.5 in eight pairs of
four training tasks, on which this value was chosen, too."""

MAPS = 5
"""Cell against ring and against everything, each on filters alone and with random
features; then the cell's core against its edge, with random features."""

IN_CHANNELS = 1 + MAPS + 1
"""Channels of the network's input: gray image, evidence, and 1 where it is known."""

PIXELS_AT_ONCE = 2**13


class Evidence(NamedTuple):
    """Fitted discriminants on F filter responses and R random features.

    Attributes
    ----------
    mean, scale : (F,) tensor
        Standardise the filter responses.
    projection : (F + 1, R) tensor
        Random directions; the last row is the offset.
    weights : (F + R + 1, MAPS) tensor
        Ridge weights; the last row is the offset.
    """

    mean: Tensor
    scale: Tensor
    projection: Tensor
    weights: Tensor

    def to(self, device: torch.device | str) -> Evidence:
        """Copy to a device."""
        return Evidence(*(t.to(device) for t in self))


class _Sums(NamedTuple):
    """Second moments (S, P, P), first moments (S, P) and mass (S,) of S pixel sets."""

    gram: Tensor
    first: Tensor
    mass: Tensor

    def __add__(self, other: object) -> _Sums:
        assert isinstance(other, _Sums)
        return _Sums(*(a + b for a, b in zip(self, other, strict=True)))

    def minus(self, other: _Sums) -> _Sums:
        return _Sums(*(a - b for a, b in zip(self, other, strict=True)))


def fit_evidence(
    responses: Tensor,
    painted: Tensor,
    stroke: Tensor,
    cue: Tensor,
    mix: Tensor | None = None,
) -> tuple[Evidence, Tensor]:
    """Fit the discriminants on an annotation.

    Parameters
    ----------
    responses : (N, F, Y, X) tensor
        `filter_bank` of the support's crops.
    painted, stroke, cue : (N, Y, X) tensor
        What painted cells count, background strokes and the cells' cue, see `Sparse`.
    mix : (C,) tensor, optional
        What the responses of each channel count, of 1; without it all count 1.

    Returns
    -------
    Evidence
        Fitted on all crops.
    (N, MAPS, Y, X) tensor
        The evidence on the crops themselves, each judged by a fit to the others
        where others are painted, because its own would flatter it.
    """
    count = responses.shape[1]
    mean = responses.mean((0, 2, 3))
    scale = responses.std((0, 2, 3)) + 1e-3
    if mix is not None:
        # The bank's responses are ordered by filter, and each by channel.
        scale = scale / mix.clamp_min(1e-3).repeat(count // len(mix))
    projection = random_projection(count).to(responses)
    blank = Evidence(mean, scale, projection, responses.new_zeros(0))
    features = [_features(blank, crop.flatten(1).T) for crop in responses]
    sets = _pixel_sets(painted, stroke, cue)
    sums = [_sums(f, s.flatten(1)) for f, s in zip(features, sets, strict=True)]
    total = sums[0]
    for further in sums[1:]:
        total = total + further
    whole = blank._replace(weights=_solve(total, count))
    maps = []
    for own, f in zip(sums, features, strict=True):
        rest = total.minus(own)
        alone = bool(rest.mass[0] < 1e-3 * total.mass[0])
        weights = whole.weights if alone else _solve(rest, count)
        maps.append((f @ weights).T.reshape(MAPS, *responses.shape[2:]))
    return whole, torch.stack(maps).clamp(-2, 2)


def draw_evidence(evidence: Evidence, images: Tensor) -> Tensor:
    """Judge every pixel of other images.

    Parameters
    ----------
    evidence : Evidence
        Fitted on images with as many channels.
    images : (N, C, Y, X) tensor
        Normalised images at working scale.

    Returns
    -------
    (N, MAPS, Y, X) tensor
        About 1 where pixels look like what was painted, -1 where they do not.
    """
    rows = filter_bank(images).movedim(1, -1).flatten(0, 2)
    judged = [
        _features(evidence, part) @ evidence.weights
        for part in torch.split(rows, PIXELS_AT_ONCE)
    ]
    n, _, height, width = images.shape
    maps = torch.cat(judged).reshape(n, height, width, MAPS).movedim(-1, 1)
    return maps.clamp(-2, 2)


def network_input(
    images: Tensor, maps: Tensor | None, mix: Tensor | None = None
) -> Tensor:
    """Join gray image, evidence and the mark that there is evidence.

    Parameters
    ----------
    images : (N, C, Y, X) tensor
        Normalised images.
    maps : (N, MAPS, Y, X) tensor or None
        Evidence; None if nothing is known.
    mix : (C,) tensor, optional
        What each channel counts in the gray image, see `gray_of`.

    Returns
    -------
    (N, IN_CHANNELS, Y, X) tensor
    """
    gray = gray_of(images, mix)
    if maps is None:
        return torch.cat([gray, *[torch.zeros_like(gray)] * (MAPS + 1)], 1)
    return torch.cat([gray, maps, torch.ones_like(gray)], 1)


def without_evidence(inputs: Tensor) -> Tensor:
    """Return what `network_input` gives for the same images if nothing is known."""
    return network_input(inputs[:, :1], None)


def random_projection(filters: int) -> Tensor:
    """Draw the random directions for this many filters, always the same.

    Returns
    -------
    (filters + 1, RANDOM_FEATURES) tensor
        Unit-variance projections of standardised responses, with an offset.
    """
    generator = torch.Generator().manual_seed(filters)
    directions = torch.randn(filters, RANDOM_FEATURES, generator=generator)
    offset = 2 * torch.rand(1, RANDOM_FEATURES, generator=generator) - 1
    return torch.cat([directions / math.sqrt(filters), offset])


def _features(evidence: Evidence, responses: Tensor) -> Tensor:
    """Standardised responses, random features and a constant, (P, F + R + 1)."""
    projection = 2 * evidence.projection
    if evidence.scale.requires_grad:
        z = ((responses - evidence.mean) / evidence.scale).clamp(-5, 5)
        hidden = torch.addmm(projection[-1], z, projection[:-1]).relu()
        return torch.cat([z, hidden, z.new_ones(len(z), 1)], 1)
    pixels, filters = responses.shape
    features = responses.new_ones(pixels, filters + RANDOM_FEATURES + 1)
    # Written in place: this is bound by memory, and half of the cost of an episode.
    z, hidden = features[:, :filters], features[:, filters:-1]
    torch.sub(responses, evidence.mean, out=z)
    z.div_(evidence.scale).clamp_(-5, 5)
    torch.addmm(projection[-1], z, projection[:-1], out=hidden)
    hidden.relu_()
    return features


def _pixel_sets(painted: Tensor, stroke: Tensor, cue: Tensor) -> Tensor:
    """Weights of the pixels of each set, (N, 7, Y, X)."""
    near = _dilate((painted > 0).to(painted.dtype), RING[0])
    ring = _dilate(painted, RING[1]) * (1 - near)
    core = painted * (cue >= 0.6)
    edge = _dilate(painted, 2) * (cue <= 0.4)
    # A quarter of all pixels says as much as all of them.
    everything = torch.zeros_like(painted)
    everything[:, ::2, ::2] = 1
    with_cell = (painted > 0).amax((1, 2), keepdim=True)
    near, far = stroke * with_cell, stroke * ~with_cell
    return torch.stack([painted, ring, everything, near, far, core, edge], 1)


def _dilate(mask: Tensor, radius: int) -> Tensor:
    return F.max_pool2d(mask[:, None], 2 * radius + 1, 1, radius)[:, 0]


def _sums(features: Tensor, weights: Tensor) -> _Sums:
    """Moments of one crop's features (P, D) over each set of pixels (S, P)."""
    grams = []
    for weight in weights:
        inside = weight.nonzero()[:, 0]
        some = features[inside]
        grams.append(some.T @ (some * weight[inside, None]))
    return _Sums(torch.stack(grams), weights @ features, weights.sum(1))


def _solve(sums: _Sums, filters: int) -> Tensor:
    mass = sums.mass.clamp_min(1e-6)
    gram, first = sums.gram / mass[:, None, None], sums.first / mass[:, None]
    painted, ring, everything, near, far, core, edge = range(7)

    def discriminant(wanted: int, other: int, ridge: float, *, linear: bool) -> Tensor:
        rest = {other: 1.0}
        if other != edge and sums.mass[near] > 0:
            rest = {other: 0.5, near: 0.5}
        if other != edge and sums.mass[far] > 0:
            rest = {k: (1 - FAR) * share for k, share in rest.items()} | {far: FAR}
        against = sum(share * gram[k] for k, share in rest.items())
        second = (gram[wanted] + against) / 2
        target = (first[wanted] - sum(s * first[k] for k, s in rest.items())) / 2
        size = len(target)
        used = torch.ones(size, dtype=torch.bool, device=gram.device)
        used[filters:-1] = not linear
        eye = ridge * torch.eye(int(used.sum()), dtype=gram.dtype, device=gram.device)
        weights = torch.zeros_like(target)
        weights[used] = torch.linalg.solve(second[used][:, used] + eye, target[used])
        weights = weights / (target @ weights).clamp_min(1e-6)
        offset = weights[-1:] - (first[wanted] - target) @ weights
        return torch.cat([weights[:-1], offset])

    return torch.stack(
        [
            discriminant(painted, ring, SHARP, linear=True),
            discriminant(painted, everything, ROBUST, linear=True),
            discriminant(painted, ring, SHARP, linear=False),
            discriminant(painted, everything, ROBUST, linear=False),
            discriminant(core, edge, SHARPEST, linear=False),
        ],
        1,
    )
