"""A bank of classical filters: what pixel classifiers look at."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

SIGMAS = (0.7, 1.5, 3.0, 6.0)
"""Scales (px at working scale): from a membrane to a quarter of a cell."""

PER_SCALE = 4
"""Intensity, gradient magnitude and both Hessian eigenvalues."""

REACH = 1 + math.ceil(3 * SIGMAS[-1])
"""How far (px) a pixel's responses see."""


def filter_count(channels: int) -> int:
    """Return the number of responses for this many image channels."""
    return channels * (1 + PER_SCALE * len(SIGMAS))


def filter_bank(images: Tensor) -> Tensor:
    """Filter every channel at every scale.

    Derivatives are multiplied by the scale to their order, so that responses at
    different scales compare (Lindeberg, IJCV 30, 1998, section 4.1).

    Parameters
    ----------
    images : (N, C, Y, X) tensor
        Images at working scale; their borders are continued as they are.

    Returns
    -------
    (N, F, Y, X) tensor
        The image, then for each scale the smoothed image, the magnitude of its
        gradient, and the larger and the smaller eigenvalue of its Hessian.
    """
    responses = [images]
    for sigma in SIGMAS:
        smooth = _smooth(images, sigma)
        p = F.pad(smooth, (1, 1, 1, 1), mode="replicate")
        dx = (p[..., 1:-1, 2:] - p[..., 1:-1, :-2]) * (sigma / 2)
        dy = (p[..., 2:, 1:-1] - p[..., :-2, 1:-1]) * (sigma / 2)
        dxx = (p[..., 1:-1, 2:] - 2 * smooth + p[..., 1:-1, :-2]) * sigma**2
        dyy = (p[..., 2:, 1:-1] - 2 * smooth + p[..., :-2, 1:-1]) * sigma**2
        dxy = p[..., 2:, 2:] - p[..., 2:, :-2] - p[..., :-2, 2:] + p[..., :-2, :-2]
        dxy = dxy * (sigma**2 / 4)
        mean, spread = (dxx + dyy) / 2, torch.hypot((dxx - dyy) / 2, dxy)
        responses += [smooth, torch.hypot(dx, dy), mean + spread, mean - spread]
    return torch.cat(responses, 1)


def _smooth(images: Tensor, sigma: float) -> Tensor:
    """Gaussian smoothing, cut at 3 sigma."""
    radius = math.ceil(3 * sigma)
    t = torch.arange(-radius, radius + 1, dtype=images.dtype, device=images.device)
    kernel = torch.exp(-(t**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum())[None, None, None]
    n, c, height, width = images.shape
    flat = images.reshape(n * c, 1, height, width)
    flat = F.conv2d(F.pad(flat, (radius, radius, 0, 0), mode="replicate"), kernel)
    padded = F.pad(flat, (0, 0, radius, radius), mode="replicate")
    return F.conv2d(padded, kernel.mT).reshape(images.shape)
