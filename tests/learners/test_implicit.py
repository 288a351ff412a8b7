from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from napari_metaseg.core.proximal import ProximalSettings, solve_proximal
from napari_metaseg.learners.implicit import conjugate_gradient, implicit_gradient

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_metaseg.core.network import Params

DOUBLE = torch.float64
STRENGTH = 0.5


def normal(seed: int, *shape: int) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=chance, dtype=DOUBLE)


def positive(seed: int, n: int) -> Tensor:
    root = normal(seed, n, n)
    return root @ root.T / n + torch.eye(n, dtype=DOUBLE)


def times(matrix: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda v: matrix @ v


@given(seed=st.integers(0, 10**6), n=st.integers(1, 12))
def test_conjugate_gradients_are_exact_in_as_many_steps_as_numbers(
    seed: int, n: int
) -> None:
    matrix, b = positive(seed, n), normal(seed + 1, n)

    found = conjugate_gradient(times(matrix), b, n, 0.0)

    torch.testing.assert_close(
        found.solution, torch.linalg.solve(matrix, b), atol=1e-8, rtol=1e-8
    )
    assert len(found.residuals) <= n
    assert not found.truncated


def test_the_residuals_are_those_of_the_answer_so_far() -> None:
    matrix, b = positive(0, 8), normal(1, 8)
    whole = conjugate_gradient(times(matrix), b, 6, 0.0)

    for steps in range(1, 7):
        found = conjugate_gradient(times(matrix), b, steps, 0.0)
        left = torch.linalg.vector_norm(b - matrix @ found.solution)
        share = float(left / torch.linalg.vector_norm(b))
        assert found.residuals == whole.residuals[:steps]
        assert found.residuals[-1] == pytest.approx(share, rel=1e-9)


def test_a_residual_within_the_tolerance_ends_it() -> None:
    matrix, b = positive(0, 20), normal(1, 20)

    found = conjugate_gradient(times(matrix), b, 20, 0.05)

    assert found.residuals[-1] <= 0.05 < found.residuals[-2]


def test_a_right_hand_side_of_zero_needs_no_step() -> None:
    found = conjugate_gradient(times(torch.eye(3)), torch.zeros(3), 5, 0.0)

    assert (found.solution == 0).all()
    assert found.residuals == ()


def test_curvature_that_is_not_positive_ends_it_with_what_was_found() -> None:
    matrix = torch.diag(torch.tensor([4.0, 3.0, 2.0, 1.0, -2.0], dtype=DOUBLE))
    b = torch.tensor([1, 1, 1, 1, 0.3], dtype=DOUBLE)

    found = conjugate_gradient(times(matrix), b, 5, 0.0)

    assert found.truncated
    assert 1 <= len(found.residuals) < 5
    before = conjugate_gradient(times(matrix), b, len(found.residuals), 0.0)
    assert not before.truncated
    torch.testing.assert_close(found.solution, before.solution)
    assert float(b @ found.solution) > 0


def test_curvature_that_is_not_positive_at_once_leaves_the_right_hand_side() -> None:
    b = normal(0, 4)

    found = conjugate_gradient(times(-torch.eye(4, dtype=DOUBLE)), b, 5, 0.0)

    assert (found.truncated, found.residuals) == (True, ())
    torch.testing.assert_close(found.solution, b)


@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 8),
    strength=st.floats(0.1, 10),
)
def test_on_a_quadratic_the_gradient_is_the_closed_form(
    seed: int, n: int, strength: float
) -> None:
    hessian, push, g = positive(seed, n), normal(seed + 1, n), normal(seed + 2, n)

    def loss(moving: Params, fixed: Params) -> Tensor:
        p = moving["p"]
        return 0.5 * p @ hessian @ p - fixed["push"] @ p

    found = implicit_gradient(
        loss,
        {"p": normal(seed + 3, n)},
        {"push": push},
        strength,
        {"p": g},
        max_steps=n,
        tolerance=0.0,
    )

    eye = torch.eye(n, dtype=DOUBLE)
    moved = torch.linalg.solve(eye + hessian / strength, g)
    pushed = torch.linalg.solve(hessian + strength * eye, g)
    torch.testing.assert_close(found.anchor["p"], moved, atol=1e-8, rtol=1e-7)
    torch.testing.assert_close(found.fixed["push"], pushed, atol=1e-8, rtol=1e-7)
    assert found.evaluations == 1 + 2 * (len(found.residuals) + 1)


X, Y = normal(0, 20, 3), torch.sign(normal(1, 20))
QUERY_X, QUERY_Y = normal(2, 15, 3), torch.sign(normal(3, 15))
DEEP = {"weight": 0.7 * normal(4, 3, 4)}
ANCHOR = {
    "first": 0.5 * normal(5, 4, 3),
    "bias": 0.3 * normal(6, 3),
    "second": 0.8 * normal(7, 3),
}


def features(x: Tensor, deep: Params) -> Tensor:
    """Run what stays of a narrow network."""
    return torch.tanh(x @ deep["weight"])


def judge(seen: Tensor, moving: Params) -> Tensor:
    """Run what moves behind it."""
    return F.softplus(seen @ moving["first"] + moving["bias"]) @ moving["second"]


def inner(moving: Params, fixed: Params) -> Tensor:
    return F.softplus(-Y * judge(fixed["seen"], moving)).mean()


def query(moving: Params, deep: Params) -> Tensor:
    answer = judge(features(QUERY_X, deep), moving)
    return F.softplus(-QUERY_Y * answer).mean() + 0.1 * answer.square().mean()


def solve(anchor: Params, deep: Params) -> Params:
    fixed = {"seen": features(X, deep).detach()}
    settings = ProximalSettings(STRENGTH, 1e-11, 2000)
    *_, last = solve_proximal(lambda p: inner(p, fixed), anchor, settings)
    assert last.gradient_norm < 1e-10
    return last.params


def narrow_gradient() -> tuple[Params, Params]:
    """Return the meta-gradient: of the anchor, and through the features."""
    deep = {k: p.clone().requires_grad_() for k, p in DEEP.items()}
    seen = features(X, deep)
    solution = solve(ANCHOR, deep)
    at = {k: p.clone().requires_grad_() for k, p in solution.items()}
    slopes = torch.autograd.grad(query(at, deep), [*at.values(), *deep.values()])
    found = implicit_gradient(
        inner,
        solution,
        {"seen": seen},
        STRENGTH,
        dict(zip(at, slopes, strict=False)),
        max_steps=50,
        tolerance=1e-12,
    )
    assert not found.truncated
    through = torch.autograd.grad(seen, list(deep.values()), found.fixed["seen"])
    direct = slopes[len(at) :]
    whole = {k: a + b for k, a, b in zip(deep, through, direct, strict=True)}
    assert all(float(t.abs().max()) > 1e-3 for t in through), "or this shows nothing"
    return found.anchor, whole


def test_it_equals_central_differences_through_a_full_solution_each() -> None:
    anchor, deep = narrow_gradient()

    def value(moved: Params, below: Params) -> float:
        return float(query(solve(moved, below), below))

    for seed in range(3):
        across = {k: normal(seed, *p.shape) for k, p in anchor.items()}
        down = {k: normal(seed, *p.shape) for k, p in deep.items()}

        def along(
            step: float, across: Params = across, down: Params = down
        ) -> tuple[float, float]:
            moved = {k: p + step * across[k] for k, p in ANCHOR.items()}
            below = {k: p + step * down[k] for k, p in DEEP.items()}
            return value(moved, DEEP), value(ANCHOR, below)

        numeric = [
            (a - b) / 2e-4 for a, b in zip(along(1e-4), along(-1e-4), strict=True)
        ]
        exact = [
            sum(float((g[k] * d[k]).sum()) for k in g)
            for g, d in ((anchor, across), (deep, down))
        ]
        assert exact == pytest.approx(numeric, rel=1e-6, abs=1e-8)


def test_it_equals_the_gradient_through_many_unrolled_steps() -> None:
    anchor, deep = narrow_gradient()

    start = {k: p.clone().requires_grad_() for k, p in ANCHOR.items()}
    below = {k: p.clone().requires_grad_() for k, p in DEEP.items()}
    fixed = {"seen": features(X, below)}
    moving = dict(start)
    for _ in range(120):
        slopes = torch.autograd.grad(
            inner(moving, fixed), list(moving.values()), create_graph=True
        )
        moving = {
            k: p - 0.5 * (s + STRENGTH * (p - start[k]))
            for (k, p), s in zip(moving.items(), slopes, strict=True)
        }
    unrolled = torch.autograd.grad(
        query(moving, below), [*start.values(), *below.values()]
    )

    for a, b in zip([*anchor.values(), *deep.values()], unrolled, strict=True):
        torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-6)


def test_a_strong_pull_leaves_the_first_order_gradient() -> None:
    g = {k: normal(9, *p.shape) for k, p in ANCHOR.items()}
    seen = {"seen": features(X, DEEP)}

    found = implicit_gradient(inner, ANCHOR, seen, 1e9, g)

    for k in g:
        torch.testing.assert_close(found.anchor[k], g[k], atol=1e-7, rtol=1e-7)
    assert float(found.fixed["seen"].abs().max()) < 1e-7


def test_what_the_support_does_not_depend_on_gets_zero() -> None:
    def loss(moving: Params, fixed: Params) -> Tensor:
        return moving["p"].square().sum()

    g = {"p": normal(0, 3), "idle": normal(1, 2)}
    found = implicit_gradient(
        loss, g, {"other": normal(2, 4)}, 2.0, g, max_steps=9, tolerance=0.0
    )

    torch.testing.assert_close(found.anchor["p"], g["p"] / 2)
    torch.testing.assert_close(found.anchor["idle"], g["idle"])
    assert (found.fixed["other"] == 0).all()


def test_nothing_need_be_fixed() -> None:
    def loss(moving: Params, fixed: Params) -> Tensor:
        return moving["p"].square().sum()

    p = {"p": normal(0, 3)}
    found = implicit_gradient(loss, p, {}, 1.0, p, max_steps=1)

    assert found.fixed == {}
    assert found.evaluations == 3
    torch.testing.assert_close(found.anchor["p"], p["p"] / 3)
