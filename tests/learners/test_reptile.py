from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_metaseg.core.inner_loop import Step, inner_loop, run_on_support
from napari_metaseg.core.losses import sparse_loss
from napari_metaseg.learners.reptile import reptile_gradient

from .helpers import tiny_episode, tiny_network
from .valley import DOUBLE, Valley, bowl, valley_support

if TYPE_CHECKING:
    from napari_metaseg.core.network import Params

SUPPORT = tiny_episode(dtype=DOUBLE).support


def begin(rate: float) -> tuple[torch.nn.Module, Params, Params]:
    """Return a network, its parameters, and rates that all differ."""
    network = tiny_network(DOUBLE)
    params = {k: p.detach().clone() for k, p in network.named_parameters()}
    rates = {
        k: torch.tensor(rate * (1 + 0.1 * i), dtype=DOUBLE)
        for i, k in enumerate(params)
    }
    return network, params, rates


def joint_gradient(network: torch.nn.Module, params: Params) -> Params:
    """Differentiate the support loss, as joint training would."""
    leaves = {k: p.detach().requires_grad_() for k, p in params.items()}
    logits = run_on_support(network, leaves, SUPPORT).logits
    slopes = torch.autograd.grad(
        sparse_loss(logits, SUPPORT.target), list(leaves.values())
    )
    return dict(zip(leaves, slopes, strict=True))


def walk(
    network: torch.nn.Module, params: Params, rates: Params, steps: int
) -> list[Step]:
    return list(inner_loop(network, params, SUPPORT, rates, steps, clip=1e9))


def test_one_step_is_the_joint_gradient_at_any_rates() -> None:
    network, params, rates = begin(1e-3)
    *_, last = walk(network, params, rates, 1)

    found = reptile_gradient(params, last.params, rates)

    for k, expected in joint_gradient(network, params).items():
        torch.testing.assert_close(found[k], expected, atol=1e-9, rtol=1e-6)


def test_more_steps_are_the_sum_of_the_gradients_on_the_way() -> None:
    network, params, rates = begin(1e-3)
    *before, last = walk(network, params, rates, 3)

    found = reptile_gradient(params, last.params, rates)

    way = [joint_gradient(network, step.params) for step in before]
    for k in found:
        expected = sum((g[k] for g in way), torch.zeros(()))
        torch.testing.assert_close(found[k], expected, atol=1e-9, rtol=1e-6)


@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 5),
    steps=st.integers(1, 6),
    rate=st.floats(0.01, 0.3),
)
def test_on_a_quadratic_it_is_a_geometric_series(
    seed: int, n: int, steps: int, rate: float
) -> None:
    height, hessian, lowest = bowl(seed, n)
    start = {"p": lowest + 1}
    rates = {"p": torch.tensor(rate, dtype=DOUBLE)}
    *_, last = inner_loop(
        Valley(start["p"], height), start, valley_support(), rates, steps, clip=1e12
    )

    found = reptile_gradient(start, last.params, rates)["p"]

    shrink = torch.eye(n, dtype=DOUBLE) - rate * hessian
    slope = hessian @ (start["p"] - lowest)
    series = sum(
        (torch.linalg.matrix_power(shrink, i) @ slope for i in range(steps)),
        torch.zeros(n, dtype=DOUBLE),
    )
    torch.testing.assert_close(found, series, atol=1e-9, rtol=1e-8)


def test_a_plain_step_at_one_common_rate_is_the_step_joint_training_takes() -> None:
    network, params, _ = begin(1e-3)
    rates = dict.fromkeys(params, torch.tensor(1e-3, dtype=DOUBLE))
    *_, last = walk(network, params, rates, 1)

    found = reptile_gradient(params, last.params, rates)

    for k, p in params.items():
        torch.testing.assert_close(p - 1e-3 * found[k], last.params[k])


@pytest.mark.parametrize("named", [True, False])
def test_what_does_not_adapt_gets_no_gradient(named: bool) -> None:
    start = {"p": torch.ones(2), "still": torch.ones(3)}
    end = {"p": torch.zeros(2), "still": torch.ones(3)}
    rates = {"p": torch.tensor(0.5)} | ({"still": torch.tensor(0.0)} if named else {})

    found = reptile_gradient(start, end, rates)

    torch.testing.assert_close(found["p"], torch.full((2,), 2.0))
    assert set(found) == set(rates)
    assert not named or (found["still"] == 0).all()
