"""COCO files about many images, LIVECell's among them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from skimage.segmentation import relabel_sequential

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.io.coco import write_coco
from napari_metaseg.io.sources.layouts import find_tasks
from napari_metaseg.io.sources.library import import_tasks

from .scenes import (
    SHAPE,
    boxes,
    check,
    corners,
    labels,
    picture,
    rle,
    skipped,
    write,
    write_json,
)

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ("polygon", "packed", "plain")


def segmentation(mask: np.ndarray, kind: str) -> Any:
    if kind == "polygon":
        return [np.ravel(corners(boxes(mask)[0])).tolist()]
    return rle(mask, packed=kind == "packed")


def content(
    names: list[str], kind: str = "polygon", categories: tuple[str, ...] = ("cell",)
) -> dict[str, Any]:
    """Describe the scenes of seeds 0, 1, ... as COCO does, categories in turn."""
    images, annotations = [], []
    for k, name in enumerate(names):
        size = {"height": SHAPE[0], "width": SHAPE[1]}
        images.append({"id": 10 + k, "file_name": name, **size})
        for n, number in enumerate(np.unique(labels(k))[1:]):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": 10 + k,
                    "category_id": n % len(categories) + 1,
                    "iscrowd": 0,
                    "segmentation": segmentation(labels(k) == number, kind),
                }
            )
    rows = [{"id": n, "name": c} for n, c in enumerate(categories, start=1)]
    return {"images": images, "annotations": annotations, "categories": rows}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "set"
    for k in range(2):
        write(made / "images" / f"{k}.tif", picture(k))
    return made


NAMES = ["0.tif", "1.tif"]


@pytest.mark.parametrize("kind", KINDS)
def test_masks_come_out_of_the_library_as_they_were(
    folder: Path, tmp_path: Path, kind: str
) -> None:
    write_json(folder / "annotations" / "all.json", content(NAMES, kind))

    found = find_tasks(folder)
    assert [one.layout for one in found] == ["coco"]
    exhaust(import_tasks(found, tmp_path / "library"))

    (task,) = read_tasks(tmp_path / "library")
    assert (task.name, task.info.source) == ("set", "set")
    for k in range(2):
        np.testing.assert_array_equal(task.images[k], picture(k))
        expected, _, _ = relabel_sequential(labels(k))
        np.testing.assert_array_equal(task.masks[k], expected)


@pytest.mark.parametrize("keyed", [False, True])
def test_livecell_is_one_task_for_each_cell_line(tmp_path: Path, keyed: bool) -> None:
    folder = tmp_path / "LIVECell"
    names = [f"{line}_Phase_C7_1_00d00h00m_1.tif" for line in ("MCF7", "A172", "SkBr3")]
    write(folder / "images/train_val/MCF7" / names[0], picture(0))
    write(folder / "images/train_val/A172" / names[1], picture(1))
    write(folder / "images/test" / names[2], picture(2))
    said = content(names)
    if keyed:
        said["annotations"] = {str(row["id"]): row for row in said["annotations"]}
    write_json(folder / "annotations/LIVECell/train.json", said)

    tasks = find_tasks(folder)

    assert [t.name for t in tasks] == [
        "LIVECell_A172",
        "LIVECell_MCF7",
        "LIVECell_SkBr3",
    ]
    assert {t.source for t in tasks} == {"LIVECell"}
    assert [(r.images, r.objects, r.skipped) for r in check(folder)] == [(1, 4, ())] * 3


def test_an_image_annotated_twice_is_taken_once(folder: Path) -> None:
    write_json(folder / "train.json", content(NAMES))
    write_json(folder / "val.json", content(NAMES[:1]))

    (row,) = check(folder)

    assert (row.images, row.objects) == (2, 8)
    assert skipped(row) == {"0.tif": "is annotated twice; the first is taken"}


def test_each_category_is_a_task_and_shared_images_are_told(folder: Path) -> None:
    write_json(folder / "a.json", content(NAMES, categories=("nucleus", "cell")))

    cell, nucleus = check(folder)

    assert (cell.task, nucleus.task) == ("set_cell", "set_nucleus")
    assert (cell.images, cell.objects) == (nucleus.images, nucleus.objects) == (2, 4)
    assert any("same images as 'set_cell'" in p for p in nucleus.problems)
    assert cell.hashes == nucleus.hashes


def test_crowds_are_left_out_and_make_a_task_incomplete(folder: Path) -> None:
    said = content(NAMES, "packed")
    said["annotations"][0]["iscrowd"] = 1
    write_json(folder / "a.json", said)

    (task,) = find_tasks(folder)

    assert not task.complete
    assert check(folder)[0].objects == 7


def test_our_own_export_of_a_stack_is_read(tmp_path: Path) -> None:
    stack = np.stack([labels(0), labels(1)])
    image = np.stack([picture(0), picture(1)])
    write(tmp_path / "c.tif", image, ome=True, metadata={"axes": "TYX"})
    write_coco(tmp_path / "c.json", stack, axes="TYX", image_name="c.tif")

    (row,) = check(tmp_path)

    assert (row.images, row.objects, row.skipped) == (2, 8, ())


@pytest.mark.parametrize(
    "name", ["../secret.tif", "/secret.tif", "..\\secret.tif", "C:\\secret.tif", "a\0"]
)
def test_a_name_cannot_lead_out_of_the_folder(folder: Path, name: str) -> None:
    write(folder.parent / "secret.tif", picture(1))
    write_json(folder / "a.json", content(["0.tif", name]))

    (row,) = check(folder)

    assert row.images == 1
    assert row.skipped[0].file == name
    assert "leads out of its folder" in row.skipped[0].why


def test_images_that_are_missing_or_of_one_name_are_told(folder: Path) -> None:
    for part in ("a", "b"):
        write(folder / part / "both.tif", picture(1))
    write_json(folder / "a.json", content(["0.tif", "both.tif", "gone.tif"]))

    why = skipped(check(folder)[0])

    assert "several images" in why["both.tif"]
    assert "not below the folder" in why["gone.tif"]


def test_a_size_in_the_file_allocates_nothing(folder: Path) -> None:
    said = content(NAMES)
    said["images"][1] |= {"height": 2**31, "width": 2**31}
    write_json(folder / "a.json", said)

    (row,) = check(folder)

    assert row.images == 1
    assert "says that the image is 2147483648 x" in row.skipped[0].why


@pytest.mark.parametrize(
    "mask",
    [
        {"size": [3, 4], "counts": [12]},
        {"size": list(SHAPE), "counts": [5000, 5000]},
        {"size": list(SHAPE), "counts": "\0"},
        [[1.0, 2.0, 3.0]],
        [[1.0, 2.0, 1e400, 3.0, 5.0, 5.0]],
    ],
)
def test_a_damaged_mask_costs_one_image(folder: Path, mask: Any) -> None:
    said = content(NAMES)
    said["annotations"][0]["segmentation"] = mask
    path = folder / "a.json"
    path.write_text(json.dumps(said).replace("Infinity", "1e400"), encoding="utf-8")

    (row,) = check(folder)

    assert row.images == 1
    assert "damaged mask" in row.skipped[0].why


@pytest.mark.parametrize(
    "change",
    [
        {"images": 1},
        {"annotations": None},
        {"images": [{"id": 1}]},
        {"annotations": [{"segmentation": [[1, 2]]}]},
        {"annotations": [{"image_id": 10, "segmentation": [["a"]]}]},
        {"categories": [1]},
        {"licenses": 3},
    ],
)
def test_a_damaged_file_is_a_row_that_says_so(
    folder: Path, change: dict[str, Any]
) -> None:
    write_json(folder / "bad.json", content(NAMES) | change)
    write_json(folder / "good.json", content(NAMES))

    good, bad = check(folder)

    assert (good.task, good.images) == ("set", 2)
    assert (bad.task, bad.images) == ("bad", 0)
    assert "export it again" in skipped(bad)["bad.json"]


def test_a_truncated_file_is_a_row_that_says_so(folder: Path) -> None:
    path = write_json(folder / "a.json", content(NAMES))
    path.write_bytes(path.read_bytes()[:-20])

    (row,) = check(folder)

    assert row.images == 0
    assert "export it again" in skipped(row)["a.json"]


def test_other_json_is_not_looked_at(folder: Path) -> None:
    write_json(folder / "settings.json", {"threshold": 0.5})

    with pytest.raises(UserError, match="COCO JSON"):
        find_tasks(folder)


def test_one_licence_is_kept_and_several_are_not_guessed(folder: Path) -> None:
    said = content(NAMES) | {"licenses": [{"id": 1, "name": "CC BY 4.0"}]}
    write_json(folder / "a.json", said)
    assert find_tasks(folder)[0].licence == "CC BY 4.0"

    said["licenses"].append({"id": 2, "name": "CC BY-NC 4.0"})
    write_json(folder / "a.json", said)
    assert find_tasks(folder)[0].licence == "unknown"
