"""The local task library: whole tasks or none, nothing lost, nothing done twice."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.data.episodes import draw_episode
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.io.sources import library as library_module
from napari_metaseg.io.sources import sample_files
from napari_metaseg.io.sources.layouts import find_all, find_tasks
from napari_metaseg.io.sources.library import import_tasks

from .scenes import SHAPE, check, labels, picture, write, write_json, write_pair


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two tasks of two images."""
    made = tmp_path / "lab"
    for k in range(4):
        task = made / "ab"[k // 2]
        write_pair(task / f"images/{k}.tif", task / f"masks/{k}.tif", k)
    return made


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def run(folder: Path, library: Path, **more: Any) -> list[Any]:
    return exhaust(import_tasks(find_tasks(folder), library, **more))


def test_progress_counts_all_images_and_the_rows_are_those_of_the_check(
    folder: Path, library: Path
) -> None:
    write(folder / "b/images/9.tif", picture(0))
    write(folder / "b/masks/9.tif", labels(0))
    steps = import_tasks(find_tasks(folder), library)
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as stop:
            rows = stop.value
            break

    assert [(s.task, s.step, s.total) for s in seen] == [
        ("a", 1, 5),
        ("a", 2, 5),
        ("b", 3, 5),
        ("b", 4, 5),
        ("b", 5, 5),
    ]
    assert rows == check(folder)
    assert len(read_tasks(library)[1].images) == 2
    again = run(folder, library)
    assert again == rows, "also when nothing is read again"


def test_pixels_and_types_survive(folder: Path, library: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 2**16, (*SHAPE, 3)).astype(np.uint16)
    images = {
        "colour": colour,
        "two": colour[..., :2],
        "gray": np.dstack([picture()] * 3),
        "float": picture().astype(np.float32) / 7,
        "bool": picture() > 100,
    }
    for name, image in images.items():
        task = folder.parent / "looks" / name
        channels = np.moveaxis(image, -1, 0) if image.ndim == 3 else image
        axes = "CYX"[-image.ndim :]
        write(
            task / "images/0.tif",
            channels,
            ome=True,
            photometric="minisblack",
            metadata={"axes": axes},
        )
        write(task / "masks/0.tif", labels())

    run(folder.parent / "looks", library)

    read = {task.name: task.images[0] for task in read_tasks(library)}
    np.testing.assert_array_equal(read["colour"], colour)
    np.testing.assert_array_equal(read["two"][..., :2], colour[..., :2])
    assert not read["two"][..., 2].any()
    np.testing.assert_array_equal(read["gray"], picture())
    np.testing.assert_array_equal(read["float"], images["float"])
    np.testing.assert_array_equal(read["bool"], images["bool"])


def test_huge_numbers_are_replaced_by_small_ones(folder: Path, library: Path) -> None:
    huge = labels(0).astype(np.uint32)
    huge[huge == 7] = 2**31 - 1
    write(folder / "a/masks/0.tif", huge)

    run(folder, library)

    masks = read_tasks(library)[0].masks[0]
    assert masks.max() == 4
    np.testing.assert_array_equal(masks > 0, huge > 0)


@pytest.mark.parametrize("steps", range(1, 5))
def test_stopping_leaves_whole_tasks_and_the_same_call_goes_on(
    folder: Path, library: Path, steps: int
) -> None:
    whole = library.parent / "whole"
    run(folder, whole)
    importing = import_tasks(find_tasks(folder), library)
    for _ in range(steps):
        next(importing)
    importing.close()

    there = [p.name for p in library.iterdir() if p.is_dir()]
    assert there == (["a"] if steps > 2 else [])
    run(folder, library)
    assert content(library) == content(whole)


@pytest.mark.parametrize("steps", [1, 3])
def test_a_kill_leaves_whole_tasks_and_the_same_call_goes_on(
    folder: Path, library: Path, steps: int
) -> None:
    program = (
        "import os, sys; from pathlib import Path\n"
        "from napari_metaseg.io.sources.layouts import find_tasks\n"
        "from napari_metaseg.io.sources.library import import_tasks\n"
        "steps = import_tasks(find_tasks(Path(sys.argv[1])), Path(sys.argv[2]))\n"
        "for _ in range(int(sys.argv[3])): next(steps)\n"
        "os._exit(9)"
    )
    command = [sys.executable, "-c", program, str(folder), str(library), str(steps)]
    assert subprocess.run(command, check=False).returncode == 9

    if steps == 3:
        assert [task.name for task in read_tasks(library)] == ["a"]
    else:
        with pytest.raises(UserError, match="holds no tasks"):
            read_tasks(library)
    whole = library.parent / "whole"
    run(folder, whole)
    run(folder, library)
    assert content(library) == content(whole)


def test_what_is_there_is_not_read_again(
    folder: Path, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(folder, library)
    before = content(library)

    def fail(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(library_module, "read_samples", fail)
    run(folder, library)

    assert content(library) == before


def test_duplicates_of_what_is_there_are_known(folder: Path, library: Path) -> None:
    exhaust(import_tasks(find_tasks(folder)[:1], library))
    write(folder / "b/images/9.tif", picture(0))
    write(folder / "b/masks/9.tif", labels(0))

    assert "same masks" in run(folder, library)[1].skipped[0].why


def test_another_task_of_that_name_is_never_replaced_unasked(
    folder: Path, library: Path
) -> None:
    run(folder, library)
    write(folder / "b/images/2.tif", picture(5))
    before = content(library)

    with pytest.raises(UserError, match="holds a task 'b' already, from other files"):
        run(folder, library)
    assert content(library) == before

    run(folder, library, overwrite=True)
    np.testing.assert_array_equal(read_tasks(library)[1].images[0], picture(5))
    assert not (library / ".partial").exists()


def test_a_task_made_by_hand_is_never_replaced_unasked(
    folder: Path, library: Path
) -> None:
    write(library / "b/images/0.tif", picture(6))

    with pytest.raises(UserError, match="'b' already"):
        run(folder, library)

    assert sorted(content(library)) == [str(Path("b/images/0.tif"))]


def test_a_replacement_that_was_stopped_half_way_is_undone(
    folder: Path, library: Path
) -> None:
    run(folder, library)
    before = content(library)
    (library / ".partial").mkdir()
    (library / "b").rename(library / ".partial" / "b.old")

    run(folder, library)

    assert content(library) == before


def test_sources_and_licences_reach_training(folder: Path, library: Path) -> None:
    run(folder, library)
    run(folder, library, licence="CC0-1.0", source="our lab")

    infos = [task.info for task in read_tasks(library)]
    assert [(i.source, i.licence) for i in infos] == [("our lab", "CC0-1.0")] * 2
    assert not any(i.distributable for i in infos)


def test_rows_of_other_tasks_stay(folder: Path, library: Path) -> None:
    row = {"task": "mine", "source": "here", "license": "MIT", "remark": "keep me"}
    write_json(library.parent / "tasks.json", [row, {"task": "elsewhere"}])
    write_pair(library / "mine/images/0.tif", library / "mine/masks/0.tif")

    run(folder, library)

    rows = json.loads((library / "tasks.json").read_text(encoding="utf-8"))
    assert [r["task"] for r in rows] == ["a", "b", "mine"]
    assert rows[2] == row


def test_a_damaged_table_is_told_before_anything_is_written(
    folder: Path, library: Path
) -> None:
    write_json(library / "tasks.json", {"task": 1})

    with pytest.raises(UserError, match="damaged"):
        run(folder, library)

    assert list(content(library)) == ["tasks.json"]


@pytest.mark.parametrize("damage", ["[]", '{"fingerprint": 1}'])
def test_a_damaged_record_makes_the_task_one_made_by_hand(
    folder: Path, library: Path, damage: str
) -> None:
    run(folder, library)
    origin = library / "a" / "origin.json"
    kept = json.loads(origin.read_text(encoding="utf-8"))["fingerprint"]
    origin.write_text(damage.replace("1", json.dumps(kept)), encoding="utf-8")

    with pytest.raises(UserError, match="'a' already"):
        run(folder, library)


def test_a_task_with_nothing_to_use_is_not_written(folder: Path, library: Path) -> None:
    for k in (0, 1):
        (folder / f"a/masks/{k}.tif").write_bytes(b"?")

    rows = run(folder, library)

    assert [row.images for row in rows] == [0, 2]
    assert [task.name for task in read_tasks(library)] == ["b"]


def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(
    folder: Path, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sample_files.tifffile, "imwrite", full)

    with pytest.raises(UserError, match=r"cannot be written \(no space left"):
        run(folder, library)
    assert content(library) == {}


def test_a_file_cannot_be_a_library(folder: Path, library: Path) -> None:
    library.write_bytes(b"precious")

    with pytest.raises(UserError, match="cannot be written"):
        run(folder, library)
    assert library.read_bytes() == b"precious"


def test_a_name_cannot_lead_out_of_the_library(folder: Path, library: Path) -> None:
    (task, _) = find_tasks(folder)

    with pytest.raises(UserError, match="no name of a task"):
        exhaust(import_tasks([replace(task, name="../out")], library))


def test_tasks_of_one_name_from_several_folders_get_names_of_their_own(
    folder: Path, library: Path
) -> None:
    other = folder.parent / "other" / "a"
    write_pair(other / "images/0.png", other / "masks/0.png", 6)

    tasks = find_all([folder, other.parent])
    exhaust(import_tasks(tasks, library))

    assert [t.name for t in read_tasks(library)] == ["a", "a_own", "b"]


def test_a_file_that_vanishes_costs_one_image(folder: Path, library: Path) -> None:
    tasks = find_tasks(folder)
    (folder / "a/masks/1.tif").unlink()

    rows = exhaust(import_tasks(tasks, library))

    assert [row.images for row in rows] == [1, 2]
    assert "There is no file" in rows[0].skipped[0].why


def test_gray_images_among_colours_can_be_trained_on(
    folder: Path, library: Path
) -> None:
    colour = np.dstack([picture(0), picture(1), picture(2)])
    write(folder / "a/images/1.tif", colour, photometric="rgb")

    rows = run(folder, library)

    a, b = read_tasks(library)
    np.testing.assert_array_equal(a.images, [np.dstack([picture(0)] * 3), colour])
    assert [image.ndim for image in b.images] == [2, 2]
    assert rows[0].problems == (
        "gray and colour images together: 1 gray ones get three equal channels",
    )
    assert rows == check(folder)
    for seed in range(3):
        episode = draw_episode(a, np.random.default_rng(seed))
        assert episode is not None
