"""Commands that learn from tasks: benchmark and meta-train."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tifffile
import torch

from napari_metaseg.core.network import Architecture, PrototypeUNet
from napari_metaseg.io.bundle import save_bundle

from .scene import ADAPT, SCENE


def write_task(folder: Path) -> None:
    for part, array in (("images", SCENE.image), ("masks", SCENE.masks)):
        (folder / "task" / part).mkdir(parents=True)
        tifffile.imwrite(folder / "task" / part / "0.tif", array)


def write_bundle(folder: Path, **told: Any) -> None:
    """Write a small initialization with random weights; its card tells more."""
    torch.manual_seed(0)
    small = Architecture(widths=(4, 4, 4, 8))
    params = {k: v.detach() for k, v in PrototypeUNet(small).named_parameters()}
    card = {
        "name": "small",
        "algorithm": "none",
        "architecture": small.as_dict(),
        "working_diameter": 24.0,
        "recipe": {"steps": 1, "rates": dict.fromkeys(params, 0.01)},
        **told,
    }
    save_bundle(folder, params, card)


def test_benchmark_prints_tables_and_goes_on_where_it_was(shell, here: Path) -> None:
    write_task(here / "data")
    write_bundle(here / "small")
    line = (
        "benchmark data --inits small --methods forest --draws 1 --cells 2 "
        "--regimes strokes --corrections 1 --device cpu --json rows.jsonl "
        "--pictures looks"
    )

    outcome = shell(line)

    assert outcome.status == 0
    assert "## 2 painted cells, 2 background strokes" in outcome.out
    assert "| small | forest |" in outcome.out
    assert "## Corrections" in outcome.out
    lines = Path("rows.jsonl").read_text(encoding="utf-8").splitlines()
    head, *rows = map(json.loads, lines)
    assert head["settings"] == {"data": "data", "images": 3, "device": "cpu"}
    assert [(r["kind"], r["method"]) for r in rows if r["method"] == "forest"] == [
        ("score", "forest"),
        ("correction", "forest"),
    ]
    assert {r["method"] for r in rows} == {"forest", "small"}
    assert Path("looks/task.png").stat().st_size > 0
    again = shell(line)
    assert (again.status, again.out) == (0, outcome.out)
    assert Path("rows.jsonl").read_text(encoding="utf-8").splitlines() == lines


def test_benchmark_takes_several_seeds_and_goes_on_with_one_more(
    shell, here: Path
) -> None:
    write_task(here / "data")
    line = (
        "benchmark data --inits --methods forest --draws 1 --cells 1 --images 1 "
        "--regimes cells --json rows.jsonl "
    )

    one, both = shell(line + "--seed 3"), shell(line + "--seeds 3 7")

    assert (one.status, both.status) == (0, 0)
    assert "seed 3, draw 0: forest" in both.err
    assert "seed 7, draw 0: forest" in both.err
    _, *rows = map(json.loads, Path("rows.jsonl").read_text("utf-8").splitlines())
    assert [row["seed"] for row in rows] == [3, 7]


@pytest.mark.parametrize("controls", ["", "finetune"])
def test_benchmark_tells_of_tasks_that_were_trained_on(
    shell, here: Path, controls: str
) -> None:
    write_task(here / "data")
    trained = {"training": {"tasks": [{"task": "task"}, {"task": "other"}]}}
    earlier = {"training": {"tasks": [], "parent": trained}}
    write_bundle(here / "small")
    write_bundle(here / "known", **earlier)
    line = (
        "benchmark data --inits small --pooled known --draws 1 --cells 1 --images 1 "
        f"--regimes cells --finetune-steps 0 --device cpu --methods {controls}"
    )

    told = shell(line).out.splitlines()[-1]

    sentence = (
        "known was trained on tasks named task: scores on them do not tell of new "
        "kinds of image."
    )
    assert (told == sentence) == bool(controls)
    assert "trained" not in shell(line.replace("known", "small")).out


def test_rivals_are_set_on_the_command_line(shell, here: Path) -> None:
    write_task(here / "data")
    write_bundle(here / "small")
    line = (
        "benchmark data --inits small --methods finetune --pooled small --draws 1 "
        "--cells 1 --images 1 --regimes cells --finetune-steps 0 --adam-rate 0.5 "
        "--device cpu --json rows.jsonl"
    )

    assert shell(line).status == 0

    lines = Path("rows.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(x) for x in lines[1:]]
    tuned = [r for r in rows if r["method"].startswith("finetune")]
    assert len(tuned) == 4
    assert all(r["after"] == tuned[0]["after"] for r in tuned), "no steps were taken"


def test_meta_train_writes_a_bundle_that_can_be_used(shell, here: Path) -> None:
    write_task(here / "data")
    line = (
        "meta-train data --output run --steps 1 --tasks-per-step 1 --inner-steps 1 "
        "--procedural-share 0 --device cpu"
    )

    outcome = shell(line)

    assert outcome.status == 0
    assert "step 1 of 1" in outcome.out
    assert shell(line).status == 2, "a run is not overwritten"
    assert shell(f"{line} --keep").status == 0
    card = json.loads(Path("run/bundle/card.json").read_text(encoding="utf-8"))
    assert card["training"]["command"] == f"napari-metaseg {line} --keep"
    assert shell(f"{ADAPT} --init run/bundle").status == 0
