"""Published meta-gradients on quadratic tasks, where they have closed forms."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from napari_metaseg.core.proximal import ProximalSettings
from napari_metaseg.learners.inner import AdamDescent, GradientDescent, Proximity
from napari_metaseg.learners.published import (
    TaskLosses,
    first_order,
    imaml,
    imaml_shortcut,
    joint,
    maml,
)

N = 6
torch.manual_seed(3)
_ROOT = torch.randn(N, N, dtype=torch.float64)
HESSIAN = _ROOT @ _ROOT.T / N + 0.5 * torch.eye(N, dtype=torch.float64)
CENTRE, GOAL, START = torch.randn(3, N, dtype=torch.float64)
EYE = torch.eye(N, dtype=torch.float64)


def flat(params: dict[str, Tensor]) -> Tensor:
    return torch.cat([params["a"], params["b"]])


def split(vector: Tensor) -> dict[str, Tensor]:
    return {"a": vector[:2].clone(), "b": vector[2:].clone()}


def support(params: dict[str, Tensor]) -> Tensor:
    away = flat(params) - CENTRE
    return 0.5 * away @ HESSIAN @ away


def query(params: dict[str, Tensor]) -> Tensor:
    return 0.5 * (flat(params) - GOAL).square().sum()


TASK = TaskLosses(support, query)


def start() -> dict[str, Tensor]:
    return {k: p.requires_grad_() for k, p in split(START).items()}


def test_maml() -> None:
    shrink = EYE - 0.1 * HESSIAN
    found = maml(TASK, start(), GradientDescent(0.1, 4))
    power = torch.linalg.matrix_power(shrink, 4)
    adapted = CENTRE + power @ (START - CENTRE)
    torch.testing.assert_close(flat(found.gradients), power @ (adapted - GOAL))
    assert found.query_loss == pytest.approx(float(query(split(adapted))))


def test_joint_is_the_gradient_of_both() -> None:
    found = joint(TASK, start())
    expected = (HESSIAN @ (START - CENTRE) + START - GOAL) / 2
    torch.testing.assert_close(flat(found.gradients), expected)


def test_imaml_solved() -> None:
    settings = ProximalSettings(2.0, 1e-9, 500)
    found = imaml(TASK, start(), settings, cg_steps=N, cg_tolerance=0.0)
    solution = torch.linalg.solve(HESSIAN + 2 * EYE, HESSIAN @ CENTRE + 2 * START)
    expected = torch.linalg.solve(EYE + HESSIAN / 2, solution - GOAL)
    torch.testing.assert_close(flat(found.gradients), expected)
    assert found.solved
    adapted = Proximity(settings).adapt(support, start())
    torch.testing.assert_close(flat(adapted), solution)


def test_an_inner_problem_that_is_not_solved_says_so() -> None:
    found = imaml(
        TASK, start(), ProximalSettings(0.1, 1e-9, 2), cg_steps=1, cg_tolerance=0.0
    )
    assert not found.solved


def test_the_shortcut_takes_its_one_step_from_the_first_order_gradient() -> None:
    inner = GradientDescent(0.1, 3)
    found = imaml_shortcut(TASK, start(), inner, strength=100.0, cg_steps=1)
    power = torch.linalg.matrix_power(EYE - 0.1 * HESSIAN, 3)
    g = CENTRE + power @ (START - CENTRE) - GOAL
    a = EYE + HESSIAN / 100
    r = g - a @ g
    expected = g + (r @ r) / (r @ a @ r) * r
    torch.testing.assert_close(flat(found.gradients), expected)
    torch.testing.assert_close(flat(first_order(TASK, start(), inner).gradients), g)
    # Hardly anything but the first-order gradient.
    cosine = torch.nn.functional.cosine_similarity(flat(found.gradients), g, 0)
    assert 0.999 < cosine < 1


def test_the_shortcut_with_many_steps_solves_its_system() -> None:
    inner = GradientDescent(0.1, 3)
    found = imaml_shortcut(TASK, start(), inner, strength=1.0, cg_steps=3 * N)
    adapted = flat(inner.adapt(support, start()))
    expected = torch.linalg.solve(EYE + HESSIAN, adapted - GOAL)
    torch.testing.assert_close(flat(found.gradients), expected)


def test_the_inner_adam_is_adam() -> None:
    leaf = START.clone().requires_grad_()
    adam = torch.optim.Adam([leaf], lr=0.02)
    for _ in range(7):
        adam.zero_grad()
        support(split(leaf)).backward()
        adam.step()
    found = AdamDescent(0.02, 7).adapt(support, start())
    torch.testing.assert_close(flat(found), leaf.detach(), rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    "inner", [AdamDescent(0.02, 3), GradientDescent(0.1, 3, clip=0.5)]
)
def test_second_order_agrees_with_differences(
    inner: AdamDescent | GradientDescent,
) -> None:
    found = flat(maml(TASK, start(), inner).gradients)
    step = 1e-6
    for k in range(N):
        ahead, behind = (
            float(query(inner.adapt(support, split(START + s * step * EYE[k]))))
            for s in (1, -1)
        )
        assert float(found[k]) == pytest.approx((ahead - behind) / (2 * step), rel=1e-5)


def test_clipping_limits_the_step() -> None:
    found = GradientDescent(1.0, 1, clip=0.25).adapt(support, start())
    assert float((flat(found) - START).detach().norm()) == pytest.approx(0.25)
