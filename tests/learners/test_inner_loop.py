from __future__ import annotations

import dataclasses
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import torch

from napari_metaseg.core.inner_loop import inner_loop, run_on_support
from napari_metaseg.core.losses import sparse_loss
from napari_metaseg.core.recipe import Adapts, adapted_names

from .helpers import tiny_episode, tiny_network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_metaseg.core.network import Params


def begin(rate: float) -> tuple[torch.nn.Module, Params, Params]:
    network = tiny_network()
    params = {k: p.detach().clone() for k, p in network.named_parameters()}
    return network, params, {k: torch.tensor(rate) for k in params}


def test_the_first_state_is_the_initialization_itself() -> None:
    network, params, rates = begin(0.1)

    first = next(inner_loop(network, params, tiny_episode().support, rates, 5))

    assert (first.index, first.loss) == (0, None)
    assert first.params is params


def test_each_step_follows_the_gradient_at_its_own_rate() -> None:
    network, params, rates = begin(0.01)
    rates["head.bias"] = torch.tensor(0.0)
    support = tiny_episode().support

    _, step = inner_loop(network, params, support, rates, 1)

    leaves = {k: p.clone().requires_grad_() for k, p in params.items()}
    loss = sparse_loss(run_on_support(network, leaves, support).logits, support.target)
    slopes = torch.autograd.grad(loss, list(leaves.values()))
    assert step.loss is not None
    torch.testing.assert_close(step.loss, loss.detach())
    for (name, p), g in zip(params.items(), slopes, strict=True):
        torch.testing.assert_close(step.params[name], p - rates[name] * g)
    torch.testing.assert_close(step.params["head.bias"], params["head.bias"])


def test_the_loss_falls() -> None:
    network, params, rates = begin(0.02)

    losses = [
        float(s.loss)
        for s in inner_loop(network, params, tiny_episode().support, rates, 20)
        if s.loss is not None
    ]

    assert len(losses) == 20
    assert losses[-1] < 0.9 * losses[0]


def test_a_huge_gradient_is_scaled_back_to_the_clip() -> None:
    network, params, rates = begin(1.0)

    _, step = inner_loop(network, params, tiny_episode().support, rates, 1, clip=1e-3)

    moved = torch.stack(
        [(step.params[k] - p).square().sum() for k, p in params.items()]
    )
    assert float(moved.sum().sqrt()) == pytest.approx(1e-3, rel=1e-3)


def test_the_initialization_is_never_changed_and_steps_are_frozen() -> None:
    network, params, rates = begin(0.1)
    before = {k: p.clone() for k, p in params.items()}

    steps = list(inner_loop(network, params, tiny_episode().support, rates, 3))

    for name, p in params.items():
        torch.testing.assert_close(p, before[name], atol=0, rtol=0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        steps[0].index = 9  # type: ignore[misc]


def test_the_loop_can_be_left_at_any_step() -> None:
    network, params, rates = begin(0.1)
    loop = inner_loop(network, params, tiny_episode().support, rates, 1000)

    assert [next(loop).index for _ in range(3)] == [0, 1, 2]
    loop.close()

    assert next(loop, None) is None


def test_deciding_layers_adapt_alike_whether_the_others_are_run_again_or_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network, params, rates = begin(0.02)
    deciding = {k: r for k, r in rates.items() if k.startswith(network.DECIDING)}
    support = tiny_episode().support

    *_, once = inner_loop(network, params, support, deciding, 3)
    monkeypatch.setattr(
        "napari_metaseg.core.inner_loop.run_on_support",
        lambda network, params, support, seen=None: run_on_support(
            network, params, support
        ),
    )
    *_, again = inner_loop(network, params, support, deciding, 3)

    for name, tensor in once.params.items():
        torch.testing.assert_close(tensor, again.params[name])
        assert torch.equal(tensor, params[name]) == (name not in deciding)


@pytest.mark.parametrize("adapts", ["all", "deciding"])
def test_steps_that_are_taken_again_give_the_same_gradient_and_keep_less(
    adapts: Adapts,
) -> None:
    network, episode = tiny_network(torch.float64), tiny_episode(dtype=torch.float64)
    support = episode.support
    names = adapted_names(dict(network.named_parameters()), adapts)

    def gradient(checkpointed: bool) -> tuple[list[torch.Tensor], int]:
        params = dict(network.named_parameters())
        rates = {k: torch.tensor(0.02, dtype=torch.float64) for k in names}
        leaves = [*params.values(), *(r.requires_grad_() for r in rates.values())]
        with kept_bytes() as kept:
            *_, last = inner_loop(
                network,
                params,
                support,
                rates,
                3,
                second_order=True,
                checkpointed=checkpointed,
            )
            still = kept()
        logits = run_on_support(network, last.params, support).logits
        loss = sparse_loss(logits, support.target)
        slopes = torch.autograd.grad(loss, leaves, allow_unused=True)
        return [torch.zeros(()) if g is None else g for g in slopes], still

    usual, all_kept = gradient(False)
    again, little = gradient(True)

    for a, b in zip(usual, again, strict=True):
        torch.testing.assert_close(a, b, atol=1e-12, rtol=1e-9)
    assert any(g.any() for g in usual[-len(names) :]), "rates are learned"
    assert little < all_kept / 3


@contextmanager
def kept_bytes() -> Iterator[Callable[[], int]]:
    """Count what graphs that are built meanwhile hold on to, in bytes."""
    sizes: weakref.WeakKeyDictionary[Kept, int] = weakref.WeakKeyDictionary()

    def pack(tensor: torch.Tensor) -> Kept:
        held = Kept(tensor)
        sizes[held] = tensor.nbytes
        return held

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda held: held.tensor):
        yield lambda: sum(sizes.values())


class Kept:
    """A tensor that a graph has saved."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor
