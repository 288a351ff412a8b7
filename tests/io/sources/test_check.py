"""What a check finds, and what it leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_metaseg.core.objects import object_diameters

from .scenes import check, labels, picture, skipped, write, write_pair

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two tasks of two images."""
    for k in range(4):
        task = tmp_path / "ab"[k // 2]
        write_pair(task / f"images/{k}.tif", task / f"masks/{k}.tif", k)
    return tmp_path


def test_counts_and_diameters_are_those_of_the_masks(folder: Path) -> None:
    sizes = [d for k in (0, 1) for d in object_diameters(labels(k)).values()]

    a, b = check(folder)

    assert (a.task, a.layout, a.source, a.licence) == ("a", "own", "a", "unknown")
    assert (a.images, a.objects, b.images, b.objects) == (2, 8, 2, 8)
    assert a.diameter == pytest.approx(np.median(sizes))
    assert a.problems == a.skipped == ()
    assert not a.hashes & b.hashes


def test_masks_without_objects_and_crumbs_of_images_are_skipped(folder: Path) -> None:
    write(folder / "a/masks/0.tif", np.zeros_like(labels()))
    write(folder / "a/images/1.tif", np.zeros((15, 40), np.uint8))
    write(folder / "a/masks/1.tif", np.ones((15, 40), np.uint8))

    row = check(folder)[0]

    assert skipped(row) == {
        "0.tif": "has no objects in its masks",
        "1.tif": "is smaller than 16 px",
    }
    assert row.diameter is None
    assert row.problems == ("nothing to use",)


def test_a_mask_of_foreground_is_no_label_image(folder: Path) -> None:
    write(folder / "a/masks/0.tif", (labels(0) > 0).astype(np.uint8) * 255)
    write(folder / "b/masks/2.tif", (labels(2) == 1).astype(np.uint8))

    a, b = check(folder)

    assert "one number for 4 separate objects" in skipped(a)["0.tif"]
    assert (b.images, b.skipped) == (2, ()), "a single object is fine"


@pytest.mark.parametrize("suffix", ["tif", "png"])
@pytest.mark.parametrize("type_", [np.uint8, np.uint16])
def test_an_image_is_known_again_in_another_file(
    folder: Path, suffix: str, type_: type
) -> None:
    write(folder / f"b/images/9.{suffix}", picture(0).astype(type_))
    write(folder / "b/masks/9.tif", labels(0) * 3)
    write(folder / f"a/images/9.{suffix}", picture(1).astype(type_))
    write(folder / "a/masks/9.tif", labels(2))

    a, b = check(folder)

    assert "is the same image as" in a.skipped[0].why
    assert "same image, with the same masks, as" in b.skipped[0].why
    assert "0.tif of 'a'" in b.skipped[0].why
    assert (a.images, b.images) == (2, 2)


def test_the_same_image_with_other_masks_is_another_task(folder: Path) -> None:
    write(folder / "b/images/9.tif", picture(0))
    write(folder / "b/masks/9.tif", labels(1))

    _, b = check(folder)

    assert (b.images, b.skipped) == (3, ())
    assert b.problems == ("the same images as 'a', with other masks (1 images)",)


def test_odd_things_are_told_and_used(folder: Path) -> None:
    tiny = labels(0)
    tiny[39, 0], tiny[39, 49] = 90, 91
    write(folder / "a/masks/0.tif", tiny)
    (folder / "a/images/1.tif").unlink()
    (folder / "a/masks/1.tif").unlink()
    five = np.stack([picture(k) for k in range(5)])
    write(folder / "b/images/2.tif", five, ome=True, metadata={"axes": "CYX"})
    strokes = labels(3).astype(np.int16)
    strokes[0] = -1
    write(folder / "b/masks/3.tif", strokes)

    a, b = check(folder)

    assert a.problems[0] == "tiny objects: 2 of 6 are below 4 px"
    assert a.problems[1].startswith("one image")
    assert b.problems == (
        "of 5 channels the first three are used (1 images)",
        "background strokes: not every object is annotated (1 images)",
        "gray and colour images together: 1 gray ones get three equal channels",
    )
    assert (a.images, b.images) == (1, 2)


def test_masks_beside_their_objects_are_told(tmp_path: Path) -> None:
    for task, shift in (("right", (0, 0)), ("wrong", (-4, 3))):
        for n in range(3):
            write(tmp_path / task / "images" / f"{n}.tif", picture(n + 1))
            moved = np.roll(labels(n + 1), shift, (0, 1))
            write(tmp_path / task / "masks" / f"{n}.tif", moved)

    right, wrong = check(tmp_path)

    assert right.problems == ()
    assert "masks seem shifted by 4 px up, 3 px right" in wrong.problems


def test_values_that_are_no_numbers_cost_one_image(folder: Path) -> None:
    blank = picture(0).astype(np.float32)
    blank[3, 3] = np.nan
    write(folder / "a/images/0.tif", blank)

    row = check(folder)[0]

    assert row.images == 1
    assert "not finite" in skipped(row)["0.tif"]
