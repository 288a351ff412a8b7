from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from skimage.io import imsave

from napari_metaseg.core.errors import UserError
from napari_metaseg.data.episodes import draw_episode
from napari_metaseg.data.folders import TaskInfo, read_tasks

if TYPE_CHECKING:
    from pathlib import Path

MASK = np.zeros((20, 30), np.uint16)
MASK[2:12, 3:13], MASK[12:18, 20:28] = 1, 300


def write(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    imsave(path, array, check_contrast=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "data" / "train"
    gray = (MASK > 0).astype(np.uint8) * 200
    for name, suffix in (("b", "png"), ("a", "tif")):
        for n in (1, 0):
            write(data / name / "images" / f"{n:03}.{suffix}", gray + n)
            write(data / name / "masks" / f"{n:03}.{suffix}", MASK)
    return data


def test_tasks_and_images_come_in_the_order_of_their_names(folder: Path) -> None:
    tasks = read_tasks(folder)

    assert [t.name for t in tasks] == ["a", "b"]
    for task in tasks:
        assert [int(image.min()) for image in task.images] == [0, 1]
        for mask, diameters in zip(task.masks, task.diameters, strict=True):
            assert mask.dtype == np.int32
            np.testing.assert_array_equal(mask, MASK)
            assert set(diameters) == {1, 300}
            assert diameters[1] == pytest.approx(10, rel=0.2)


def test_only_named_tasks_are_read(folder: Path) -> None:
    (folder / "a" / "masks" / "000.tif").unlink()

    assert [t.name for t in read_tasks(folder, ["b"])] == ["b"]
    assert [t.name for t in read_tasks(folder, ["b", "b"])] == ["b"]


def test_colour_images_and_other_files_are_welcome(folder: Path) -> None:
    write(folder / "a" / "images" / "002.png", np.zeros((20, 30, 3), np.uint8))
    write(folder / "a" / "masks" / "002.png", MASK)
    (folder / "a" / "images" / "notes.txt").write_text("hello", encoding="utf-8")

    task = read_tasks(folder)[0]

    assert [image.ndim for image in task.images] == [3, 3, 3]


def test_gray_and_colour_images_of_a_task_make_episodes_together(
    tmp_path: Path,
) -> None:
    masks = np.zeros((64, 64), np.uint8)
    masks[20:40, 20:40] = 1
    gray = (100 * masks + 20).astype(np.uint8)
    write(tmp_path / "mixed" / "images" / "a.png", gray)
    write(tmp_path / "mixed" / "images" / "b.png", np.stack([gray] * 3, -1))
    for name in ("a.png", "b.png"):
        write(tmp_path / "mixed" / "masks" / name, masks)

    (task,) = read_tasks(tmp_path)

    assert {image.shape for image in task.images} == {(64, 64, 3)}
    np.testing.assert_array_equal(task.images[0], task.images[1])
    assert draw_episode(task, np.random.default_rng(0)) is not None


@pytest.mark.parametrize("level", [".", ".."])
def test_a_table_tells_sources_and_licences(folder: Path, level: str) -> None:
    rows = [
        {
            "task": "a",
            "source": "there",
            "license": "CC0-1.0",
            "weights_may_be_distributed": True,
            "all_objects_annotated": "no, only some",
            "structure": "nuclei (DAPI)",
        },
        {"task": "elsewhere"},
    ]
    (folder / level / "tasks.json").write_text(json.dumps(rows), encoding="utf-8")

    first, second = (task.info for task in read_tasks(folder))

    assert first == TaskInfo("there", "CC0-1.0", True, complete=False, nuclei=True)
    assert second == TaskInfo("b"), "nothing is known but its name"


def test_a_folder_without_tasks_gets_a_sentence(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UserError, match="holds no tasks; expected"):
            read_tasks(folder)


def test_an_unknown_task_gets_a_sentence(folder: Path) -> None:
    with pytest.raises(UserError, match=r"no task 'c' in .*; it has a, b"):
        read_tasks(folder, ["a", "c"])


def test_a_missing_mask_gets_a_sentence(folder: Path) -> None:
    (folder / "b" / "masks" / "001.png").unlink()

    with pytest.raises(UserError, match=r"001\.png' has no mask"):
        read_tasks(folder)


@pytest.mark.parametrize(
    ("shape", "problem"),
    [((20, 29), "give both the same size"), ((20, 30, 3), "as a label image")],
)
def test_a_mask_of_another_shape_gets_a_sentence(
    folder: Path, shape: tuple[int, ...], problem: str
) -> None:
    write(folder / "b" / "masks" / "001.png", np.zeros(shape, np.uint8))

    with pytest.raises(UserError, match=problem):
        read_tasks(folder)


def test_a_task_without_images_gets_a_sentence(folder: Path) -> None:
    for path in (folder / "b" / "images").iterdir():
        path.unlink()

    with pytest.raises(UserError, match="holds no PNG or TIFF image"):
        read_tasks(folder)


@pytest.mark.parametrize("part", ["images", "masks"])
@pytest.mark.parametrize(("name", "suffix"), [("a", "tif"), ("b", "png")])
@pytest.mark.parametrize("damage", [b"", b"what?"])
def test_an_unreadable_file_gets_a_sentence(
    folder: Path, part: str, name: str, suffix: str, damage: bytes
) -> None:
    (folder / name / part / f"001.{suffix}").write_bytes(damage)

    with pytest.raises(UserError, match=rf"001\.{suffix}"):
        read_tasks(folder)


@pytest.mark.parametrize("text", ["{", '{"a": 1}', "[1]", '[{"name": "a"}]', "\0"])
def test_a_damaged_table_gets_a_sentence(folder: Path, text: str) -> None:
    (folder / "tasks.json").write_text(text, encoding="utf-8")

    with pytest.raises(UserError, match=r"tasks\.json' is damaged"):
        read_tasks(folder)
