"""A correction round may go on from where the last one has ended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from napari_metaseg.core.recipe import GradientSteps
from napari_metaseg.io.bundle import load_bundle
from napari_metaseg.workflows.benchmark.methods.adaptation import (
    Adaptation,
    FittedSegmenter,
)

from .inner_loops import STRENGTH, TOLERANCE, with_recipe
from .noisy_draws import PAINTED

if TYPE_CHECKING:
    import pytest


def first_round(init: str) -> FittedSegmenter:
    """Learn from the same cells, without the strokes; whatever do-no-harm says."""
    plain = [(index, a.clip(0)) for index, a in PAINTED.annotations]
    fitted = Adaptation(init, "cpu").fit(replace(PAINTED, annotations=tuple(plain)))
    return replace(fitted, reverted=False)


def parameters(fitted: FittedSegmenter) -> torch.Tensor:
    values = fitted.segmenter.network.adapted.params.values()
    return torch.cat([value.flatten() for value in values])


def evaluations(fitted: FittedSegmenter) -> int:
    return fitted.segmenter.card["report"]["steps"]


def test_gradient_steps_go_on_from_the_last_round(
    small: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    recipe = load_bundle(small).recipe
    assert isinstance(recipe, GradientSteps)
    folder = tmp_path_factory.mktemp("bundles") / "still"
    method = Adaptation(with_recipe(small, folder, replace(recipe, steps=0)), "cpu")
    last = first_round(small)

    warm, cold = method.fit(PAINTED, previous=last), method.fit(PAINTED)

    assert method.starts == ("scratch", "warm")
    torch.testing.assert_close(parameters(warm), parameters(last))
    assert (parameters(cold) - parameters(last)).abs().max() > 1e-3


def test_imaml_goes_on_and_is_still_held_by_its_initialization(imaml: str) -> None:
    method, last = Adaptation(imaml, "cpu"), first_round(imaml)

    cold = method.fit(PAINTED)
    warm, again = (method.fit(PAINTED, previous=p) for p in (last, cold))

    assert method.starts == ("scratch", "warm")
    # Each is within tolerance / strength of the one minimum.
    apart = float((parameters(warm) - parameters(cold)).norm())
    assert apart <= 2 * TOLERANCE / STRENGTH
    assert float((parameters(last) - parameters(cold)).norm()) > 10 * apart
    # It has begun where it was told to: there nothing is left to be solved.
    assert evaluations(again) == 1 < evaluations(cold)


def test_a_round_that_was_reverted_is_no_start(small: str) -> None:
    method, last = Adaptation(small, "cpu"), first_round(small)

    again = method.fit(PAINTED, previous=replace(last, reverted=True))

    assert torch.equal(parameters(again), parameters(method.fit(PAINTED)))
    assert not torch.equal(parameters(again), parameters(last))


def test_at_several_scales_every_round_starts_anew(small: str) -> None:
    assert Adaptation(small, "cpu", scales=3).starts == ("scratch",)
