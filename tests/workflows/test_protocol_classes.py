"""The protocol of classes of cells, small, on generated images."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from napari_metaseg.cli import main
from napari_metaseg.core.class_metrics import ClassScores
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.workflows.protocols.cell_images import read_cell_images
from napari_metaseg.workflows.protocols.class_tables import markdown
from napari_metaseg.workflows.protocols.classes import ClassKey, ClassRow
from napari_metaseg.workflows.protocols.classes_settings import (
    METHODS,
    REPTILE,
    ClassesSettings,
)

if TYPE_CHECKING:
    from pathlib import Path

STEP, ACROSS = 20, 7


def field(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw 49 disks of random size and brightness on a grid, numbered from 1."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((STEP * ACROSS,) * 2, np.int32)
    image = np.full(masks.shape, 20.0)
    y, x = np.indices(masks.shape)
    for k in range(ACROSS**2):
        row, column = (STEP * i + STEP // 2 for i in divmod(k, ACROSS))
        disk = (y - row) ** 2 + (x - column) ** 2 <= rng.uniform(4, 9) ** 2
        masks[disk] = k + 1
        image[disk] = rng.uniform(60, 200)
    image += rng.normal(0, 3, image.shape)
    return image.clip(0, 255).astype(np.uint8), masks


def write(folder: Path, image: np.ndarray, masks: np.ndarray) -> None:
    for part, data in (("images", image), ("masks", masks.astype(np.uint16))):
        (folder / part).mkdir(parents=True, exist_ok=True)
        Image.fromarray(data).save(folder / part / "0.png")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Write a task, and another pair of which each knows some of the disks."""
    image, masks = field(0)
    write(tmp_path / "data" / "disks", image, masks)
    image, masks = field(1)
    odd = masks % 2 == 1
    write(tmp_path / "data" / "pair-a", image[::2, ::2], (masks * odd)[::2, ::2])
    write(tmp_path / "data" / "pair-b", image, masks * ~odd)
    write(tmp_path / "data" / "sparse", image, np.where(masks < 9, masks, 0))
    return tmp_path / "data"


def test_classes_are_made_within_images_or_by_two_kinds_of_masks(data: Path) -> None:
    steps = read_cell_images(data, images=2, pair=("pair-a", "pair-b"))

    disks, both = exhaust(steps)

    assert disks.name == "disks/0" and len(disks.kinds) == 8
    extremes, bands = disks.kinds[:2]
    assert extremes.name == "size" and not extremes.ordered
    assert np.bincount(extremes.classes + 1).tolist() == [16, 17, 16]
    assert bands.ordered and np.bincount(bands.classes).tolist() == [17, 16, 16]
    assert (extremes.classes == 1)[disks.sizes.argmax()]
    # All disks of the pair are there; the kind says who knew them.
    assert np.bincount(both.kinds[0].classes).tolist() == [24, 25]
    assert len(both.kinds) == 1 and len(both.crops) == 49
    assert len(both.features) == len(both.measures) == len(both.sizes) == 49


def test_images_with_too_few_cells_are_told(data: Path) -> None:
    with pytest.raises(UserError, match="has 30 cells"):
        exhaust(read_cell_images(data, ["sparse"], images=1))


def test_classes_from_the_shell(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = (
        f"protocol classes {data} --tasks disks --pair pair-a pair-b --train {data} "
        "--images 1 --draws 1 --shots 3 --shares 50 --iterations 2 --steps 4 "
        f"--last-layers --output {tmp_path}/out"
    )
    assert main(command.split()) == 0
    first = capsys.readouterr()
    table = (tmp_path / "out" / "table.md").read_text("utf-8")
    assert first.out.strip() == table.strip()
    assert "- Steps of pre-training: 2 instead of 200000." in table
    assert "| 50 % | ordered bands | quadratic weighted kappa |" in table
    rows = json.loads((tmp_path / "out" / "table.json").read_text("utf-8"))["rows"]
    # Four measurements either way, and the kinds of objects both ways.
    assert len(rows) == (4 + 4 + 2) * len(METHODS)
    size = [r for r in rows if r["kind"] == "size" and r["method"] == REPTILE]
    assert np.mean([r["balanced"] for r in size]) > 0.9
    # Again, nothing is computed.
    assert main(command.split()) == 0
    again = capsys.readouterr()
    assert again.out == first.out
    assert "pre-training" in first.err and "pre-training" not in again.err


@pytest.mark.parametrize("wrong", [{"draws": 0}, {"shares": (0,)}, {"shots": (0, 3)}])
def test_settings_that_make_no_experiment(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError):
        ClassesSettings(**wrong)  # type: ignore[arg-type]


def test_the_tables_pair_their_differences() -> None:
    rows = []
    for draw, (reptile, others) in enumerate([(0.9, 0.6), (0.7, 0.5)]):
        for method in METHODS:
            value = reptile if method == REPTILE else others
            scores = ClassScores(value, 0.5, value - 0.2)
            key = ClassKey("3 a class", "size", "a/0", method, draw)
            rows.append(ClassRow(key, False, scores))
            key = ClassKey("50 %", "three by size", "a/0", method, draw)
            rows.append(ClassRow(key, True, scores))

    text = markdown(ClassesSettings(), ["Told."], rows)

    assert "| size | random forest | +0.250 [+0.200, +0.300] |" in text
    assert "| 50 % | ordered bands | quadratic weighted kappa | 0.350 ± 0.071 |" in text
