"""The small network that tells classes of cells apart, and how it is fitted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_metaseg.core.cell_crops import SIDE
from napari_metaseg.core.cell_fit import FitSettings, KnownCells, fit
from napari_metaseg.core.cell_network import CellNetwork, transferred


def bright_and_dim(count: int, *, seed: int) -> KnownCells:
    rng = np.random.default_rng(seed)
    classes = torch.arange(count) % 2
    crops = torch.from_numpy(rng.normal(0, 0.1, (count, 4, SIDE, SIDE))).float()
    crops[:, :3, 8:24, 8:24] += 0.3 + 0.5 * classes[:, None, None, None]
    crops[:, 3] = 0
    crops[:, 3, 8:24, 8:24] = 1
    return KnownCells(crops, torch.zeros(count), torch.zeros(count, 2), classes)


def nothing(cells: KnownCells, count: int) -> torch.Tensor:
    return torch.zeros(len(cells.classes), count)


def test_the_halves_of_the_network_make_the_whole() -> None:
    torch.manual_seed(0)
    net, cells = CellNetwork(3), bright_and_dim(4, seed=0)
    net.head.reset_parameters()

    evidence = torch.randn(4, 3)

    whole = net(cells.inputs, cells.sizes, evidence)

    halves = net.late(net.early(cells.inputs), cells.sizes, evidence)
    torch.testing.assert_close(whole, halves)
    assert sum(p.numel() for p in net.parameters()) < 40_000


def test_everything_but_the_last_layer_is_transferred() -> None:
    torch.manual_seed(0)
    net = CellNetwork(5)
    net.head.reset_parameters()

    other = transferred(net.body(), 3)

    torch.testing.assert_close(other.body(), net.body())
    assert other.head.out_features == 3
    assert not other.head.weight.any()


@pytest.mark.parametrize("whole", [False, True])
def test_a_fit_tells_classes_apart_and_leaves_its_start_alone(whole: bool) -> None:
    torch.manual_seed(0)
    start = CellNetwork(2)
    before = {k: v for k, v in start.body().items() if k != "trust"}
    known, others = bright_and_dim(6, seed=0), bright_and_dim(40, seed=1)
    if not whole:
        with torch.no_grad():
            early = start.early(known.inputs)
        known = replace(known, inputs=early)

    net, steps = fit(start, known, FitSettings(whole=whole))

    with torch.no_grad():
        found = net(others.inputs, others.sizes, nothing(others, 2)).argmax(1)
    assert (found == others.classes).float().mean() > 0.9
    assert 0 < steps <= FitSettings().steps
    torch.testing.assert_close(start.body(), before | {"trust": start.trust.detach()})
    moved = [not torch.equal(net.body()[k], v) for k, v in before.items()]
    assert moved == ([True] * 8 if whole else [False] * 6 + [True] * 2)


def test_steps_that_harm_what_is_left_out_are_not_taken() -> None:
    torch.manual_seed(0)
    cells = bright_and_dim(8, seed=0)
    with torch.no_grad():
        early = CellNetwork(2).early(cells.inputs)
    # Of both classes, half lies among the other: each example misleads.
    mixed = replace(cells, inputs=early, classes=torch.tensor([0, 0, 1, 1] * 2))

    _, steps = fit(CellNetwork(2), mixed, FitSettings(rate=0.01))

    assert steps < FitSettings().steps / 2


def test_steps_that_only_make_surer_what_the_evidence_tells_are_not_taken() -> None:
    """Their loss is less only because the evidence is believed with reserve."""
    torch.manual_seed(0)
    random = torch.Generator().manual_seed(0)
    cells = bright_and_dim(12, seed=0)
    told = 2.0 * cells.classes - 1 + 0.3 * torch.randn(12, generator=random)
    with torch.no_grad():
        early = 0 * CellNetwork(2).early(cells.inputs)
    # All that the network sees is a size that says less than the measurements.
    blurred = told + 0.6 * torch.randn(12, generator=random)
    measures = torch.stack([told, torch.zeros(12)], 1)
    known = KnownCells(early, blurred, measures, cells.classes)

    _, steps = fit(CellNetwork(2), known, FitSettings(rate=0.01))

    assert steps == 0


def test_a_single_example_of_each_class_is_never_left_out() -> None:
    torch.manual_seed(0)
    start, cells = CellNetwork(2), bright_and_dim(2, seed=0)
    with torch.no_grad():
        early = start.early(cells.inputs)

    net, steps = fit(start, replace(cells, inputs=early), FitSettings())

    assert steps == FitSettings().steps
    found = net.late(early, cells.sizes, nothing(cells, 2)).argmax(1)
    assert torch.equal(found, cells.classes)
