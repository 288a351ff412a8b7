"""Reptile for classification."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_metaseg.core.cell_crops import SIDE
from napari_metaseg.core.cell_fit import KnownCells
from napari_metaseg.core.cell_network import CellNetwork
from napari_metaseg.core.generators import exhaust
from napari_metaseg.learners import reptile_classes
from napari_metaseg.learners.reptile_classes import ReptileSettings, train_reptile

SETTINGS = ReptileSettings(
    steps=1, tasks_per_step=1, inner_steps=3, inner_batch=4, ways=2, shots=4
)


def draw(rng: np.random.Generator, ways: int, shots: int) -> KnownCells:
    """Draw bright and dim crops."""
    classes = torch.arange(ways * shots) % ways
    crops = torch.from_numpy(rng.normal(0, 0.1, (ways * shots, 4, SIDE, SIDE))).float()
    return KnownCells(
        crops + classes[:, None, None, None],
        torch.zeros(ways * shots),
        torch.zeros(ways * shots, 2),
        classes,
    )


def weights(settings: ReptileSettings) -> torch.Tensor:
    net = exhaust(train_reptile(draw, settings))
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def test_the_outer_rate_says_how_far_to_go_to_the_adapted_weights() -> None:
    torch.manual_seed(0)
    start = torch.cat([p.detach().flatten() for p in CellNetwork(2).parameters()])

    whole = weights(SETTINGS)
    half = weights(ReptileSettings(**vars_of(SETTINGS) | {"outer_rate": 0.5}))

    # Adam without momentum moves no weight by more than about its rate a step.
    assert 0 < (whole - start).abs().max() < 3 * 4e-3
    torch.testing.assert_close(half, (start + whole) / 2)


def test_a_run_repeats_itself_and_the_outer_rate_falls_to_nothing() -> None:
    two = ReptileSettings(**vars_of(SETTINGS) | {"steps": 2})

    assert torch.equal(weights(two), weights(two))
    other = ReptileSettings(**vars_of(two) | {"seed": 1})
    assert not torch.equal(weights(two), weights(other))


def test_it_learns_to_learn() -> None:
    settings = ReptileSettings(
        steps=12, tasks_per_step=1, inner_steps=4, inner_batch=8, ways=2, shots=8
    )

    told = list(train_reptile(draw, settings))

    assert [t.step for t in told] == list(range(1, 13))
    assert told[0].before == pytest.approx(np.log(2), rel=0.01)  # it knows nothing
    assert np.mean([t.after for t in told[-3:]]) < told[0].after


def test_an_episode_of_fewer_classes_is_learned_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A task whose cells differ little has no cells of some of the classes."""
    told: list[torch.Tensor] = []
    judge = reptile_classes._told

    def spy(episode: KnownCells, count: int) -> torch.Tensor:
        told.append(judge(episode, count))
        return told[-1]

    monkeypatch.setattr(reptile_classes, "_told", spy)
    wide = ReptileSettings(**vars_of(SETTINGS) | {"ways": 5, "shots": 3})

    net = exhaust(train_reptile(lambda rng, _, shots: draw(rng, 2, shots), wide))

    assert all(bool(torch.isfinite(p).all()) for p in net.parameters())
    (evidence,) = told
    assert evidence.shape == (6, 5)
    assert bool(torch.isfinite(evidence).all())
    least = evidence[:, :2].amin(1)
    assert torch.equal(evidence[:, 2:], least[:, None].expand(-1, 3))


def vars_of(settings: ReptileSettings) -> dict[str, float]:
    return {name: getattr(settings, name) for name in settings.__slots__}
