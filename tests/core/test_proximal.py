from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch import Tensor

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.proximal import (
    ProximalSettings,
    ProximalStep,
    solve_proximal,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_metaseg.core.network import Params

    Loss = Callable[[Params], Tensor]

DOUBLE = torch.float64


def quadratic(seed: int, n: int) -> tuple[Loss, Tensor, Tensor]:
    """Return a convex quadratic of two tensors with n numbers each, its H and c."""
    chance = torch.Generator().manual_seed(seed)
    root = torch.randn(2 * n, 2 * n, generator=chance, dtype=DOUBLE)
    hessian, c = root @ root.T, torch.randn(2 * n, generator=chance, dtype=DOUBLE)

    def loss(params: Params) -> Tensor:
        p = flat(params)
        return 0.5 * p @ hessian @ p - c @ p

    return loss, hessian, c


def net(seed: int = 0) -> tuple[Loss, Params]:
    """Return the logistic loss of a small network, and its first parameters."""
    chance = torch.Generator().manual_seed(seed)
    x, first, bias, second = (
        torch.randn(*shape, generator=chance, dtype=DOUBLE)
        for shape in ((40, 3), (3, 5), (5,), (5,))
    )
    sign = torch.sign(x[:, 0] * x[:, 1])

    def loss(params: Params) -> Tensor:
        hidden = torch.tanh(x @ params["first"] + params["bias"])
        return F.softplus(-sign * (hidden @ params["second"])).mean()

    return loss, {"first": first, "bias": bias, "second": second}


def flat(params: Params) -> Tensor:
    return torch.cat([p.reshape(-1) for p in params.values()])


def pair(seed: int, n: int) -> Params:
    chance = torch.Generator().manual_seed(seed)
    return {
        "a": torch.randn(n, generator=chance, dtype=DOUBLE),
        "b": torch.randn(1, n, generator=chance, dtype=DOUBLE),
    }


def last(
    loss: Loss, anchor: Params, settings: ProximalSettings, start: Params | None = None
) -> ProximalStep:
    *_, step = solve_proximal(loss, anchor, settings, start)
    return step


@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 6),
    strength=st.floats(0.1, 10),
    warm=st.booleans(),
)
@example(seed=1, n=6, strength=0.1, warm=True)
def test_a_quadratic_ends_at_its_closed_form(
    seed: int, n: int, strength: float, warm: bool
) -> None:
    loss, hessian, c = quadratic(seed, n)
    anchor = pair(seed + 1, n)
    start = pair(seed + 2, n) if warm else None

    # The summands of this loss are larger than it is, and they round accordingly.
    step = last(loss, anchor, ProximalSettings(strength, 1e-5, 2000), start)

    closed = torch.linalg.solve(
        hessian + strength * torch.eye(2 * n, dtype=DOUBLE),
        c + strength * flat(anchor),
    )
    assert step.gradient_norm <= 1e-5
    gap = torch.linalg.vector_norm(flat(step.params) - closed)
    assert float(gap) <= 1.01e-5 / strength
    assert {k: p.shape for k, p in step.params.items()} == {"a": (n,), "b": (1, n)}


@pytest.mark.parametrize("strength", [0.3, 2.0])
def test_a_network_ends_where_another_optimiser_ends(strength: float) -> None:
    loss, anchor = net()
    step = last(loss, anchor, ProximalSettings(strength, 1e-9, 1000))

    sizes = [p.numel() for p in anchor.values()]

    def told(place: np.ndarray) -> tuple[float, np.ndarray]:
        leaf = torch.from_numpy(place.copy()).requires_grad_()
        parts = torch.split(leaf, sizes)
        params = {
            k: v.view(p.shape) for (k, p), v in zip(anchor.items(), parts, strict=True)
        }
        away = leaf - flat(anchor)
        value = loss(params) + 0.5 * strength * away.square().sum()
        (slope,) = torch.autograd.grad(value, leaf)
        return float(value.detach()), slope.numpy()

    other = minimize(
        told, flat(anchor).numpy(), jac=True, method="BFGS", options={"gtol": 1e-7}
    )
    np.testing.assert_allclose(flat(step.params), other.x, atol=1e-6)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-5])
def test_a_warm_start_ends_where_a_cold_start_ends(tolerance: float) -> None:
    loss, anchor = net()
    settings = ProximalSettings(1.0, tolerance, 500)
    chance = torch.Generator().manual_seed(5)
    start = {
        k: p + torch.randn(p.shape, generator=chance, dtype=DOUBLE)
        for k, p in anchor.items()
    }

    cold, warm = last(loss, anchor, settings), last(loss, anchor, settings, start)

    def curvature(params: Params) -> float:
        """Least curvature of the regularised loss."""
        names, shapes = list(params), [p.shape for p in params.values()]

        def of(place: Tensor) -> Tensor:
            parts = torch.split(place, [s.numel() for s in shapes])
            views = (v.view(s) for v, s in zip(parts, shapes, strict=True))
            return loss(dict(zip(names, views, strict=True)))

        hessian = torch.autograd.functional.hessian(of, flat(params))
        return float(torch.linalg.eigvalsh(hessian)[0]) + settings.strength

    least = min(curvature(cold.params), curvature(warm.params))
    gap = float(torch.linalg.vector_norm(flat(cold.params) - flat(warm.params)))
    assert least > 0.5
    assert gap <= 1.5 * (cold.gradient_norm + warm.gradient_norm) / least


def test_a_start_at_the_solution_takes_no_step() -> None:
    loss, anchor = net()
    settings = ProximalSettings(1.0, 1e-6, 500)
    solved = last(loss, anchor, settings)

    steps = list(solve_proximal(loss, anchor, settings, solved.params))

    assert [(s.index, s.evaluations) for s in steps] == [(0, 1)]


def test_each_step_tells_the_truth() -> None:
    inner, anchor = net()
    calls = 0

    def loss(params: Params) -> Tensor:
        nonlocal calls
        calls += 1
        return inner(params)

    objective = []
    for index, step in enumerate(
        solve_proximal(loss, anchor, ProximalSettings(0.5, 1e-7, 500))
    ):
        assert (step.index, step.evaluations) == (index, calls)
        leaves = {k: p.clone().requires_grad_() for k, p in step.params.items()}
        value = inner(leaves)
        torch.testing.assert_close(step.loss, value.detach())
        assert not step.loss.requires_grad
        away = flat(leaves) - flat(anchor)
        whole = value + 0.25 * away.square().sum()
        slopes = torch.autograd.grad(whole, list(leaves.values()))
        size = math.sqrt(sum(float(s.square().sum()) for s in slopes))
        assert step.gradient_norm == pytest.approx(size, rel=1e-6)
        objective.append(float(whole.detach()))

    assert index > 5
    assert all(b < a for a, b in itertools.pairwise(objective))
    assert torch.equal(flat(anchor), flat(net()[1])), "the anchor is never changed"


@pytest.mark.parametrize("most", [1, 2, 7])
def test_evaluations_run_out_on_the_dot(most: int) -> None:
    loss, anchor = net()
    calls = 0

    def counted(params: Params) -> Tensor:
        nonlocal calls
        calls += 1
        return loss(params)

    step = last(counted, anchor, ProximalSettings(0.5, 1e-12, most))

    assert calls == most
    assert step.evaluations <= most
    assert step.gradient_norm > 1e-12


def test_rounding_of_a_large_loss_does_not_stop_it_early() -> None:
    loss, anchor = net()
    small = {k: p.float() for k, p in anchor.items()}

    def lifted(params: Params) -> Tensor:
        doubles = {k: p.double() for k, p in params.items()}
        return (loss(doubles) + 50.0).float()

    step = last(lifted, small, ProximalSettings(1.0, 1e-4, 200))

    exact = last(loss, anchor, ProximalSettings(1.0, 1e-9, 500))
    assert step.gradient_norm <= 1e-4
    assert all(p.dtype == torch.float32 for p in step.params.values())
    torch.testing.assert_close(
        flat(step.params).double(), flat(exact.params), atol=1e-3, rtol=0
    )


def test_a_loss_without_a_value_far_off_is_still_solved() -> None:
    values = []

    def barrier(params: Params) -> Tensor:
        p = params["p"].sum()
        values.append(float((-0.01 * torch.log(0.02 - p) - 100 * p).detach()))
        return -0.01 * torch.log(0.02 - p) - 100 * p

    start = {"p": torch.zeros(1, dtype=DOUBLE)}

    step = last(barrier, start, ProximalSettings(1.0, 1e-6, 200))

    p = float(step.params["p"])
    assert any(math.isnan(v) for v in values), "or this shows nothing"
    assert 0 < p < 0.02
    assert 0.01 / (0.02 - p) - 100 + p == pytest.approx(0, abs=1e-6)


def test_a_loss_without_a_value_at_the_start_is_told_and_left() -> None:
    def loss(params: Params) -> Tensor:
        return params["p"].sum() * math.nan

    (step,) = solve_proximal(
        loss, {"p": torch.zeros(2)}, ProximalSettings(1.0, 1e-3, 50)
    )

    assert math.isnan(step.gradient_norm)


def test_from_a_place_that_curves_downwards_it_ends_in_a_minimum() -> None:
    def wells(params: Params) -> Tensor:
        return (params["p"].square() - 1).square().sum()

    start = {"p": torch.tensor([0.05, -0.1], dtype=DOUBLE)}

    step = last(wells, start, ProximalSettings(0.5, 1e-8, 200))

    p = step.params["p"]
    assert (p * start["p"] > 0).all()
    assert (12 * p.square() - 4 + 0.5 > 0).all()
    assert step.gradient_norm <= 1e-8


def test_the_same_problem_ends_in_the_same_bits() -> None:
    loss, anchor = net()
    settings = ProximalSettings(0.3, 1e-6, 300)

    a, b = last(loss, anchor, settings), last(loss, anchor, settings)

    assert torch.equal(flat(a.params), flat(b.params))


def test_it_can_be_left_at_any_step_and_leaves_the_gradient_mode_alone() -> None:
    loss, anchor = net()
    with torch.no_grad():
        steps = solve_proximal(loss, anchor, ProximalSettings(0.3, 1e-12, 300))
        assert [next(steps).index for _ in range(3)] == [0, 1, 2]
        assert not torch.is_grad_enabled()
        steps.close()
    assert next(steps, None) is None


def test_steps_are_frozen() -> None:
    loss, anchor = net()
    first = next(solve_proximal(loss, anchor, ProximalSettings(1.0, 1e-3, 9)))

    with pytest.raises(dataclasses.FrozenInstanceError):
        first.index = 3  # type: ignore[misc]


@pytest.mark.parametrize("bad", [(0.0, 1e-3, 9), (1.0, 0.0, 9), (1.0, 1e-3, 0)])
def test_settings_that_pose_no_problem_are_refused(
    bad: tuple[float, float, int],
) -> None:
    with pytest.raises(UserError, match="positive"):
        ProximalSettings(*bad)
