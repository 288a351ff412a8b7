from __future__ import annotations

import torch
from torch.autograd import grad

from napari_metaseg.core.losses import (
    Dense,
    Sparse,
    cue_loss,
    dense_loss,
    soft_dice,
    sparse_loss,
)


def sparse(shape: tuple[int, int, int] = (1, 8, 8)) -> Sparse:
    painted, stroke, ring = (torch.zeros(shape) for _ in range(3))
    painted[:, 2:4, 2:4] = 1
    stroke[:, 7] = 1
    ring[:, 1, 2:4] = 1
    return Sparse(painted, stroke, ring, painted * 0.6)


def test_unpainted_pixels_get_no_gradient() -> None:
    target = sparse()
    logits = torch.randn(1, 2, 8, 8, requires_grad=True)

    (slope,) = grad(sparse_loss(logits, target), logits)

    known = target.painted + target.stroke
    assert (slope[0, 0][known[0] == 0] == 0).all(), "foreground: only what is painted"
    assert (slope[0, 0][known[0] == 1] != 0).all()
    taught = known + target.ring
    assert (slope[0, 1][taught[0] == 0] == 0).all()
    assert (slope[0, 1][target.ring[0] == 1] > 0).all(), "the ring pulls the cue down"


def test_without_a_stroke_nothing_says_background() -> None:
    target = sparse()._replace(stroke=torch.zeros(1, 8, 8))
    logits = torch.zeros(1, 2, 8, 8, requires_grad=True)

    (slope,) = grad(sparse_loss(logits, target), logits)

    assert (slope[:, 0] <= 0).all()


def test_a_long_stroke_weighs_like_a_short_one() -> None:
    logits = torch.randn(1, 1, 1, 1).expand(1, 2, 8, 8)
    short, long = sparse(), sparse()
    long.stroke[:, 5:] = 1

    torch.testing.assert_close(sparse_loss(logits, short), sparse_loss(logits, long))


def test_a_perfect_cue_costs_nothing_and_any_other_something() -> None:
    target = torch.tensor([0.1, 0.5, 0.9])

    torch.testing.assert_close(
        cue_loss(torch.logit(target), target), torch.zeros(3), atol=1e-6, rtol=0
    )
    assert (cue_loss(torch.logit(target) + 0.5, target) > 1e-3).all()


def test_soft_dice_against_its_definition() -> None:
    p, t = torch.tensor([[[0.5, 1.0]]]), torch.tensor([[[0.0, 1.0]]])

    torch.testing.assert_close(soft_dice(p, t), torch.tensor(1 - 3 / 3.25))


def test_pixels_of_weight_zero_are_unknown() -> None:
    target = Dense(*(torch.zeros(1, 4, 4) for _ in range(3)))
    target.weight[:, :2] = 1
    wrong = torch.full((1, 2, 4, 4), -20.0)
    wrong[:, :, 2:] = 20.0

    good = torch.full((1, 2, 4, 4), -20.0)

    torch.testing.assert_close(dense_loss(wrong, target), dense_loss(good, target))
