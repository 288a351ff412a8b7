"""Recipes on a small network with a real support."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_metaseg.core.inner_loop import Step, Support, inner_loop, run_on_support
from napari_metaseg.core.losses import sparse_loss
from napari_metaseg.core.proximal import ProximalSettings
from napari_metaseg.core.recipe import GradientSteps, Proximal, adapted_names
from tests.learners.helpers import tiny_episode, tiny_network

if TYPE_CHECKING:
    import pytest

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


def count(search: object) -> int:
    try:
        while True:
            next(search)  # type: ignore[call-overload]
    except StopIteration as end:
        value: int = end.value
        return value


def test_steps_that_make_cells_left_out_worse_are_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network, params, support = begin()
    rates = dict.fromkeys(params, 0.01)

    def worse_after(best: int):  # type: ignore[no-untyped-def]
        def follow(self, network, params, support):  # type: ignore[no-untyped-def]
            for i in range(5):
                # The head's bias says how far from the best number of steps this is.
                bias = torch.full((2,), 3.0 - abs(i - best))
                yield Step(i, params | {"head.bias": bias}, None)

        return follow

    monkeypatch.setattr(
        "napari_metaseg.core.recipe.sparse_loss",
        lambda logits, target: -logits.mean() * target.painted.any(),
    )
    for best in (0, 2, 4):
        monkeypatch.setattr(GradientSteps, "follow", worse_after(best))
        recipe = GradientSteps(rates, 4)
        assert count(recipe.steps_that_help(network, params, support)) == best


def test_a_cell_left_out_takes_no_part() -> None:
    network, params, support = begin()
    rates = dict.fromkeys(adapted_names(params, "deciding"), 0.05)
    target = support.target
    garbled = target._replace(cue=target.cue.clone())
    garbled.cue[1] = 1 - garbled.cue[1]

    from napari_metaseg.core.recipe import _leave_out

    for given in (support, support._replace(target=garbled)):
        rest, left_out = _leave_out(given, 1)
        assert not any(t[1].any() for t in rest.target)
        assert not any(t[0].any() for t in left_out.target)
    *_, one = GradientSteps(rates, 2).follow(network, params, _leave_out(support, 1)[0])
    *_, two = GradientSteps(rates, 2).follow(
        network, params, _leave_out(support._replace(target=garbled), 1)[0]
    )
    for k, p in one.params.items():
        assert torch.equal(p, two.params[k])


def test_one_painted_crop_leaves_nothing_to_leave_out() -> None:
    network, params, support = begin()
    alone = support._replace(
        target=type(support.target)(
            *(t * torch.tensor([1.0, 0.0])[:, None, None] for t in support.target)
        )
    )
    search = GradientSteps(dict.fromkeys(params, 0.01), 3).steps_that_help(
        network, params, alone
    )
    assert count(search) == 3


def test_the_declared_subsets() -> None:
    network, params, _ = begin()

    everything, deciding, conditioning = (
        adapted_names(params, which) for which in ("all", "deciding", "conditioning")
    )

    assert set(conditioning) < set(deciding) < set(everything) == set(params)
    assert all(k.startswith(network.DECIDING) for k in deciding)
    assert {"head.weight", "lift.weight"} < set(conditioning)
    assert not any(".convs." in k for k in conditioning)
