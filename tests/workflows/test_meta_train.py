from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.network import Architecture
from napari_metaseg.core.proximal import ProximalSettings
from napari_metaseg.core.recipe import (
    Adapts,
    GradientSteps,
    Proximal,
    adapted_names,
)
from napari_metaseg.data.episodes import EpisodeSettings
from napari_metaseg.io import bundle as io_bundle
from napari_metaseg.io.bundle import load_bundle, save_bundle
from napari_metaseg.learners.meta_gradient import Algorithm, OuterSettings
from napari_metaseg.learners.meta_train import TrainSettings
from napari_metaseg.workflows.adapt import adapt
from napari_metaseg.workflows.meta_train import run_meta_training
from napari_metaseg.workflows.run_settings import RunSettings

from .conftest import SMALL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_metaseg.data.synthetic import Scene

STEPS = 3


@pytest.fixture(scope="module")
def settings(tasks: Path) -> RunSettings:
    return RunSettings(
        data=str(tasks),
        procedural_share=0.0,
        checkpoint_every=1,
        architecture=SMALL,
        outer=OuterSettings(inner_steps=1),
        train=TrainSettings(steps=STEPS, tasks_per_step=2),
        episodes=EpisodeSettings(query_size=64, query_crops=1),
    )


def train(settings: RunSettings, output: Path, **options: Any) -> Path:
    run = run_meta_training(settings, output, device="cpu", **options)
    while True:
        try:
            next(run)
        except StopIteration as stop:
            bundle: Path = stop.value
            return bundle


def interrupt(settings: RunSettings, output: Path, steps: int) -> None:
    run = run_meta_training(settings, output, device="cpu")
    for _ in range(steps):
        next(run)
    run.close()


def read_log(output: Path) -> list[dict[str, float]]:
    lines = (output / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def straight(settings: RunSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run that was never interrupted."""
    output = tmp_path_factory.mktemp("runs") / "straight"
    bundle = train(settings, output, command="napari-metaseg meta-train tasks")
    assert bundle == output / "bundle"
    return output


def test_a_run_ends_in_a_bundle_that_loads(straight: Path) -> None:
    bundle = load_bundle(straight / "bundle")

    assert bundle.architecture == SMALL
    assert isinstance(bundle.recipe, GradientSteps)
    assert bundle.recipe.steps == 1
    assert set(bundle.recipe.rates) == set(adapted_names(bundle.params, "deciding"))
    assert bundle.card["metrics"]["curve"][-1]["meta_steps"] == STEPS
    training = bundle.card["training"]
    assert training["meta_steps"] == STEPS
    assert training["command"] == "napari-metaseg meta-train tasks"
    assert [t["task"] for t in training["tasks"]] == ["one", "two"]
    assert [t["licence"] for t in training["tasks"]] == ["CC0-1.0", "unknown"]


def test_a_card_names_no_folder_of_the_machine(straight: Path, tasks: Path) -> None:
    text = (straight / "bundle" / "card.json").read_text(encoding="utf-8")

    assert str(tasks.parent) not in text


def test_the_bundle_serves_adaptation(straight: Path) -> None:
    image = np.random.default_rng(0).random((60, 60))
    annotation = np.zeros((60, 60), np.uint8)
    annotation[20:40, 20:40] = 1

    model = adapt(image, annotation, init=straight / "bundle", device="cpu")

    assert model.report is not None
    assert model.report.n_cells == 1


def test_the_log_has_one_line_a_step(straight: Path) -> None:
    log = read_log(straight)

    assert [line["step"] for line in log] == list(range(1, STEPS + 1))
    assert all(np.isfinite(line["query_after"]) for line in log)


def test_another_network_may_draw_before_adaptation(
    settings: RunSettings, straight: Path, small: str, tmp_path: Path
) -> None:
    chosen = replace(settings, unadapted=small)

    bundle = load_bundle(train(chosen, tmp_path / "run"))

    alone, other = load_bundle(straight / "bundle"), load_bundle(small)
    for name, tensor in alone.params.items():
        assert torch.equal(bundle.params[name], tensor)
        assert torch.equal(bundle.unadapted[name], other.params[name])
    training = bundle.card["training"]
    assert training["unadapted"]["sha256"] == other.card["sha256"]
    assert training["settings"]["unadapted"] == "small"


@pytest.fixture(scope="module")
def paired(small: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the small bundle, in whose place another network draws before."""
    known = load_bundle(small)
    folder = tmp_path_factory.mktemp("bundles") / "paired"
    other = {k: v + 1 for k, v in known.params.items()}
    told = {"algorithm": "pooled", "sha256": "of another", "training": {}}
    card = known.card | {"training": {"unadapted": told}}
    save_bundle(folder, known.params, card, unadapted=other)
    return folder


@pytest.mark.parametrize("named", ["init", "unadapted"])
def test_what_draws_in_a_bundle_is_handed_on(
    settings: RunSettings, paired: Path, tmp_path: Path, named: str
) -> None:
    chosen = replace(settings, **{named: str(paired)})

    bundle = load_bundle(train(chosen, tmp_path / "run"))

    for name, tensor in load_bundle(paired).unadapted.items():
        assert torch.equal(bundle.unadapted[name], tensor)
    training = bundle.card["training"]
    assert training["unadapted"]["sha256"] == "of another"
    assert str(paired.parent) not in json.dumps(training)


def test_what_is_trained_to_draw_as_it_is_does_so(
    settings: RunSettings, paired: Path, tmp_path: Path
) -> None:
    outer = replace(settings.outer, algorithm="pooled")

    run = train(replace(settings, init=str(paired), outer=outer), tmp_path / "run")

    bundle = load_bundle(run)
    assert bundle.unadapted is bundle.params
    assert bundle.card["training"]["unadapted"] is None


def test_two_networks_that_no_bundle_can_hold_are_refused_before_training(
    settings: RunSettings,
    small: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = 2 * sum(v.numel() for v in load_bundle(small).params.values())
    monkeypatch.setattr(io_bundle, "LARGEST_BUNDLED", one)

    with pytest.raises(UserError, match="two networks have"):
        train(replace(settings, unadapted=small), tmp_path / "run")

    assert not (tmp_path / "run").exists()


def test_one_of_other_widths_cannot_draw_in_its_place(
    settings: RunSettings, small: str, tmp_path: Path
) -> None:
    wider = replace(
        settings, unadapted=small, architecture=Architecture(widths=(4, 4, 8, 8))
    )

    with pytest.raises(UserError, match="other widths"):
        train(wider, tmp_path / "run")

    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("every", "steps"), [(1, 1), (2, 3), (50, 2)])
def test_a_resumed_run_equals_an_uninterrupted_one(
    settings: RunSettings, straight: Path, tmp_path: Path, every: int, steps: int
) -> None:
    """At a checkpoint, behind one, and before the first."""
    settings = replace(settings, checkpoint_every=every)
    interrupt(settings, tmp_path / "run", steps)
    # A kill may cut the last line of the log.
    with (tmp_path / "run" / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"step": 99, "qu')

    train(settings, tmp_path / "run", resume=True)

    for name in ("bundle/weights.safetensors", "checkpoint.safetensors"):
        assert (tmp_path / "run" / name).read_bytes() == (straight / name).read_bytes()
    expected, found = read_log(straight), read_log(tmp_path / "run")
    for line in (*expected, *found):
        del line["seconds"]
    assert found == expected


def test_a_finished_run_resumes_to_itself(
    settings: RunSettings, straight: Path
) -> None:
    before = (straight / "bundle" / "weights.safetensors").read_bytes()

    train(settings, straight, resume=True, command="napari-metaseg meta-train tasks")

    assert (straight / "bundle" / "weights.safetensors").read_bytes() == before
    assert len(read_log(straight)) == STEPS


def test_a_run_is_not_overwritten(settings: RunSettings, straight: Path) -> None:
    before = (straight / "checkpoint.safetensors").read_bytes()

    with pytest.raises(UserError, match="holds a run already"):
        train(settings, straight)

    assert (straight / "checkpoint.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda s: replace(s, tasks=("one",)), "tasks"),
        (lambda s: replace(s, procedural_share=0.5), "procedural_share"),
        (lambda s: replace(s, train=replace(s.train, rate=1.0)), "train"),
        (lambda s: replace(s, outer=replace(s.outer, algorithm="maml")), "outer"),
        (lambda s: replace(s, architecture=Architecture()), "architecture"),
    ],
)
def test_a_run_goes_on_only_with_its_own_settings(
    settings: RunSettings,
    straight: Path,
    change: Callable[[RunSettings], RunSettings],
    name: str,
) -> None:
    with pytest.raises(UserError, match=f"other settings \\('{name}'\\)"):
        train(change(settings), straight, resume=True)


def test_there_is_nothing_to_resume(settings: RunSettings, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run to resume"):
        train(settings, tmp_path / "run", resume=True)

    assert not (tmp_path / "run").exists()


def test_keep_writes_the_bundle_of_a_run_that_was_stopped(
    settings: RunSettings, tmp_path: Path
) -> None:
    interrupt(settings, tmp_path / "run", 2)
    assert not (tmp_path / "run" / "bundle").exists()

    bundle = train(settings, tmp_path / "run", resume=True, keep=True)

    assert load_bundle(bundle).card["training"]["meta_steps"] == 2
    assert len(read_log(tmp_path / "run")) == 2


def test_there_is_nothing_to_keep_before_the_first_checkpoint(
    settings: RunSettings, tmp_path: Path
) -> None:
    settings = replace(settings, checkpoint_every=50)
    interrupt(settings, tmp_path / "run", 1)

    with pytest.raises(UserError, match="no checkpoint yet"):
        train(settings, tmp_path / "run", resume=True, keep=True)


def test_data_that_cannot_be_used_claim_no_folder(
    settings: RunSettings, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="holds no tasks"):
        train(replace(settings, data=str(tmp_path)), tmp_path / "run")
    with pytest.raises(UserError, match="no task 'three'"):
        train(replace(settings, tasks=("three",)), tmp_path / "run")

    interrupt(replace(settings, tasks=("one",)), tmp_path / "run", 1)
    assert len(read_log(tmp_path / "run")) == 1


def test_a_run_may_start_from_a_bundle(
    settings: RunSettings, straight: Path, tmp_path: Path
) -> None:
    short = replace(
        settings,
        init=str(straight / "bundle"),
        train=replace(settings.train, steps=1),
    )

    bundle = load_bundle(train(short, tmp_path / "run"))

    parent = load_bundle(straight / "bundle")
    ancestry = bundle.card["training"]["parent"]
    assert ancestry["sha256"] == parent.card["sha256"]
    # Said once: both were trained on the same tasks.
    told = parent.card["training"]
    assert ancestry["training"] == {k: v for k, v in told.items() if k != "tasks"}
    assert bundle.card["training"]["tasks"] == told["tasks"]
    far = max(
        float((bundle.params[k] - v).abs().max()) for k, v in parent.params.items()
    )
    assert 0 < far < 0.01, "one meta-step away from where it started"


def test_a_run_may_widen_the_network_it_starts_from(
    settings: RunSettings, straight: Path, tmp_path: Path
) -> None:
    wide = Architecture(widths=(8, *SMALL.widths[1:3], 32))
    wider = replace(
        settings,
        init=str(straight / "bundle"),
        architecture=wide,
        train=replace(settings.train, steps=1),
    )

    bundle = load_bundle(train(wider, tmp_path / "run"))

    assert bundle.architecture == wide
    parent = load_bundle(straight / "bundle").params["bottom.convs.1.weight"]
    grown = bundle.params["bottom.convs.1.weight"]
    assert grown.shape == (32, 32, 3, 3)
    kept = grown[: len(parent), : parent.shape[1]]
    assert 0 < float((kept - parent).abs().max()) < 0.01


@pytest.mark.parametrize(
    ("outer", "train_", "share", "message"),
    [
        ({"inner_steps": 0}, {}, 0.5, "--inner-steps is 0; give 1 or more"),
        ({"blank_chance": 7.0}, {}, 0.5, "--blank-chance is 7"),
        ({"multi_step": 2.0}, {}, 0.5, "--multi-step is 2; give a number from 0 to 1"),
        ({}, {"rate": float("nan")}, 0.5, "--rate is nan"),
        ({}, {"seed": -1}, 0.5, "--seed is -1"),
        ({}, {}, -0.5, "--procedural-share is -0.5; give a number from 0 to 1"),
    ],
)
def test_numbers_that_cannot_be_are_refused(
    settings: RunSettings,
    tmp_path: Path,
    outer: dict[str, Any],
    train_: dict[str, Any],
    share: float,
    message: str,
) -> None:
    wrong = replace(
        settings,
        outer=replace(settings.outer, algorithm="fomaml", **outer),
        train=replace(settings.train, **train_),
        procedural_share=share,
    )

    with pytest.raises(UserError, match=message):
        train(wrong, tmp_path / "run")

    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("widths", "message"),
    [
        ((4, 6, 8, 1000), "--widths has 4 to 1000; give numbers from 4 to 512"),
        ((4, 4, 4, 4), "cannot be cut down"),
    ],
)
def test_widths_that_cannot_be_are_refused(
    settings: RunSettings,
    straight: Path,
    tmp_path: Path,
    widths: tuple[int, int, int, int],
    message: str,
) -> None:
    wrong = replace(
        settings,
        init=str(straight / "bundle"),
        architecture=Architecture(widths=widths),
    )

    with pytest.raises(UserError, match=message):
        train(wrong, tmp_path / "run")

    assert not (tmp_path / "run").exists()


def test_pooled_pre_training_takes_no_inner_steps(
    settings: RunSettings, tmp_path: Path
) -> None:
    pooled = replace(
        settings,
        outer=OuterSettings("pooled"),
        train=replace(settings.train, steps=1),
    )

    bundle = load_bundle(train(pooled, tmp_path / "run"))

    assert bundle.recipe == GradientSteps({}, 0)


def test_pooled_pre_training_hands_on_the_inner_rates_it_was_given(
    settings: RunSettings, straight: Path, tmp_path: Path
) -> None:
    parent = load_bundle(straight / "bundle").recipe
    pooled = replace(
        settings,
        init=str(straight / "bundle"),
        outer=replace(settings.outer, algorithm="pooled"),
        train=replace(settings.train, steps=1, tasks_per_step=1),
    )

    between = load_bundle(train(pooled, tmp_path / "pooled")).recipe
    again = replace(settings, init=str(tmp_path / "pooled" / "bundle"))
    interrupt(again, tmp_path / "again", 1)

    assert isinstance(parent, GradientSteps)
    assert isinstance(between, GradientSteps)
    assert between.steps == 0
    assert between.rates == pytest.approx(parent.rates)
    state = load_file(tmp_path / "again" / "checkpoint.safetensors")
    for name, rate in parent.rates.items():
        started = float(state[f"value/log_rate/{name}"].exp())
        assert started == pytest.approx(rate, rel=1e-3)


@pytest.mark.parametrize(
    ("algorithm", "adapts", "kind"),
    [
        ("fomaml", "all", GradientSteps),
        ("maml", "deciding", GradientSteps),
        ("reptile", "all", GradientSteps),
        ("imaml", "conditioning", Proximal),
    ],
)
def test_every_algorithm_makes_a_bundle_that_adapts(
    settings: RunSettings,
    algorithm: Algorithm,
    adapts: Adapts,
    kind: type,
    scene: Scene,
    painted: np.ndarray,
    tmp_path: Path,
) -> None:
    run = replace(
        settings,
        adapts=adapts,
        outer=OuterSettings(algorithm, inner_steps=2),
        proximal=ProximalSettings(1.0, 0.1, 8),
        train=replace(settings.train, steps=1, tasks_per_step=1),
    )

    folder = train(run, tmp_path / "run")

    bundle = load_bundle(folder)
    assert isinstance(bundle.recipe, kind)
    if isinstance(bundle.recipe, Proximal):
        assert bundle.recipe.names == adapted_names(bundle.params, adapts)
        assert bundle.recipe.settings == run.proximal
    else:
        assert set(bundle.recipe.rates) == set(adapted_names(bundle.params, adapts))
        assert bundle.recipe.steps == 2
    model = adapt(scene.image, painted, init=folder, device="cpu")
    labels = model.labels
    assert isinstance(labels, np.ndarray)
    np.testing.assert_array_equal(labels[painted > 0], painted[painted > 0])
