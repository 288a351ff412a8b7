"""The papers' experiments, small, on data that independent libraries wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from pycocotools import mask as coco

from napari_metaseg.cli import main
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.io.sources.lesions import find_lesions
from napari_metaseg.learners.published import MetaGradient
from napari_metaseg.workflows.protocols.cell_lines import read_cell_lines
from napari_metaseg.workflows.protocols.lesions import make_pools
from napari_metaseg.workflows.protocols.livecell_settings import LivecellSettings, story
from napari_metaseg.workflows.protocols.our_recipe import paint
from napari_metaseg.workflows.protocols.report import markdown
from napari_metaseg.workflows.protocols.rows import Effort, Key, Row
from napari_metaseg.workflows.protocols.training import (
    Outer,
    dice_and_entropy,
    dice_loss,
    in_turn,
    meta_train,
)

if TYPE_CHECKING:
    from pathlib import Path

LINES = ("A172", "BV2")
SIDE = 96


def cells(seed: int) -> np.ndarray:
    """Draw squares, nine of them, about 14 px wide."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((SIDE, SIDE), np.int32)
    for k in range(9):
        y, x = 8 + 30 * (k // 3), 8 + 30 * (k % 3)
        height, width = rng.integers(12, 17, 2)
        masks[y : y + height, x : x + width] = k + 1
    return masks


def livecell(folder: Path, images: int = 3) -> None:
    """Write what LIVECell consists of: TIFF images, run lengths in a COCO file."""
    content: dict[str, list[dict[str, object]]] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 1, "name": "cell"}],
    }
    (folder / "images").mkdir(parents=True)
    for k in range(images * len(LINES)):
        masks = cells(k)
        name = f"{LINES[k % len(LINES)]}_Phase_C{k + 1}_1_00d00h00m_1.tif"
        noise = np.random.default_rng(k).integers(0, 20, masks.shape)
        image = (60 + 100 * (masks > 0) + noise).astype(np.uint8)
        tifffile.imwrite(folder / "images" / name, image)
        content["images"].append(
            {"id": k, "file_name": name, "height": SIDE, "width": SIDE}
        )
        for number in range(1, 10):
            packed = coco.encode(np.asfortranarray(masks == number).astype(np.uint8))
            packed["counts"] = packed["counts"].decode()
            content["annotations"].append(
                {
                    "id": len(content["annotations"]),
                    "image_id": k,
                    "category_id": 1,
                    "iscrowd": 0,
                    "segmentation": packed,
                }
            )
    (folder / "livecell_coco_train.json").write_text(json.dumps(content))


def lesions(folder: Path, sets: dict[str, int]) -> None:
    for name, count in sets.items():
        for part in ("images", "masks"):
            (folder / name / part).mkdir(parents=True)
        for k in range(count):
            mask = cells(k) == 5
            image = np.stack([np.where(mask, 200, 40)] * 3, -1).astype(np.uint8)
            Image.fromarray(image).save(folder / name / "images" / f"{k}.jpg")
            white = np.where(mask, 255, 0).astype(np.uint8)
            Image.fromarray(white).save(folder / name / "masks" / f"{k}.jpg")


def test_cell_lines_are_cut_from_the_middle(tmp_path: Path) -> None:
    livecell(tmp_path / "live")
    lines = exhaust(read_cell_lines([tmp_path / "live"], side=64, images=2, shots=1))
    assert [line.name for line in lines] == ["live_A172", "live_BV2"]
    expected = {(cells(k)[16:80, 16:80] > 0).tobytes() for k in (0, 2, 4)}
    for mask, image in zip(lines[0].masks, lines[0].images, strict=True):
        assert (mask > 0).tobytes() in expected
        assert image[mask > 0].min() > image[mask == 0].max()
        assert -0.1 < image.min() < image.max() < 1.1
    support, query = lines[0].draw(1, 5, (0, 1))
    assert len(support) == len(query) == 1
    assert not set(support) & set(query)


def test_slivers_and_crops_full_of_one_cell_are_not_painted() -> None:
    """Adaptation refuses them, and with them the cells of the other images."""
    rng = np.random.default_rng(0)
    masks = np.zeros((64, 64), np.int32)
    masks[:3, :3] = 1
    assert not paint(masks, rng).any()
    masks[:20, 40:] = 2
    assert set(np.unique(paint(masks, rng))) == {0, 2}
    assert not paint(np.full((64, 64), 3, np.int32), rng).any()


def test_too_few_images_are_told(tmp_path: Path) -> None:
    livecell(tmp_path / "live")
    with pytest.raises(UserError, match="0 cell lines with more than 3 images"):
        exhaust(read_cell_lines([tmp_path / "live"], side=64, images=9, shots=3))


def test_livecell_from_the_shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    livecell(tmp_path / "live")
    command = f"protocol livecell {tmp_path / 'live'} --held-out live_BV2 --shots 1 "
    command += "--batches 2 --draws 1 --iterations 1 --size 64 --width 0.05 "
    command += "--inner-steps 2 --supervised-steps 4 "
    command += f"--scored 2 --output {tmp_path}/out"
    assert main(command.split()) == 0
    first = capsys.readouterr()
    table = (tmp_path / "out" / "table.md").read_text("utf-8")
    assert first.out.strip() == table.strip()
    assert "- Meta-steps: 1 instead of 10000." in table
    assert "- Inner steps: 2 instead of 10." in table
    assert "| all but live_BV2 | MAML | 1 | 0.01 % | 0 / 0 |" in table
    content = json.loads((tmp_path / "out" / "table.json").read_text("utf-8"))
    assert content["settings"]["inner_rate"] == 0.4
    scores = {(r["method"], r["test"]): r["after"] for r in content["rows"]}
    assert len(scores) == 8
    # Squares on darker ground are easy for what was meta-trained on many kinds.
    assert scores["our recipe", "live_BV2"] > 0.7
    assert {r["test"] for r in content["rows"] if r["seen"]} == {"live_A172"}
    # Again, nothing is computed: there is nothing to tell but the reading.
    assert main(command.split()) == 0
    again = capsys.readouterr()
    assert again.out == first.out
    assert "meta-step" in first.err
    assert "meta-step" not in again.err
    # Holding out each line in turn adds the other one.
    assert main(command.replace("--held-out live_BV2", "--leave-one-out").split()) == 0
    both = capsys.readouterr()
    assert "all but live_A172: meta-step 1" in both.err
    assert "all but live_BV2: meta-step" not in both.err
    assert "| unseen | live_BV2 | live_A172 | all |" in both.out
    assert main(command.replace("BV2", "HeLa").split()) == 2
    assert "There is no cell line 'live_HeLa'" in capsys.readouterr().err


def test_lesions_from_the_shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lesions(tmp_path / "data", {"colon": 5, "skin": 3, "throat": 4})
    command = (
        f"protocol lesions {tmp_path / 'data'} --test colon --shots 2 3 --draws 2 "
    )
    command += "--iterations 1 --size 32 --width 0.05 --inner-steps 1 --evaluations 3 "
    command += "--inner-rate 0.001 "
    command += f"--output {tmp_path}/out"
    assert main(command.split()) == 0
    first = capsys.readouterr()
    assert "- Side of the images (px): 32 instead of 256." in first.out
    assert "- Inner rate: 0.001 instead of 0.0001." in first.out
    content = json.loads((tmp_path / "out" / "table.json").read_text("utf-8"))
    trainings = {(r["shots"], r["training"]) for r in content["rows"]}
    # Three images of skin give no query beyond three support images.
    assert trainings == {
        (2, "skin"),
        (2, "throat"),
        (2, "skin + throat"),
        (3, "throat"),
    }
    assert len(content["rows"]) == 4 * 6 * 2
    assert all(0 <= r["after"] <= 1 for r in content["rows"])
    # The true inner problem cannot be solved in three evaluations, and that is told.
    assert {r["unsolved"] for r in content["rows"] if "solved" in r["method"]} == {1}
    # Another tested set adds rows and keeps those that are there.
    command = command.replace("--shots 2 3", "--shots 2")
    assert main(command.replace("--test colon", "--test colon skin").split()) == 0
    again = json.loads((tmp_path / "out" / "table.json").read_text("utf-8"))
    assert again["rows"][: len(content["rows"])] == content["rows"]
    assert len(again["rows"]) > len(content["rows"])


def test_pools_never_hold_what_they_are_tested_on(tmp_path: Path) -> None:
    lesions(tmp_path, {"a": 4, "b": 4, "c": 2})
    sets = find_lesions(tmp_path)
    pools = make_pools(sets, ["a", "b"], 1)
    assert {p.name: [t.name for t in tests] for p, tests in pools.items()} == {
        "b": ["a"],
        "c": ["a", "b"],
        "b + c": ["a"],
        "a": ["b"],
        "a + c": ["b"],
    }
    assert [p.name for p in make_pools(sets, ["a"], 3)] == ["b"]


@pytest.mark.parametrize(
    "wrong", [{"size": 32}, {"size": 100}, {"draws": 0}, {"batches": (1,)}]
)
def test_settings_that_make_no_experiment(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError):
        LivecellSettings(**wrong)  # type: ignore[arg-type]


def test_meta_training_descends_and_counts_what_is_not_finite() -> None:
    goal = torch.tensor([1.0, -2.0])
    count = 0

    def gradient(_: object, params: dict[str, torch.Tensor]) -> MetaGradient:
        nonlocal count
        count += 1
        slope = params["p"].detach() - goal
        broken = count % 4 == 0
        return MetaGradient(
            {"p": slope * (float("nan") if broken else 1)}, 0.5, count != 7
        )

    start = {"p": torch.zeros(2, requires_grad=True)}
    steps = meta_train(start, lambda: [None], gradient, Outer(0.05, 400))  # type: ignore[list-item, return-value]
    trained = exhaust(steps)
    torch.testing.assert_close(trained.params["p"], goal, atol=0.02, rtol=0)
    assert trained.effort.iterations == 400
    assert trained.effort.skipped == 100
    assert trained.effort.unsolved == 1
    assert not start["p"].any()
    stopped = exhaust(meta_train(start, lambda: [None], gradient, Outer(1, 9, 0.0)))  # type: ignore[list-item, return-value]
    assert stopped.effort.iterations == 1


def test_every_task_comes_before_any_comes_again() -> None:
    chosen = in_turn(7, 3, np.random.default_rng(0))
    drawn = [next(chosen) for _ in range(7)]
    assert all(len(batch) == 3 for batch in drawn)
    assert sorted(np.bincount(np.concatenate(drawn))) == [3] * 7
    assert next(in_turn(1, 2, np.random.default_rng(0))) == [0, 0]


def test_losses() -> None:
    masks = torch.tensor([[[1.0, 1.0, 0.0, 0.0]]])
    sure = torch.tensor([[[50.0, -50.0, 50.0, -50.0]]])
    # One hit of two found and two there.
    assert float(dice_loss(sure, masks)) == pytest.approx(0.5)
    assert float(dice_loss(100 * (masks - 0.5), masks)) == pytest.approx(0, abs=1e-6)
    # Where Dice has gone flat, cross-entropy still has a slope.
    logits = torch.full((1, 1, 4), -30.0, requires_grad=True)
    (flat,) = torch.autograd.grad(dice_loss(logits, masks), logits)
    (steep,) = torch.autograd.grad(dice_and_entropy(logits, masks), logits)
    assert float(flat.abs().max()) < 1e-6
    assert float(steep.abs().max()) > 0.1


def test_the_table_marks_what_was_seen_and_pairs_its_differences() -> None:
    effort = Effort(50, 1, 0, 12.4)
    rows = []
    for draw, (plain, ours) in enumerate([(0.2, 0.6), (0.4, 0.7)]):
        rows += [
            Row(Key("all but B", "MAML", 1, "B", draw), False, 0.1, plain, effort),
            Row(Key("all but B", "MAML", 1, "A", draw), True, 0.1, 0.9, effort),
            Row(Key("–", "our recipe", 1, "B", draw), False, 0.5, ours, Effort()),
            Row(
                Key("–", "our recipe", 1, "A", draw), False, None, 0.1 * draw, Effort()
            ),
        ]
    text = markdown(story(LivecellSettings(draws=2), None), rows)
    assert "| all but B | MAML | 0.300 [0.200, 0.400] | 0.900 [0.900, 0.900]* |" in text
    assert "| – | our recipe | 0.650 [0.600, 0.700] | 0.050 [0.000, 0.100] |" in text
    assert "| all but B | MAML | 50 | 0.50 % | 1 / 0 | 12 | 0.100 → 0.300 |" in text
    # One line alone was held out.
    assert "| unseen |" not in text
    # Judged on the unseen line, as the other is.
    assert "| – | our recipe | – | – | – | – | 0.500 → 0.650 |" in text
    assert "| our recipe | MAML | +0.350 [+0.300, +0.400] | 2 |" in text
    rows += [
        Row(Key("all but A", "MAML", 1, "A", draw), False, 0.1, 0.3 * draw, effort)
        for draw in range(2)
    ]
    text = markdown(story(LivecellSettings(draws=2), None), rows)
    assert "| unseen | B | A | all |" in text
    # What it was trained on does not count.
    assert "| MAML | 0.300 [0.200, 0.400] | 0.150 [0.000, 0.300] | 0.225 [" in text
    assert (
        "| our recipe | 0.650 [0.600, 0.700] | 0.050 [0.000, 0.100] | 0.350 [" in text
    )
