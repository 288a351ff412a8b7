from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_metaseg.learners.outer_step import (
    ITERATIONS,
    MUON,
    GradientMoments,
    near_orthogonal,
    update,
)


def gradients(*shape: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(len(shape))
    return [torch.randn(shape, generator=generator) for _ in range(4)]


def moved(slopes: list[torch.Tensor], rate: float) -> torch.Tensor:
    tensor = torch.zeros_like(slopes[0])
    moments = GradientMoments(torch.zeros_like(tensor), torch.zeros_like(tensor))
    for count, slope in enumerate(slopes, start=1):
        tensor = tensor - rate * update(moments, slope, count)
    return tensor


def moved_by(optimizer: torch.optim.Optimizer, slopes: list[torch.Tensor]) -> None:
    (tensor,) = optimizer.param_groups[0]["params"]
    for slope in slopes:
        tensor.grad = slope.reshape(tensor.shape)
        optimizer.step()


@pytest.mark.parametrize("shape", [(), (7,), (5, 3)])
def test_vectors_and_rates_move_as_adam_moves_them(shape: tuple[int, ...]) -> None:
    expected = torch.zeros(shape, requires_grad=True)
    slopes = gradients(*shape)

    moved_by(torch.optim.Adam([expected], lr=0.01, betas=(0.9, 0.99)), slopes)

    torch.testing.assert_close(moved(slopes, 0.01), expected.detach())


def test_kernels_move_as_the_muon_of_pytorch_moves_them() -> None:
    expected = torch.zeros(8, 4 * 9, requires_grad=True)
    slopes = gradients(8, 4, 3, 3)
    muon = torch.optim.Muon(
        [expected],
        lr=0.01,
        momentum=0.9,
        weight_decay=0.0,
        adjust_lr_fn="match_rms_adamw",
    )

    moved_by(muon, slopes)

    # PyTorch iterates in bfloat16, whose steps are 0.4 %.
    torch.testing.assert_close(
        moved(slopes, 0.01).flatten(1), expected.detach(), atol=5e-4, rtol=0.05
    )


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 99))
def test_only_singular_values_change_and_each_by_the_polynomial(
    rows: int, columns: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    matrix = torch.randn(rows, columns, generator=generator, dtype=torch.float64)

    found = near_orthogonal(matrix)

    u, values, v = torch.linalg.svd(matrix, full_matrices=False)
    values = values / matrix.norm()
    for _ in range(ITERATIONS):
        values = sum(
            c * values**power for c, power in zip(MUON, (1, 3, 5), strict=True)
        )
    torch.testing.assert_close(found, u @ values.diag() @ v, atol=1e-8, rtol=1e-8)


def test_a_gradient_of_nothing_moves_nothing() -> None:
    assert not moved([torch.zeros(4, 3, 3, 3)] * 2, 0.1).any()


def test_every_direction_of_a_kernel_gets_a_like_share() -> None:
    steep = torch.outer(torch.ones(6), torch.ones(20)) * 100
    matrix = steep + torch.randn(6, 20, generator=torch.Generator().manual_seed(0))

    values = torch.linalg.svdvals(near_orthogonal(matrix))

    assert values.max() < 1.3
    assert values.min() > 0.3 > 0.05 * values.max()
