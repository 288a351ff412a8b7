"""A round may begin with the parameters of an earlier one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.recipe import GradientSteps
from napari_metaseg.io.bundle import load_bundle
from napari_metaseg.workflows.adapt import AdaptedModel, adapt

from .inner_loops import STRENGTH, TOLERANCE, with_recipe

if TYPE_CHECKING:
    from pathlib import Path

    from napari_metaseg.data.synthetic import Scene


@pytest.fixture
def first_cells(painted: np.ndarray) -> np.ndarray:
    """Return the annotation before its last cell was painted."""
    return np.where(painted == painted.max(), 0, painted)


def as_if_kept(model: AdaptedModel) -> AdaptedModel:
    """Overrule do-no-harm: random weights may do worse after a few steps."""
    model.segmenter = replace(model.segmenter, kept=True)
    return model


def parameters(model: AdaptedModel) -> torch.Tensor:
    adapted = model.segmenter.network.adapted.params
    return torch.cat([p.flatten() for p in adapted.values()])


def test_imaml_ends_in_the_same_place_wherever_it_begins(
    scene: Scene, painted: np.ndarray, first_cells: np.ndarray, imaml: str
) -> None:
    earlier = as_if_kept(adapt(scene.image, first_cells, init=imaml, device="cpu"))
    cold = adapt(scene.image, painted, init=imaml, device="cpu")

    warm = adapt(scene.image, painted, init=imaml, device="cpu", start=earlier)

    # Each is within tolerance / strength of the one minimum.
    apart = float((parameters(warm) - parameters(cold)).norm())
    assert apart <= 2 * TOLERANCE / STRENGTH
    assert float((parameters(earlier) - parameters(cold)).norm()) > 10 * apart
    assert (np.asarray(warm.labels) == np.asarray(cold.labels)).mean() > 0.999


def test_gradient_steps_go_on_from_there(
    scene: Scene, painted: np.ndarray, small: str, tmp_path: Path
) -> None:
    one_cell = np.where(painted == painted.max(), painted, 0)
    recipe = load_bundle(small).recipe
    assert isinstance(recipe, GradientSteps)
    twice = with_recipe(small, tmp_path / "twice", replace(recipe, steps=4))

    earlier = as_if_kept(adapt(scene.image, one_cell, init=small, device="cpu"))
    again = adapt(scene.image, one_cell, init=small, device="cpu", start=earlier)
    at_once = adapt(scene.image, one_cell, init=twice, device="cpu")

    torch.testing.assert_close(parameters(again), parameters(at_once))


def test_a_round_that_was_reverted_is_no_start(
    scene: Scene, painted: np.ndarray, small: str
) -> None:
    earlier = adapt(scene.image, painted, init=small, device="cpu")
    cold = parameters(earlier)
    earlier.segmenter = replace(earlier.segmenter, kept=False)

    again = adapt(scene.image, painted, init=small, device="cpu", start=earlier)

    assert torch.equal(parameters(again), cold)


def test_a_start_from_another_initialization_gets_a_sentence(
    scene: Scene, painted: np.ndarray, small: str
) -> None:
    earlier = adapt(scene.image, painted, init=small, device="cpu")

    with pytest.raises(UserError, match="another initialization; adapt without it"):
        adapt(scene.image, painted, init="maml", device="cpu", start=earlier)
