"""The network from random weights, and what its training shares with fine-tuning."""

from __future__ import annotations

import types
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_metaseg.core.metrics import mask_dice
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.io.bundle import load_bundle, save_bundle
from napari_metaseg.workflows.benchmark.corrections import correct
from napari_metaseg.workflows.benchmark.methods import (
    finetune,
    random_start,
    tuning,
)
from napari_metaseg.workflows.benchmark.methods.finetune import Finetune
from napari_metaseg.workflows.benchmark.methods.look import make_lens_and_crops
from napari_metaseg.workflows.benchmark.methods.random_start import (
    RandomStart,
    random_params,
)
from napari_metaseg.workflows.benchmark.methods.tuning import (
    FinetuneSettings,
    FineTuning,
    flipped,
)
from napari_metaseg.workflows.preparing import on_device

from .noisy_draws import IMAGE, PAINTED, a_draw

if TYPE_CHECKING:
    from pathlib import Path

    from napari_metaseg.core.inner_loop import Support

FEW = FinetuneSettings(2, 3e-3)


@pytest.fixture(scope="module")
def support(small: str) -> Support:
    return make_lens_and_crops(PAINTED, load_bundle(small))[1].support()


def test_random_weights_learn_to_find_cells(small: str) -> None:
    fitted = RandomStart(small, "cpu", FinetuneSettings(40, 1e-2)).fit(PAINTED)

    before, after = (
        mask_dice(PAINTED.task.masks[PAINTED.scored[0]] > 0, found > 0)
        for found in (fitted.before(IMAGE), fitted.after(IMAGE))
    )
    assert before < 0.6 < 0.8 < after
    assert not fitted.reverted


def test_every_layer_is_trained_from_the_weights_of_the_draws_seed(small: str) -> None:
    fitted = RandomStart(small, "cpu", FEW).fit(replace(PAINTED, seed=3))

    network = fitted.segmenter.network
    first = random_params(load_bundle(small).architecture, 3)
    for name, value in network.initial.params.items():
        assert torch.equal(value, first[name])
        assert not torch.equal(network.adapted.params[name], value), name


def test_random_weights_are_trained_on_mirror_images(
    small: str, support: Support
) -> None:
    bundle = load_bundle(small)
    first = random_params(bundle.architecture, 0)
    module, initial = on_device(replace(bundle, params=first), torch.device("cpu"))
    rule = FineTuning(FEW, "adam", mirrored=True)

    fitted = RandomStart(small, "cpu", FEW).fit(PAINTED)

    *_, last = rule.follow(module, initial, support)
    for name, value in fitted.segmenter.network.adapted.params.items():
        torch.testing.assert_close(value, last.params[name])


def test_random_weights_are_those_of_a_seed(small: str) -> None:
    bundle = load_bundle(small)
    first, again, other = (random_params(bundle.architecture, s) for s in (0, 0, 1))

    assert {k: v.shape for k, v in first.items()} == {
        k: v.shape for k, v in bundle.params.items()
    }
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_drawing_random_weights_leaves_the_chance_of_others_alone(small: str) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    random_params(load_bundle(small).architecture, 0)

    assert torch.equal(torch.rand(2), expected)


def test_of_a_bundle_only_network_and_object_size_count(
    small: str, tmp_path: Path
) -> None:
    bundle = load_bundle(small)
    others = {k: v + 1 for k, v in bundle.params.items()}
    save_bundle(tmp_path / "weights", others, bundle.card)
    larger = bundle.card | {"working_diameter": 30.0}
    save_bundle(tmp_path / "larger", bundle.params, larger)

    own = RandomStart(small).fingerprint

    assert RandomStart(str(tmp_path / "weights")).fingerprint == own
    assert RandomStart(str(tmp_path / "larger")).fingerprint != own
    assert RandomStart(small, settings=FEW).fingerprint != own


def test_each_round_of_corrections_is_trained_from_random_weights(small: str) -> None:
    method = RandomStart(small, "cpu", FEW)

    curve = correct(a_draw(cells=1), method, "scratch", rounds=1, images=1)

    assert method.starts == ("scratch",)
    assert curve is not None
    assert [p.corrections for p in curve.points] == [0, 1]


def test_a_mirror_image_has_its_cells_where_they_are_seen(support: Support) -> None:
    alike = support._replace(inputs=support.target.painted[:, None])

    images = [flipped(alike, k) for k in range(8)]

    for image in images:
        assert torch.equal(image.inputs[:, 0], image.target.painted)
        assert image.target.ring.sum() == support.target.ring.sum()
    # Four of them, of which the first is the support itself.
    found = [[torch.equal(a.inputs, b.inputs) for a in images] for b in images]
    np.testing.assert_array_equal(found, np.tile(np.eye(4, dtype=bool), (2, 2)))
    assert torch.equal(images[0].inputs, alike.inputs)


def test_steps_look_at_mirror_images_where_they_are_told_to(
    small: str, support: Support
) -> None:
    module, initial = on_device(load_bundle(small), torch.device("cpu"))

    def reached(seen: Support, *, mirrored: bool) -> torch.Tensor:
        rule = FineTuning(FinetuneSettings(1, 0.1), "sgd", mirrored=mirrored)
        *_, last = rule.follow(module, initial, seen)
        return torch.cat([v.flatten() for v in last.params.values()])

    mirrored = reached(support, mirrored=True)

    assert torch.equal(mirrored, reached(flipped(support, 1), mirrored=False))
    assert not torch.equal(mirrored, reached(support, mirrored=False))


@pytest.mark.parametrize("kind", ["finetune", "random"])
def test_what_is_timed_is_learning_and_the_decoding_is_chosen_after(
    small: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    closed_form = tuning.make_segmenter

    def clock() -> float:
        events.append("clock")
        return 0.0

    def spied(*args: object) -> object:
        events.append("closed form")
        return closed_form(*args)  # type: ignore[arg-type]

    def chosen(*args: object) -> DecodeSettings:
        events.append("decoding")
        return DecodeSettings(split=0.25)

    for module in (finetune, random_start):
        stopwatch = types.SimpleNamespace(perf_counter=clock)
        monkeypatch.setattr(module, "time", stopwatch)
    monkeypatch.setattr(tuning, "make_segmenter", spied)
    monkeypatch.setattr(tuning, "fit_decoding", chosen)
    method = (
        RandomStart(small, "cpu", FEW)
        if kind == "random"
        else Finetune("adam", False, small, "cpu", FEW)
    )

    fitted = method.fit(PAINTED)

    assert events == ["clock", "closed form", "clock", "decoding"]
    assert fitted.segmenter.settings == DecodeSettings(split=0.25)
