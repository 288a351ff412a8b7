from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.data.episodes import draw_episode
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.io.sources.check import check_tasks
from napari_metaseg.io.sources.history import add_to_library, task_library
from napari_metaseg.io.sources.layouts import find_tasks
from napari_metaseg.io.sources.library import import_tasks

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(0)


def masks(cells: int = 3) -> np.ndarray:
    labels = np.zeros((64, 96), np.int32)
    for k in range(cells):
        labels[16:40, 4 + 30 * k : 24 + 30 * k] = k + 1
    return labels


def picture(labels: np.ndarray, dtype: str = "uint8") -> np.ndarray:
    noise = RNG.integers(0, 50, labels.shape)
    return (100 * (labels > 0) + noise).astype(dtype)


def test_an_accepted_image_becomes_a_task_to_train_on(tmp_path: Path) -> None:
    labels = masks()
    image = picture(labels, "uint16")

    added = add_to_library(tmp_path / "lib", "mine", [(image, labels)], complete=True)

    assert (added.added, added.replaced, added.images, added.objects) == (1, 0, 1, 3)
    (task,) = read_tasks(tmp_path / "lib")
    np.testing.assert_array_equal(task.images[0], image)
    np.testing.assert_array_equal(task.masks[0], labels)
    assert task.info.complete
    assert not task.info.distributable
    assert draw_episode(task, np.random.default_rng(0)) is not None
    (row,) = exhaust(check_tasks(find_tasks(tmp_path / "lib")))
    assert (row.images, row.objects, row.skipped) == (1, 3, ())


def test_an_annotation_of_a_few_cells_leaves_the_rest_unknown(tmp_path: Path) -> None:
    annotation = masks(2)
    annotation[50:60] = -1
    image = picture(masks())

    add_to_library(tmp_path, "mine", [(image, annotation)], complete=True)

    (task,) = read_tasks(tmp_path)
    assert not task.info.complete, "background strokes tell that it is not"
    np.testing.assert_array_equal(task.masks[0], masks(2))


def test_a_task_stays_incomplete(tmp_path: Path) -> None:
    for cells, complete in ((1, False), (3, True)):
        pair = (picture(masks()), masks(cells))
        added = add_to_library(tmp_path, "mine", [pair], complete=complete)

    assert added.images == 2
    (task,) = read_tasks(tmp_path)
    assert not task.info.complete


def test_the_same_image_again_gets_the_new_masks(tmp_path: Path) -> None:
    image = picture(masks())
    add_to_library(tmp_path, "mine", [(image, masks(1))], complete=False)

    added = add_to_library(
        tmp_path, "mine", [(image.astype("uint16"), masks(3))], complete=False
    )

    assert (added.added, added.replaced, added.images, added.objects) == (0, 1, 1, 3)
    (task,) = read_tasks(tmp_path)
    np.testing.assert_array_equal(task.masks[0], masks(3))


def test_planes_and_channels_are_taken_apart(tmp_path: Path) -> None:
    labels = np.stack([masks(3), masks(0), masks(2)])
    stack = np.stack([picture(p) for p in labels])
    colour = np.stack([picture(masks(1)) for _ in range(3)], -1)
    pairs = [(stack, labels), (colour, masks(1))]

    added = add_to_library(tmp_path, "mine", pairs, complete=True)

    assert (added.added, added.left_out, added.objects) == (3, 1, 6)
    (task,) = read_tasks(tmp_path)
    assert {image.shape for image in task.images} == {(64, 96, 3)}


def test_rows_of_other_tasks_stay(tmp_path: Path) -> None:
    rows = [{"task": "theirs", "source": "there", "license": "CC0-1.0"}]
    (tmp_path / "tasks.json").write_text(json.dumps(rows), encoding="utf-8")

    add_to_library(
        tmp_path, "mine", [(picture(masks()), masks())], complete=True, licence="ours"
    )

    table = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    assert table[1] == rows[0]
    assert table[0]["license"] == "ours"
    assert table[0]["n_objects"] == 3


def test_an_imported_task_is_left_alone(tmp_path: Path) -> None:
    pair = (picture(masks()), masks())
    add_to_library(tmp_path / "a", "mine", [pair], complete=True)
    exhaust(import_tasks(find_tasks(tmp_path / "a"), tmp_path / "b"))

    with pytest.raises(UserError, match="was imported from other files"):
        add_to_library(tmp_path / "b", "mine", [pair], complete=True)


@pytest.mark.parametrize("name", ["", "..", "a/b", "../up", ".hidden"])
def test_names_that_are_none_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="cannot name a task"):
        add_to_library(
            tmp_path / "lib", name, [(picture(masks()), masks())], complete=True
        )

    assert not (tmp_path / "lib").exists()


def test_labels_without_cells_write_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no cell to learn from"):
        add_to_library(
            tmp_path / "lib", "mine", [(picture(masks()), masks(0))], complete=True
        )
    with pytest.raises(UserError):
        add_to_library(
            tmp_path / "lib", "mine", [(picture(masks()), masks().T)], complete=True
        )

    assert not (tmp_path / "lib").exists()


def test_the_own_library_can_be_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAPARI_METASEG_HOME", str(tmp_path))

    assert task_library() == tmp_path / "tasks"
