from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_metaseg.core.inner_loop import (
    fit_context,
    inner_loop,
    run,
    run_on_support,
)
from napari_metaseg.core.losses import dense_loss, sparse_loss
from napari_metaseg.core.network import Params, PrototypeUNet
from napari_metaseg.core.recipe import Adapts, adapted_names
from napari_metaseg.learners.maml import step_weights
from napari_metaseg.learners.meta_gradient import (
    Algorithm,
    MetaState,
    OuterSettings,
    meta_gradient,
)
from napari_metaseg.learners.meta_train import start

from .helpers import tiny_episode, tiny_network

if TYPE_CHECKING:
    from napari_metaseg.learners.episode import EpisodeTensors

DOUBLE = torch.float64


def state_of(network: PrototypeUNet, rate: float, adapts: Adapts = "all") -> MetaState:
    params = dict(network.named_parameters())
    return start(params, dict.fromkeys(adapted_names(params, adapts), rate)).state


def outer_loss(
    network: PrototypeUNet,
    params: Params,
    log_rates: Params,
    episode: EpisodeTensors,
    settings: OuterSettings,
    weights: list[float],
) -> torch.Tensor:
    """Compute the outer loss from its definition, without any meta-gradient code."""
    rates = {k: r.exp() for k, r in log_rates.items()}
    adapted = dict(params)

    def query(at: Params) -> torch.Tensor:
        context = fit_context(network, at, episode.support)
        logits = run(network, at, episode.query_inputs, context).logits
        return dense_loss(logits, episode.query_target)

    total = settings.zero_step_weight * query(params)
    for weight in weights:
        leaves = {k: p.detach().requires_grad_() for k, p in adapted.items()}
        logits = run_on_support(network, leaves, episode.support)
        loss = sparse_loss(logits.logits, episode.support.target)
        slopes = torch.autograd.grad(loss, [leaves[k] for k in rates])
        assert math.sqrt(sum(float(g.square().sum()) for g in slopes)) < 10, "no clip"
        adapted = adapted | {
            k: adapted[k] - rates[k] * g for k, g in zip(rates, slopes, strict=True)
        }
        if weight:
            total = total + weight * query(adapted)
    return total


@pytest.mark.parametrize("adapts", ["all", "deciding"])
@pytest.mark.parametrize(
    ("weights", "spent"), [([1.0], 0.1), ([0, 0, 1.0], 0.9), ([0.25, 0.25, 0.5], 0.1)]
)
def test_maml_equals_central_differences_through_the_whole_network(
    weights: list[float], spent: float, adapts: Adapts
) -> None:
    torch.manual_seed(0)
    network, episode = PrototypeUNet().double(), tiny_episode(dtype=DOUBLE)
    network.head.weight.data.mul_(0.1)
    state = state_of(network, 0.005, adapts)
    for r in state.log_rates.values():
        r.data = r.data.to(DOUBLE)
    settings = OuterSettings("maml", inner_steps=len(weights), multi_step=0.4)

    found = meta_gradient(network, state, episode, settings, False, spent)
    slopes = found.gradients

    torch.manual_seed(3)
    direction = [torch.randn_like(t) for t in state.tensors()]
    names = list(state.params)

    def along(step: float) -> float:
        moved = [
            (t + step * d).detach()
            for t, d in zip(state.tensors(), direction, strict=True)
        ]
        params = dict(zip(names, moved[: len(names)], strict=True))
        rates = dict(zip(state.log_rates, moved[len(names) :], strict=True))
        loss = outer_loss(network, params, rates, episode, settings, weights)
        return float(loss)

    numeric = (along(1e-7) - along(-1e-7)) / 2e-7
    exact = sum(float((g * d).sum()) for g, d in zip(slopes, direction, strict=True))
    assert exact == pytest.approx(numeric, rel=1e-5)


@given(steps=st.integers(1, 12), share=st.floats(0, 1))
def test_queries_after_all_steps_count_alike_at_first_and_the_last_alone_in_the_end(
    steps: int, share: float
) -> None:
    weights = step_weights(steps, share)

    assert step_weights(steps, 0) == pytest.approx([1 / steps] * steps)
    assert step_weights(steps, 1) == [0] * (steps - 1) + [1]
    assert sum(weights) == pytest.approx(1)
    assert min(weights) >= 0
    assert max(weights) == pytest.approx(weights[-1])


def gradients(
    algorithm: Algorithm, rate: float, *, blank: bool = False, zero: float = 0.3
) -> list[torch.Tensor]:
    network, episode = tiny_network(DOUBLE), tiny_episode(dtype=DOUBLE)
    settings = OuterSettings(algorithm, inner_steps=2, zero_step_weight=zero)
    state = state_of(network, rate)
    return meta_gradient(network, state, episode, settings, blank).gradients


def difference(a: list[torch.Tensor], b: list[torch.Tensor]) -> float:
    n = len(a) // 2
    gap = sum(float((x - y).square().sum()) for x, y in zip(a[:n], b[:n], strict=True))
    size = sum(float(x.square().sum()) for x in a[:n])
    return math.sqrt(gap / size)


def test_first_and_second_order_agree_as_the_inner_rate_vanishes() -> None:
    coarse = difference(gradients("maml", 5e-3), gradients("fomaml", 5e-3))
    fine = difference(gradients("maml", 5e-6), gradients("fomaml", 5e-6))

    assert coarse > 1e-3, "the curvature must matter, or this shows nothing"
    assert fine < coarse / 100


def test_fomaml_is_the_query_gradient_at_the_adapted_weights() -> None:
    network, episode = tiny_network(), tiny_episode()
    state = state_of(network, 0.05)
    settings = OuterSettings("fomaml", inner_steps=2, zero_step_weight=0.0)

    found = meta_gradient(network, state, episode, settings, blank=False).gradients

    rates = {k: r.exp().detach() for k, r in state.log_rates.items()}
    *_, last = inner_loop(network, state.params, episode.support, rates, 2)
    leaves = {k: p.detach().requires_grad_() for k, p in last.params.items()}
    context = fit_context(network, leaves, episode.support)
    logits = run(network, leaves, episode.query_inputs, context).logits
    expected = torch.autograd.grad(
        dense_loss(logits, episode.query_target), list(leaves.values())
    )
    for a, b in zip(found, expected, strict=False):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-4)


def test_pooled_training_is_the_query_gradient_without_any_step() -> None:
    pooled = gradients("pooled", 0.05)
    still = gradients("fomaml", 1e-300, zero=0.0)

    assert difference(pooled, still) < 1e-9


def test_a_blank_query_tells_nothing_about_the_support() -> None:
    network = tiny_network()
    state = state_of(network, 0.05)
    settings = OuterSettings("pooled")
    first = tiny_episode(0)
    target = first.support.target
    moved = target._replace(painted=target.painted.roll(5, 2), stroke=target.ring)
    other = first._replace(support=first.support._replace(target=moved))

    def slopes(episode: EpisodeTensors, blank: bool) -> torch.Tensor:
        found = meta_gradient(network, state, episode, settings, blank).gradients
        return torch.cat([g.flatten() for g in found])

    torch.testing.assert_close(slopes(first, True), slopes(other, True))
    assert not torch.allclose(slopes(first, False), slopes(other, False))


def test_half_precision_keeps_the_direction() -> None:
    torch.manual_seed(0)
    network, episode = PrototypeUNet(), tiny_episode()
    state = state_of(network, 0.05)

    def flat(half: bool) -> torch.Tensor:
        settings = OuterSettings("fomaml", inner_steps=2, half=half)
        found = meta_gradient(network, state, episode, settings, False).gradients
        return torch.cat([g.flatten() for g in found])

    assert torch.cosine_similarity(flat(True), flat(False), dim=0) > 0.99


def test_second_order_is_never_computed_in_half_precision() -> None:
    network, episode = tiny_network(), tiny_episode()
    state = state_of(network, 0.05)

    half, whole = (
        meta_gradient(
            network, state, episode, OuterSettings("maml", 2, half=half), False
        ).gradients
        for half in (True, False)
    )

    assert all(torch.equal(a, b) for a, b in zip(half, whole, strict=True))


def test_reptile_is_the_mean_gradient_on_the_way_over_support_and_query() -> None:
    network, episode = tiny_network(DOUBLE), tiny_episode(dtype=DOUBLE)
    state = state_of(network, 1e-7)
    settings = OuterSettings("reptile", inner_steps=3, zero_step_weight=0.0)

    found = meta_gradient(network, state, episode, settings, blank=False).gradients

    # At a vanishing rate the way is straight: the joint gradient of both losses.
    output = run_on_support(network, state.params, episode.support)
    support = sparse_loss(output.logits, episode.support.target)
    context = fit_context(network, state.params, episode.support)
    logits = run(network, state.params, episode.query_inputs, context).logits
    joint = torch.autograd.grad(
        support + dense_loss(logits, episode.query_target),
        list(state.params.values()),
    )
    for a, b in zip(found, joint, strict=False):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)
    assert all(not g.any() for g in found[len(joint) :]), "rates are not learned"
