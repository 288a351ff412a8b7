from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.evidence import without_evidence
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.inner_loop import run, run_on_support
from napari_metaseg.core.losses import sparse_loss
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.io.bundle import load_bundle, save_bundle
from napari_metaseg.workflows.adapt import adapt
from napari_metaseg.workflows.benchmark.methods.adaptation import Adaptation
from napari_metaseg.workflows.benchmark.methods.blind import BlindUNet
from napari_metaseg.workflows.benchmark.methods.finetune import TUNED, Finetune
from napari_metaseg.workflows.benchmark.methods.look import make_lens_and_crops
from napari_metaseg.workflows.benchmark.methods.registry import Choice, make_methods
from napari_metaseg.workflows.benchmark.methods.supervised import (
    CeilingSettings,
)
from napari_metaseg.workflows.benchmark.methods.tuning import (
    FinetuneSettings,
    FineTuning,
)
from napari_metaseg.workflows.preparing import on_device

from .noisy_draws import IMAGE, PAINTED

if TYPE_CHECKING:
    from collections.abc import Callable


CPU = torch.device("cpu")
LOOK = np.random.default_rng(0).random((1, 96, 96), np.float32)
FEW = CeilingSettings(folds=2, steps=2, batch=2, crop=64)


@pytest.fixture(scope="module")
def still(small: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the small bundle with a recipe of no steps."""
    bundle = load_bundle(small)
    folder = tmp_path_factory.mktemp("bundles") / "still"
    recipe = bundle.card["recipe"] | {"steps": 0}
    save_bundle(folder, bundle.params, bundle.card | {"recipe": recipe})
    return str(folder)


@pytest.fixture(scope="module")
def tuning(small: str) -> Callable[..., dict[str, torch.Tensor]]:
    bundle = load_bundle(small)
    support = make_lens_and_crops(PAINTED, bundle)[1].support()
    module, initial = on_device(bundle, CPU)

    def tune(rule: str, strength: float, **changed: float) -> dict[str, torch.Tensor]:
        settings = FinetuneSettings(**{"steps": 3, "rate": 1e-3} | changed)
        settings = replace(settings, strength=strength)
        *_, last = FineTuning(settings, rule).follow(module, initial, support)
        return {k: v - initial[k] for k, v in last.params.items()}

    return tune


def moved(change: dict[str, torch.Tensor]) -> float:
    return math.sqrt(sum(float(v.square().sum()) for v in change.values()))


@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_fine_tuning_moves_and_l2sp_holds_back(tuning, rule: str) -> None:
    free, held, fixed = (moved(tuning(rule, s)) for s in (0.0, 1e3, math.inf))

    assert free > held > 0
    assert fixed == 0


@pytest.mark.parametrize("rule", ["sgd", "adam"])
@pytest.mark.parametrize("changed", [{"rate": 0.0}, {"steps": 0}])
def test_no_rate_or_no_steps_leave_the_start(
    tuning, rule: str, changed: dict[str, float]
) -> None:
    assert moved(tuning(rule, math.inf, **changed)) == 0
    assert moved(tuning(rule, 0.0, **changed)) == 0


def test_the_first_sgd_step_is_the_gradient_step(tuning, small: str) -> None:
    bundle = load_bundle(small)
    support = make_lens_and_crops(PAINTED, bundle)[1].support()
    module, initial = on_device(bundle, CPU)
    at = {k: v.clone().requires_grad_() for k, v in initial.items()}
    output = run_on_support(module, at, support)
    loss = sparse_loss(output.logits, support.target)
    gradients = torch.autograd.grad(loss, list(at.values()))

    change = tuning("sgd", 3.0, steps=1, rate=0.01)

    # The proximal step on 3 / 2 |p - p0|^2 divides the plain step by 1 + 0.01 * 3.
    # A change of a parameter of about 3 is known to 2e-7 in 32 bits.
    for name, gradient in zip(at, gradients, strict=True):
        torch.testing.assert_close(
            change[name], -0.01 * gradient / 1.03, rtol=1e-4, atol=5e-7
        )


def test_fine_tuning_looks_as_adaptation_does(small: str) -> None:
    lens, _ = make_lens_and_crops(PAINTED, load_bundle(small))
    model = adapt(
        PAINTED.images, [a for _, a in PAINTED.annotations], init=small, device="cpu"
    )

    assert lens == model.segmenter.lens


def test_without_steps_fine_tuning_is_adaptation_without_steps(
    small: str, still: str
) -> None:
    settings = FinetuneSettings(0, 1e-3)
    tuned = Finetune("adam", False, still, "cpu", settings, closed_form=True)
    fitted, adapted = tuned.fit(PAINTED), Adaptation(still, "cpu").fit(PAINTED)

    np.testing.assert_array_equal(fitted.before(IMAGE), adapted.before(IMAGE))
    np.testing.assert_array_equal(fitted.after(IMAGE), adapted.after(IMAGE))
    assert not fitted.reverted


def test_plain_fine_tuning_is_told_nothing_of_what_is_painted(small: str) -> None:
    bundle = load_bundle(small)
    module, params = on_device(bundle, CPU)
    blind, support = (
        BlindUNet(bundle.architecture),
        make_lens_and_crops(PAINTED, bundle)[1].support(),
    )

    told = run_on_support(module, params, support).logits
    untold = run_on_support(blind, params, support).logits

    inputs = without_evidence(support.inputs)
    torch.testing.assert_close(untold, run(module, params, inputs).logits)
    assert (told - untold).abs().max() > 0.01


def test_plain_fine_tuning_takes_steps(small: str) -> None:
    settings = FinetuneSettings(2, 0.01)
    before, after = (
        exhaust(
            Finetune("adam", False, small, "cpu", s)
            .fit(PAINTED)
            .segmenter.network.draw(LOOK, adapted=True)
        )
        for s in (FinetuneSettings(0, 0.01), settings)
    )
    assert np.abs(after - before).max() > 0.01


def test_adaptation_is_the_public_function_with_do_no_harm_told_apart(
    small: str,
) -> None:
    fitted = Adaptation(small, "cpu").fit(PAINTED)
    model = adapt(
        PAINTED.images, [a for _, a in PAINTED.annotations], init=small, device="cpu"
    )

    assert model.report is not None
    assert fitted.reverted == (not model.report.kept)
    np.testing.assert_array_equal(
        fitted.after(IMAGE), replace(model.segmenter, kept=True).segment(IMAGE)
    )
    np.testing.assert_array_equal(
        fitted.before(IMAGE),
        model.segment(IMAGE, adapted=False, settings=DecodeSettings()),
    )
    assert fitted.seconds > 0


def test_methods_are_made_by_name_and_differ_by_what_they_are(small: str) -> None:
    controls = (
        "random",
        "finetune",
        "finetune-closed",
        "forest",
        "ceiling",
        "ceiling-painted",
    )
    chosen = Choice((small,), controls, small)
    methods = make_methods(chosen)

    assert [m.name.replace(small, "S") for m in methods] == [
        "S",
        "random",
        "finetune-sgd",
        "finetune-sgd-l2sp",
        "finetune-adam",
        "finetune-adam-l2sp",
        "finetune-closed-sgd",
        "finetune-closed-sgd-l2sp",
        "finetune-closed-adam",
        "finetune-closed-adam-l2sp",
        "forest",
        "ceiling",
        "ceiling-painted",
    ]
    more = {key: replace(s, steps=99) for key, s in TUNED.items()}
    harder = replace(chosen, finetune=more)
    changed = {
        m.name
        for m, other in zip(methods, make_methods(harder), strict=True)
        if m.fingerprint != other.fingerprint
    }
    assert changed == {m.name for m in methods if m.name.startswith("finetune")}
    assert len({m.origin for m in methods}) == 6


def test_unknown_names_are_told(small: str) -> None:
    with pytest.raises(UserError, match="no method 'foresty'; choose of random"):
        make_methods(Choice((small,), ("foresty",)))
    with pytest.raises(UserError, match="no initialization 'mamba'"):
        make_methods(Choice(("mamba",)))
