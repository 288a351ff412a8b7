"""The command that trains the start for classes of cells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch
from PIL import Image

from napari_metaseg.cli import main
from napari_metaseg.io.bundle import CLASSIFIER, builtin_names, models_folder
from napari_metaseg.io.class_bundle import load_class_bundle
from napari_metaseg.workflows import meta_train_classes
from tests.data.tasks import task

if TYPE_CHECKING:
    from pathlib import Path


def write_task(folder: Path, *, distributable: bool) -> None:
    made = task()
    for kind in ("images", "masks"):
        (folder / "disks" / kind).mkdir(parents=True)
    for k, (image, masks) in enumerate(zip(made.images, made.masks, strict=True)):
        Image.fromarray(image).save(folder / "disks" / "images" / f"{k}.png")
        picture = Image.fromarray(masks.astype("uint16"))
        picture.save(folder / "disks" / "masks" / f"{k}.png")
    row = {"task": "disks", "weights_may_be_distributed": distributable}
    (folder / "tasks.json").write_text(json.dumps([row]))


def test_one_command_trains_a_bundle(tmp_path: Path) -> None:
    write_task(tmp_path / "data", distributable=True)
    target = tmp_path / "bundle"
    command = ["meta-train-classes", str(tmp_path / "data"), "--output", str(target)]
    quick = ["--steps", "2", "--tasks-per-step", "1", "--inner-steps", "1"]

    assert main(command + quick) == 0

    card = load_class_bundle(target).card
    assert card["training"]["settings"]["steps"] == 2
    assert [t["task"] for t in card["training"]["tasks"]] == ["disks"]


def test_a_bundle_is_trained_further(tmp_path: Path) -> None:
    write_task(tmp_path / "data", distributable=True)
    command = ["meta-train-classes", str(tmp_path / "data"), "--steps", "1"]
    command += ["--tasks-per-step", "1", "--inner-steps", "1"]
    first, second = (str(tmp_path / name) for name in ("first", "second"))
    assert main([*command, "--output", first]) == 0

    still = [*command, "--start", first, "--outer-rate", "0", "--output", second]
    assert main(still) == 0

    before, after = (load_class_bundle(tmp_path / n) for n in ("first", "second"))
    torch.testing.assert_close(after.body, before.body)
    told, parent = before.card["training"], after.card["training"]["parent"]
    assert parent["sha256"] == before.card["sha256"]
    assert parent["training"] == {k: v for k, v in told.items() if k != "tasks"}
    assert after.card["training"]["tasks"] == told["tasks"]


def test_other_peoples_data_need_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_task(tmp_path / "data", distributable=False)
    target = tmp_path / "bundle"
    command = ["meta-train-classes", str(tmp_path / "data"), "--output", str(target)]

    assert main([*command, "--steps", "1"]) == 2

    assert "--all-tasks" in capsys.readouterr().err
    assert not target.exists()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("", "exists already"),
        ("--output no/where", "does not exist"),
        ("--output new --shots 0", "--shots is 0; give 1 or more"),
        ("--output new --seed -1", "--seed is -1; give 0 or more"),
        ("--output new --inner-rate nan", "--inner-rate is nan"),
    ],
)
def test_what_would_fail_in_the_end_fails_before_the_training(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: str,
    problem: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_task(tmp_path / "data", distributable=True)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "card.json").write_text("{}")
    command = ["meta-train-classes", "data", "--output", "there", *options.split()]
    monkeypatch.setattr(meta_train_classes, "read_tasks", None)

    assert main(command) == 2

    assert problem in capsys.readouterr().err


def test_the_bundled_start_is_no_start_for_adapting() -> None:
    card = load_class_bundle().card

    assert CLASSIFIER not in builtin_names()
    assert all(t["weights_may_be_distributed"] for t in card["training"]["tasks"])
    weights = models_folder() / CLASSIFIER / "weights.safetensors"
    assert weights.stat().st_size < 100_000
