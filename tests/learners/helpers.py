"""A tiny episode and network on which learners can be checked to many digits."""

from __future__ import annotations

import torch

from napari_metaseg.core.inner_loop import Support
from napari_metaseg.core.losses import Dense, Sparse
from napari_metaseg.core.network import Architecture, PrototypeUNet
from napari_metaseg.learners.meta_gradient import EpisodeTensors

TINY = Architecture(widths=(8, 12, 16, 16))


def tiny_network(dtype: torch.dtype = torch.float32) -> PrototypeUNet:
    torch.manual_seed(0)
    return PrototypeUNet(TINY).to(dtype)


def tiny_episode(seed: int = 0, dtype: torch.dtype = torch.float32) -> EpisodeTensors:
    torch.manual_seed(seed)
    painted, stroke, ring = (torch.zeros(2, 32, 32, dtype=dtype) for _ in range(3))
    painted[0, 8:16, 8:16] = painted[1, 12:22, 10:20] = 1
    ring[0, 7, 8:16] = ring[1, 22, 10:20] = 1
    stroke[0, 28:30] = 1
    images = 0.2 * torch.rand(2, 1, 32, 32, dtype=dtype) + painted[:, None]
    target = (torch.rand(1, 32, 32, dtype=dtype) > 0.6).to(dtype)
    query = target[:, None] + 0.2 * torch.rand(1, 1, 32, 32, dtype=dtype)
    return EpisodeTensors(
        Support(images, Sparse(painted, stroke, ring, painted * 0.7)),
        query,
        Dense(target, target * 0.6, torch.ones_like(target)),
    )
