"""Supervised pre-training, the usual way to a start for classes of cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from napari_metaseg.core.cell_network import CellNetwork

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari_metaseg.core.cell_fit import KnownCells

    Batch = Callable[[np.random.Generator, int], KnownCells]

RATE = 1e-3
"""Of Adam, with its usual momenta (Hu et al. 2018)."""


def pretrain(
    draw: Batch, *, classes: int, steps: int, batch: int = 32, seed: int = 0
) -> Generator[tuple[int, float], None, CellNetwork]:
    """Train a network to tell fixed classes apart.

    Parameters
    ----------
    draw : callable
        Takes a source of chance and a number of cells, and returns such.
    classes : int
        How many there are.
    steps, batch : int
        Steps of Adam, and cells in each.
    seed : int
        Of weights and batches.

    Yields
    ------
    int, float
        Number of a step, and its loss.

    Returns
    -------
    CellNetwork
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = CellNetwork(classes)
    adam = torch.optim.Adam(net.moving(whole=True), RATE)
    for step in range(1, steps + 1):
        cells = draw(rng, batch)
        # Fixed classes have no examples from which evidence could be made.
        nothing = torch.zeros(len(cells.classes), classes)
        logits = net(cells.inputs, cells.sizes, nothing)
        loss = F.cross_entropy(logits, cells.classes)
        adam.zero_grad()
        torch.autograd.backward(loss)
        adam.step()
        yield step, float(loss.detach())
    return net
