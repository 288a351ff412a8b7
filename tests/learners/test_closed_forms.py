"""The inner loop itself, against meta-gradients known in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from napari_metaseg.core.inner_loop import inner_loop

from .valley import DOUBLE, Valley, bowl, valley_support

if TYPE_CHECKING:
    from collections.abc import Callable

SEEDS = st.integers(0, 10**6)


def adapted(
    height: Callable[[Tensor], Tensor],
    start: Tensor,
    rate: float,
    steps: int,
    *,
    second_order: bool,
) -> Tensor:
    network = Valley(start.detach(), height)
    *_, last = inner_loop(
        network,
        {"p": start},
        valley_support(),
        {"p": torch.tensor(rate, dtype=DOUBLE)},
        steps,
        second_order=second_order,
        clip=1e12,
    )
    return last.params["p"]


@given(
    seed=SEEDS,
    n=st.integers(1, 5),
    steps=st.integers(1, 5),
    rate=st.floats(0.001, 0.3),
)
def test_maml_on_a_quadratic_is_a_power_of_one_step(
    seed: int, n: int, steps: int, rate: float
) -> None:
    height, hessian, lowest = bowl(seed, n)
    chance = torch.Generator().manual_seed(seed + 1)
    start = (lowest + torch.randn(n, generator=chance, dtype=DOUBLE)).requires_grad_()
    v = torch.randn(n, generator=chance, dtype=DOUBLE)

    end = adapted(height, start, rate, steps, second_order=True)
    (found,) = torch.autograd.grad(end @ v, start)

    shrink = torch.eye(n, dtype=DOUBLE) - rate * hessian
    power = torch.linalg.matrix_power(shrink, steps)
    torch.testing.assert_close(found, power @ v, atol=1e-10, rtol=1e-8)
    torch.testing.assert_close(
        end.detach(), lowest + power @ (start.detach() - lowest), atol=1e-10, rtol=1e-8
    )


@given(seed=SEEDS, n=st.integers(1, 5), steps=st.integers(1, 5))
def test_first_order_is_second_order_where_nothing_curves(
    seed: int, n: int, steps: int
) -> None:
    chance = torch.Generator().manual_seed(seed)
    slope, first = (torch.randn(n, generator=chance, dtype=DOUBLE) for _ in range(2))

    def plane(p: Tensor) -> Tensor:
        return 50 + slope @ (p - first)

    def meta_gradient(second_order: bool) -> Tensor:
        start = first.clone().requires_grad_()
        end = adapted(plane, start, 0.1, steps, second_order=second_order)
        (found,) = torch.autograd.grad(torch.sin(end).sum(), start)
        return found

    torch.testing.assert_close(
        meta_gradient(False), meta_gradient(True), atol=1e-12, rtol=1e-10
    )


@given(seed=SEEDS, n=st.integers(1, 5))
def test_they_differ_where_it_curves(seed: int, n: int) -> None:
    height, hessian, lowest = bowl(seed, n)
    start = (lowest + 1).requires_grad_()
    v = torch.ones(n, dtype=DOUBLE)

    first, second = (
        torch.autograd.grad(
            adapted(height, start, 0.1, 1, second_order=order) @ v, start
        )[0]
        for order in (False, True)
    )

    torch.testing.assert_close(first, v)
    torch.testing.assert_close(first - second, 0.1 * hessian @ v)
