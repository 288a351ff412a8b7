"""A tiny episode and network on which learners can be checked to many digits."""

from __future__ import annotations

import torch

from napari_metaseg.core.evidence import draw_evidence, fit_evidence, network_input
from napari_metaseg.core.filters import filter_bank
from napari_metaseg.core.inner_loop import Support
from napari_metaseg.core.losses import Dense, Sparse
from napari_metaseg.core.network import Architecture, PrototypeUNet
from napari_metaseg.learners.episode import EpisodeTensors

TINY = Architecture(widths=(8, 12, 16, 16))


def tiny_network(dtype: torch.dtype = torch.float32) -> PrototypeUNet:
    torch.manual_seed(0)
    network = PrototypeUNet(TINY).to(dtype)
    with torch.no_grad():
        # So calm a start that no gradient is scaled back.
        network.head.weight.mul_(0.1)
    return network


def tiny_episode(seed: int = 0, dtype: torch.dtype = torch.float32) -> EpisodeTensors:
    torch.manual_seed(seed)
    painted, stroke, ring = (torch.zeros(2, 32, 32, dtype=dtype) for _ in range(3))
    painted[0, 8:16, 8:16] = painted[1, 12:22, 10:20] = 1
    ring[0, 7, 8:16] = ring[1, 22, 10:20] = 1
    stroke[0, 28:30] = 1
    images = 0.2 * torch.rand(2, 1, 32, 32, dtype=dtype) + painted[:, None]
    target = (torch.rand(1, 32, 32, dtype=dtype) > 0.6).to(dtype)
    query = target[:, None] + 0.2 * torch.rand(1, 1, 32, 32, dtype=dtype)
    cue = painted * 0.7
    evidence, maps = fit_evidence(filter_bank(images), painted, stroke, cue)
    return EpisodeTensors(
        Support(
            network_input(images, maps), Sparse(painted, stroke, ring, cue), evidence
        ),
        network_input(query, draw_evidence(evidence, query)),
        Dense(target, target * 0.6, torch.ones_like(target)),
    )
