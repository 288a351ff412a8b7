"""iMAML on the real network: the implicit gradient against re-solved episodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from napari_metaseg.core.inner_loop import fit_context, run
from napari_metaseg.core.losses import dense_loss
from napari_metaseg.core.proximal import ProximalSettings
from napari_metaseg.core.recipe import Proximal, adapted_names
from napari_metaseg.learners.imaml import imaml_gradient
from napari_metaseg.learners.meta_gradient import (
    MetaState,
    OuterSettings,
    meta_gradient,
)

from .helpers import tiny_episode, tiny_network

if TYPE_CHECKING:
    from napari_metaseg.core.network import Params, PrototypeUNet
    from napari_metaseg.learners.episode import EpisodeTensors

DOUBLE = torch.float64
STRENGTH = 2.0


def begin() -> tuple[PrototypeUNet, Params, EpisodeTensors, Proximal]:
    network = tiny_network(DOUBLE)
    params = {k: p.detach().requires_grad_() for k, p in network.named_parameters()}
    names = adapted_names(params, "conditioning")
    recipe = Proximal(names, ProximalSettings(STRENGTH, 1e-8, 2000))
    return network, params, tiny_episode(dtype=DOUBLE), recipe


def solved_loss(
    network: PrototypeUNet, params: Params, episode: EpisodeTensors, recipe: Proximal
) -> float:
    """Solve the inner problem anew and compute the query loss there."""
    *_, last = recipe.follow(network, params, episode.support)
    with torch.no_grad():
        context = fit_context(network, last.params, episode.support)
        logits = run(network, last.params, episode.query_inputs, context).logits
        return float(dense_loss(logits, episode.query_target))


@pytest.mark.parametrize("part", ["anchor", "deciding", "seeing"])
def test_the_implicit_gradient_equals_central_differences(part: str) -> None:
    network, params, episode, recipe = begin()
    belongs = {
        "anchor": lambda k: k in recipe.names,
        "deciding": lambda k: k.startswith(network.DECIDING) and k not in recipe.names,
        "seeing": lambda k: not k.startswith(network.DECIDING),
    }[part]

    found = imaml_gradient(
        network, params, episode, recipe, cg_steps=300, cg_tolerance=1e-10
    )

    torch.manual_seed(1)
    direction = {k: torch.randn_like(p) for k, p in params.items() if belongs(k)}

    def along(step: float) -> float:
        moved = {
            k: (p + step * direction[k] if k in direction else p).detach()
            for k, p in params.items()
        }
        return solved_loss(network, moved, episode, recipe)

    numeric = (along(1e-5) - along(-1e-5)) / 2e-5
    exact = sum(float((found.gradients[k] * d).sum()) for k, d in direction.items())
    assert exact == pytest.approx(numeric, rel=1e-3)
    assert not found.metrics["cg_truncated"]


def test_it_is_the_episode_term_of_meta_training() -> None:
    network, params, episode, recipe = begin()
    state = MetaState(params, {})
    settings = OuterSettings("imaml", zero_step_weight=0.0, proximal=recipe)

    found = meta_gradient(network, state, episode, settings, blank=False)

    expected = imaml_gradient(network, params, episode, recipe)
    for slope, name in zip(found.gradients, params, strict=True):
        torch.testing.assert_close(slope, expected.gradients[name])
    assert found.metrics["query_after"] == pytest.approx(
        solved_loss(network, params, episode, recipe)
    )
    assert found.metrics["evaluations"] > 2
    assert 0 < found.metrics["gradient_norm"] <= recipe.settings.tolerance
    assert found.metrics["cg_residual"] <= 0.02 or found.metrics["cg_steps"] == 10
