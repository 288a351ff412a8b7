"""Recipes on a small network with a real support."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_metaseg.core.inner_loop import Support, inner_loop, run_on_support
from napari_metaseg.core.losses import sparse_loss
from napari_metaseg.core.proximal import ProximalSettings
from napari_metaseg.core.recipe import GradientSteps, Proximal, adapted_names
from tests.learners.helpers import tiny_episode, tiny_network

if TYPE_CHECKING:
    from napari_metaseg.core.network import Params, PrototypeUNet

DOUBLE = torch.float64


def begin(dtype: torch.dtype = torch.float32) -> tuple[PrototypeUNet, Params, Support]:
    network = tiny_network(dtype)
    params = {k: p.detach() for k, p in network.named_parameters()}
    return network, params, tiny_episode(dtype=dtype).support


def objective(
    network: PrototypeUNet,
    at: Params,
    anchor: Params,
    support: Support,
    strength: float,
) -> float:
    """Compute the proximal objective from its definition."""
    loss = sparse_loss(run_on_support(network, at, support).logits, support.target)
    away = sum(float((at[k] - anchor[k]).square().sum()) for k in at)
    return float(loss) + strength / 2 * away


def test_gradient_steps_are_the_inner_loop() -> None:
    network, params, support = begin()
    rates = dict.fromkeys(adapted_names(params, "deciding"), 0.01)

    *_, found = GradientSteps(rates, 3).follow(network, params, support)

    tensors = {k: torch.tensor(r) for k, r in rates.items()}
    *_, expected = inner_loop(network, params, support, tensors, 3)
    for k, p in found.params.items():
        assert torch.equal(p, expected.params[k])


def test_the_proximal_solution_is_stationary_and_better_than_its_neighbours() -> None:
    network, params, support = begin(DOUBLE)
    names = adapted_names(params, "conditioning")
    recipe = Proximal(names, ProximalSettings(1.0, 1e-6, 500))

    *_, last = recipe.follow(network, params, support)

    best = objective(network, last.params, params, support, 1.0)
    assert best < objective(network, params, params, support, 1.0)
    torch.manual_seed(0)
    for _ in range(5):
        near = {
            k: p + 1e-3 * torch.randn_like(p) if k in names else p
            for k, p in last.params.items()
        }
        assert objective(network, near, params, support, 1.0) > best
    for k, p in last.params.items():
        assert torch.equal(p, params[k]) == (k not in names)


def test_a_warm_start_ends_where_a_cold_one_ends() -> None:
    network, params, support = begin(DOUBLE)
    names = adapted_names(params, "conditioning")
    recipe = Proximal(names, ProximalSettings(2.0, 1e-5, 500))
    other = tiny_episode(seed=5, dtype=DOUBLE).support
    *_, earlier = recipe.follow(network, params, other)

    *_, cold = recipe.follow(network, params, support)
    *_, warm = recipe.follow(network, params, support, start=earlier.params)

    way = max(float((cold.params[k] - earlier.params[k]).abs().max()) for k in names)
    gap = max(float((cold.params[k] - warm.params[k]).abs().max()) for k in names)
    assert way > 1e-3, "the two supports must differ, or this shows nothing"
    # With curvature of at least 1 two points of gradient norm 1e-5 lie this close.
    assert gap < 2e-5


def test_the_declared_subsets() -> None:
    network, params, _ = begin()

    everything, deciding, conditioning = (
        adapted_names(params, which) for which in ("all", "deciding", "conditioning")
    )

    assert set(conditioning) < set(deciding) < set(everything) == set(params)
    assert all(k.startswith(network.DECIDING) for k in deciding)
    assert {"head.weight", "lift.weight"} < set(conditioning)
    assert not any(".convs." in k for k in conditioning)
