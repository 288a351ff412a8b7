"""Images and masks of tasks are read as any program writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.data import stream
from napari_metaseg.data.episodes import draw_episode
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.data.stream import EpisodeStream
from napari_metaseg.data.task_files import LARGEST_NUMBER, read_masks, read_picture
from napari_metaseg.io.sources.check import check_tasks
from napari_metaseg.io.sources.layouts import find_tasks
from tests.data.tasks import disks

if TYPE_CHECKING:
    from pathlib import Path

MASKS = disks(96)
GRAY = np.where(MASKS > 0, 200, 30).astype(np.uint8)
COLOURS = np.stack([GRAY, GRAY // 2, GRAY // 3], -1)


def write(path: Path, array: np.ndarray, **how: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        Image.fromarray(array, **how).save(path)
    else:
        tifffile.imwrite(path, array, **how)
    return path


def write_task(
    folder: Path, masks: np.ndarray = MASKS, image: np.ndarray = GRAY
) -> Path:
    for k in range(2):
        write(folder / "t" / "images" / f"{k}.tif", image)
        write(folder / "t" / "masks" / f"{k}.tif", masks)
    return folder


def test_numbers_of_colours_are_numbers_of_objects(tmp_path: Path) -> None:
    picture = Image.fromarray(MASKS.astype(np.uint8), "P")
    picture.putpalette(np.random.default_rng(0).integers(0, 256, 768).tolist())
    picture.save(tmp_path / "a.png")

    np.testing.assert_array_equal(read_masks(tmp_path / "a.png"), MASKS)
    assert read_picture(tmp_path / "a.png").shape == (96, 96, 3)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (GRAY[None], GRAY),
        (GRAY[..., None], GRAY),
        (COLOURS, COLOURS),
        (np.moveaxis(COLOURS, -1, 0), COLOURS),
        (GRAY.astype(np.float32), GRAY),
    ],
)
def test_axes_of_an_image(
    tmp_path: Path, stored: np.ndarray, expected: np.ndarray
) -> None:
    path = write(tmp_path / "a.tif", stored, photometric="minisblack")

    np.testing.assert_array_equal(read_picture(path), expected)


def test_transparency_is_left_out_and_16_bits_are_kept(tmp_path: Path) -> None:
    alpha = np.full_like(GRAY, 77)
    gray, colours = np.dstack([GRAY, alpha]), np.dstack([COLOURS, alpha])
    write(tmp_path / "la.png", gray, mode="LA")
    write(tmp_path / "rgba.png", colours, mode="RGBA")
    how = {"planarconfig": "contig", "extrasamples": [2]}
    write(tmp_path / "la.tif", gray, photometric="minisblack", **how)
    write(tmp_path / "rgba.tif", colours, photometric="rgb", **how)
    deep = COLOURS.astype(np.uint16) * 7
    for name, stored in (("deep", deep), ("deep_a", np.dstack([deep, alpha]))):
        (tmp_path / f"{name}.png").write_bytes(imagecodecs.png_encode(stored))

    for name in ("la.png", "la.tif"):
        np.testing.assert_array_equal(read_picture(tmp_path / name), GRAY)
    for name in ("rgba.png", "rgba.tif"):
        np.testing.assert_array_equal(read_picture(tmp_path / name), COLOURS)
    for name in ("deep.png", "deep_a.png"):
        np.testing.assert_array_equal(read_picture(tmp_path / name), deep)


@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_large_numbers_become_small_and_strokes_stay(
    tmp_path: Path, dtype: type
) -> None:
    large = np.where(MASKS > 0, MASKS.astype(np.int64) * 10**9, 0)
    large[:2] = -1
    path = write(tmp_path / "a.tif", large.astype(dtype))

    found = read_masks(path)

    expected = MASKS.copy()
    expected[:2] = -1
    np.testing.assert_array_equal(found, expected)
    assert found.max() < LARGEST_NUMBER


@pytest.mark.parametrize(
    ("masks", "problem"),
    [
        (MASKS / 100, "not whole"),
        (np.where(MASKS > 0, np.nan, 0), "not whole"),
        (np.where(MASKS > 0, np.inf, 0), "not whole"),
        (np.stack([MASKS] * 5), "has 3 axes"),
    ],
)
def test_what_is_no_label_image_is_refused(
    tmp_path: Path, masks: np.ndarray, problem: str
) -> None:
    path = write(tmp_path / "a.tif", masks)

    with pytest.raises(UserError, match=problem):
        read_masks(path)


def test_a_mask_of_foreground_is_refused_as_the_command_tasks_does(
    tmp_path: Path,
) -> None:
    foreground = np.where(MASKS > 0, 255, 0).astype(np.uint8)
    folder = write_task(tmp_path, foreground)

    with pytest.raises(UserError, match="a mask of foreground; give each") as refused:
        read_tasks(folder)

    (row,) = exhaust(check_tasks(find_tasks(folder)))
    assert not row.images
    assert row.skipped[0].why in str(refused.value)


def test_an_image_that_is_not_finite_is_named(tmp_path: Path) -> None:
    image = GRAY.astype(np.float32)
    image[0, 0] = np.nan

    with pytest.raises(UserError, match=r"0\.tif' holds values that are not finite"):
        read_tasks(write_task(tmp_path, image=image))


def test_masks_are_found_by_name_and_hidden_files_left_out(tmp_path: Path) -> None:
    write(tmp_path / "t" / "images" / "0.png", GRAY)
    write(tmp_path / "t" / "masks" / "0.tif", MASKS)
    (tmp_path / "t" / "images" / "._0.png").write_bytes(b"of a Mac")

    (task,) = read_tasks(tmp_path)

    assert len(task.images) == 1
    np.testing.assert_array_equal(task.masks[0], MASKS)


def test_where_something_is_struck_the_rest_is_unknown(tmp_path: Path) -> None:
    struck = MASKS.copy()
    struck[MASKS == 0] = np.where(np.arange((MASKS == 0).sum()) < 50, -1, 0)

    (task,) = read_tasks(write_task(tmp_path, struck))

    assert not task.info.complete
    np.testing.assert_array_equal(task.masks[0], MASKS)
    drawn = [draw_episode(task, np.random.default_rng(k)) for k in range(12)]
    assert any(episode is not None for episode in drawn)


def test_tasks_without_objects_are_refused_and_draws_have_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty,) = read_tasks(write_task(tmp_path / "a", MASKS * 0))
    with pytest.raises(UserError, match="The task 't' has no objects in its masks"):
        EpisodeStream([empty])

    (task,) = read_tasks(write_task(tmp_path / "b"))
    monkeypatch.setattr(stream, "draw_episode", lambda *_: None)
    with pytest.raises(UserError, match="has a cell to paint"):
        EpisodeStream([task], procedural_share=0).episode(0, 0)
