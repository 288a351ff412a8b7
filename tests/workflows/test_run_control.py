"""A run that is paused, stopped, limited in time, and validated."""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from skimage.io import imread, imsave

from napari_metaseg.cli import main
from napari_metaseg.core.errors import UserError
from napari_metaseg.data.episodes import EpisodeSettings
from napari_metaseg.io.bundle import load_bundle
from napari_metaseg.learners.meta_gradient import OuterSettings
from napari_metaseg.learners.meta_train import TrainSettings
from napari_metaseg.workflows import run_lead
from napari_metaseg.workflows.meta_train import run_meta_training
from napari_metaseg.workflows.run_settings import RunSettings, ValidationSettings
from napari_metaseg.workflows.run_state import (
    Validation,
    ask,
    read_log,
    read_state,
    read_validation,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STEPS = 4
WEIGHTS = "bundle/weights.safetensors"


@pytest.fixture(scope="module")
def settings(tasks: Path, small: str) -> RunSettings:
    return RunSettings(
        data=str(tasks),
        tasks=("one",),
        init=small,
        procedural_share=0.0,
        outer=OuterSettings(inner_steps=1),
        train=TrainSettings(steps=STEPS, tasks_per_step=1),
        episodes=EpisodeSettings(query_size=64, query_crops=1),
        validation=ValidationSettings(str(tasks), ("two",), every=2),
    )


@pytest.fixture(scope="module")
def unvalidated(settings: RunSettings) -> RunSettings:
    return replace(settings, validation=None)


def train(
    settings: RunSettings,
    output: Path,
    at: dict[int, Callable[[], object]] | None = None,
    **options: Any,
) -> Path | None:
    """Run to the end, doing something once a meta-step is logged."""
    run = run_meta_training(settings, output, device="cpu", **options)
    while True:
        try:
            step = next(run)["step"]
        except StopIteration as stop:
            bundle: Path | None = stop.value
            return bundle
        (at or {}).pop(int(step), lambda: None)()


@pytest.fixture(scope="module")
def straight(settings: RunSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("runs") / "straight"
    train(settings, output)
    return output


def test_a_run_tells_how_it_stands(straight: Path) -> None:
    state = read_state(straight)

    assert state is not None
    assert (state.state, state.step, state.steps) == ("finished", STEPS, STEPS)
    assert state.pid == os.getpid()
    log, scores = read_log(straight), read_validation(straight)
    spent = sum(x["seconds"] for x in log) + sum(s.seconds for s in scores)
    assert state.seconds >= 0.99 * spent


def test_validation_comes_before_between_and_after(straight: Path) -> None:
    scores = read_validation(straight)

    assert [(s.step, s.task) for s in scores] == [(0, "two"), (2, "two"), (4, "two")]
    assert all(0 <= v <= 1 for s in scores for v in (s.before, s.after))


def test_the_gallery_shows_each_task(straight: Path) -> None:
    with Image.open(straight / "gallery" / "two.png") as picture:
        assert picture.width <= 900
        assert picture.width > 2 * picture.height
    assert [p.name for p in (straight / "gallery").iterdir()] == ["two.png"]


def test_the_card_reports_scores_versions_and_hashes(
    settings: RunSettings, straight: Path
) -> None:
    card = load_bundle(straight / "bundle").card

    report = card["metrics"]["validation"]
    last = read_validation(straight)[-1]
    assert report["step"] == STEPS
    assert (report["mean_before"], report["mean_after"]) == (last.before, last.after)
    (task,) = report["tasks"]
    assert task["task"] == "two"
    assert len(task["sha256"]) == 64
    (trained,) = card["training"]["tasks"]
    assert trained["images"] == 2
    assert trained["sha256"] != task["sha256"]
    assert {"python", "torch", "numpy"} <= set(card["versions"])
    assert str(settings.data) not in json.dumps(card["training"]["settings"])


def test_validation_changes_no_weight(
    straight: Path, unvalidated: RunSettings, tmp_path: Path
) -> None:
    train(unvalidated, tmp_path / "run")

    assert (tmp_path / "run" / WEIGHTS).read_bytes() == (
        straight / WEIGHTS
    ).read_bytes()
    assert "validation" not in load_bundle(tmp_path / "run" / "bundle").card["metrics"]


def test_a_paused_run_goes_on_as_if_it_had_not_been(
    settings: RunSettings, straight: Path, tmp_path: Path
) -> None:
    output = tmp_path / "run"

    assert train(settings, output, {1: lambda: ask(output, "pause")}) is None

    state = read_state(output)
    assert state is not None
    assert (state.state, state.step) == ("paused", 1)
    assert not (output / "control").exists()
    assert not (output / "bundle").exists()
    assert train(settings, output, resume=True) == output / "bundle"
    assert (output / WEIGHTS).read_bytes() == (straight / WEIGHTS).read_bytes()
    steps = [s.step for s in read_validation(output)]
    assert steps == [s.step for s in read_validation(straight)]


def test_a_stopped_run_keeps_what_it_has(settings: RunSettings, tmp_path: Path) -> None:
    output = tmp_path / "run"

    bundle = train(settings, output, {3: lambda: ask(output, "stop")})

    assert bundle is not None
    card = load_bundle(bundle).card
    assert card["training"]["meta_steps"] == 3
    assert card["metrics"]["validation"]["step"] == 3
    state = read_state(output)
    assert state is not None
    assert (state.state, state.step) == ("finished", 3)
    assert not (output / "control").exists()


def test_a_validation_that_is_cut_short_is_completed_later(
    settings: RunSettings, tasks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, asked = tmp_path / "run", []
    both = replace(settings, tasks=(), procedural_share=1.0)
    both = replace(both, validation=ValidationSettings(str(tasks)))

    def evaluate(
        draw: Any, _init: Path, _device: str, step: int, _: Path
    ) -> Validation:
        if not asked:
            asked.append(step)
            ask(output, "pause")
        return Validation(step, draw.task.name, 0.5, 0.25, 0.1)

    monkeypatch.setattr(run_lead, "evaluate", evaluate)

    assert train(both, output) is None
    assert [(s.step, s.task) for s in read_validation(output)] == [(0, "one")]
    bundle = train(both, output, resume=True)

    assert [(s.step, s.task) for s in read_validation(output)] == [
        (0, "one"),
        (0, "two"),
        (4, "one"),
        (4, "two"),
    ]
    assert bundle is not None
    (warning,) = load_bundle(bundle).card["metrics"]["validation"]["warnings"]
    assert "does not help" in warning
    assert "0.500 before and 0.250 after" in warning
    assert warning in read_state(output).message  # type: ignore[union-attr]


def test_tasks_that_the_starting_point_has_seen_may_flatter(
    settings: RunSettings, unvalidated: RunSettings, tmp_path: Path
) -> None:
    short = replace(unvalidated.train, steps=1)
    first = train(replace(unvalidated, tasks=("two",), train=short), tmp_path / "1")

    second = train(replace(settings, init=str(first), train=short), tmp_path / "2")

    assert second is not None
    warnings = load_bundle(second).card["metrics"]["validation"]["warnings"]
    assert any("trained on tasks named two" in w for w in warnings)


def test_validation_tasks_are_never_trained_on(
    settings: RunSettings, tasks: Path, tmp_path: Path
) -> None:
    same = ValidationSettings(str(tasks), ("one",))
    with pytest.raises(UserError, match="'one' is trained on, too"):
        train(replace(settings, validation=same), tmp_path / "run")

    for part in ("images", "masks"):
        (tmp_path / "copied" / "other" / part).mkdir(parents=True)
        array = imread(tasks / "one" / part / "001.png")
        # Another file, of the same pixels.
        name = tmp_path / "copied" / "other" / part / "x.tif"
        imsave(name, array.astype(np.uint16), check_contrast=False)
    copied = ValidationSettings(str(tmp_path / "copied"))
    with pytest.raises(UserError, match="'other' has an image of 'one'"):
        train(replace(settings, validation=copied), tmp_path / "run")

    assert not (tmp_path / "run").exists()


def test_a_sparse_task_cannot_validate(
    settings: RunSettings, tasks: Path, tmp_path: Path
) -> None:
    shutil.copytree(tasks / "two", tmp_path / "two")
    rows = [{"task": "two", "all_objects_annotated": False}]
    (tmp_path / "tasks.json").write_text(json.dumps(rows), encoding="utf-8")
    sparse = replace(settings, validation=ValidationSettings(str(tmp_path)))

    with pytest.raises(UserError, match=r"Not every object of .* 'two'"):
        train(sparse, tmp_path / "run")


def test_a_blank_validation_image_is_told_with_its_task(
    settings: RunSettings, tasks: Path, tmp_path: Path
) -> None:
    shutil.copytree(tasks / "two", tmp_path / "two")
    for path in (tmp_path / "two" / "images").iterdir():
        imsave(path, np.zeros_like(imread(path)), check_contrast=False)
    blank = replace(settings, validation=ValidationSettings(str(tmp_path)))

    with pytest.raises(UserError, match=r"task 'two' cannot .* image is constant"):
        train(blank, tmp_path / "run")


def test_a_run_may_be_limited_in_time(unvalidated: RunSettings, tmp_path: Path) -> None:
    endless = replace(unvalidated.train, steps=None)
    timed = replace(unvalidated, train=endless, minutes=0.02)

    bundle = train(timed, tmp_path / "run")

    assert bundle is not None
    state = read_state(tmp_path / "run")
    assert state is not None
    assert state.steps == 0
    assert state.step == len(read_log(tmp_path / "run")) >= 1
    laps = [line["seconds"] for line in read_log(tmp_path / "run")]
    assert sum(laps[:-1]) < 1.2 <= state.seconds
    # The time of all pieces counts: next to nothing is left to train.
    train(timed, tmp_path / "run", resume=True)
    assert len(read_log(tmp_path / "run")) <= state.step + 1


def test_steps_end_a_run_that_has_time_left(
    unvalidated: RunSettings, tmp_path: Path
) -> None:
    short = replace(unvalidated, minutes=60.0)

    train(short, tmp_path / "run")

    assert len(read_log(tmp_path / "run")) == STEPS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"minutes": 0.0}, "--minutes is 0; give more than 0"),
        ({"checkpoint_every": 0}, "--checkpoint-every is 0"),
        ({"train": TrainSettings(steps=None)}, "no end"),
        ({"train": TrainSettings(steps=0)}, "--steps is 0"),
        ({"validation": ValidationSettings("x", None, 0)}, "--validate-every is 0"),
    ],
)
def test_settings_that_make_no_sense_get_a_sentence(
    settings: RunSettings, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        train(replace(settings, **change), tmp_path / "run")


def test_two_processes_never_work_on_one_run(
    unvalidated: RunSettings, tmp_path: Path
) -> None:
    first = run_meta_training(unvalidated, tmp_path / "run", device="cpu")
    next(first)

    with pytest.raises(UserError, match="is at work on the run"):
        train(unvalidated, tmp_path / "run", resume=True)

    first.close()
    state = read_state(tmp_path / "run")
    assert state is not None
    assert state.state == "interrupted"
    assert train(unvalidated, tmp_path / "run", resume=True)


def test_data_that_have_changed_are_noticed(
    unvalidated: RunSettings, tmp_path: Path, tasks: Path
) -> None:
    for part in ("images", "masks"):
        (tmp_path / "data" / "one" / part).mkdir(parents=True)
        for path in sorted((tasks / "one" / part).iterdir()):
            target = tmp_path / "data" / "one" / part / path.name
            target.write_bytes(path.read_bytes())
    moved = replace(unvalidated, data=str(tmp_path / "data"))
    train(moved, tmp_path / "run")
    image = imread(target)
    image[0, 0] ^= 1
    imsave(target, image, check_contrast=False)

    with pytest.raises(UserError, match="have changed"):
        train(moved, tmp_path / "run", resume=True)


def test_what_a_kill_left_is_cleared_away(
    unvalidated: RunSettings, tmp_path: Path
) -> None:
    output = tmp_path / "run"
    train(unvalidated, output)
    (output / ".checkpoint.safetensors.part").write_bytes(b"half")
    (output / ".bundle.part").mkdir()
    (output / ".bundle.part" / ".metaseg-0123.part").write_bytes(b"half")
    (output / "control").write_text("stop", encoding="utf-8")

    train(unvalidated, output, resume=True)

    names = {p.name for p in output.rglob("*")}
    assert not any(name.startswith(".") for name in names)
    assert "control" not in names


def test_diverging_is_told(
    unvalidated: RunSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(*_: object) -> None:
        raise FloatingPointError("No finite meta-gradient at step 0; lower the rate.")

    monkeypatch.setattr("napari_metaseg.learners.meta_train.meta_gradient", diverge)

    with pytest.raises(UserError, match="lower the rate"):
        train(unvalidated, tmp_path / "run")

    state = read_state(tmp_path / "run")
    assert state is not None
    assert state.state == "failed"
    assert "lower the rate" in state.message


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_pauses_the_command(
    tasks: Path,
    small: str,
    tmp_path: Path,
    number: signal.Signals,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def tell(*_: object) -> None:
        signal.raise_signal(number)

    monkeypatch.setattr("napari_metaseg.cli.meta_train._tell", tell)
    before = signal.getsignal(number)
    options = "--steps 9 --tasks-per-step 1 --inner-steps 1 --procedural-share 0"
    paths = [str(tasks), "--init", small, "--output", str(tmp_path / "run")]

    status = main(["meta-train", *paths, *options.split()])

    assert status == 0
    assert "Paused" in capsys.readouterr().out
    assert signal.getsignal(number) is before
    state = read_state(tmp_path / "run")
    assert state is not None
    assert (state.state, state.step) == ("paused", 1)
