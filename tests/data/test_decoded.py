from __future__ import annotations

from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import tifffile

from napari_metaseg.data.decoded import Decoded, Files
from napari_metaseg.data.folders import read_tasks

KIB = 1024


class Reader:
    """Makes an array of 1 KiB from a name, and counts how often."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def __call__(self, path: Path) -> np.ndarray:
        self.read.append(path.name)
        return np.full(KIB, int(path.name), np.uint8)


def files(limit: int, count: int = 4) -> tuple[Files, Reader]:
    reader = Reader()
    return Files([Path(str(n)) for n in range(count)], reader, Decoded(limit)), reader


def test_what_is_kept_is_read_once() -> None:
    arrays, reader = files(4 * KIB)

    for _ in range(3):
        assert [int(a[0]) for a in arrays] == [0, 1, 2, 3]

    assert reader.read == ["0", "1", "2", "3"]
    assert arrays[0] is arrays[0]
    assert len(arrays) == 4
    assert [int(a[0]) for a in arrays[1:3]] == [1, 2]


def test_what_was_not_used_longest_is_let_go_of() -> None:
    arrays, reader = files(2 * KIB)

    for n in (0, 1, 0, 2, 0, 1):
        assert arrays[n][0] == n

    assert reader.read == ["0", "1", "2", "1"]


def test_what_is_too_large_is_not_kept() -> None:
    arrays, reader = files(KIB - 1)

    for _ in range(2):
        assert arrays[3][0] == 3

    assert reader.read == ["3", "3"]


def test_threads_share_what_is_kept() -> None:
    arrays, _ = files(2 * KIB)
    wrong: list[int] = []

    def look() -> None:
        rng = np.random.default_rng()
        for n in rng.integers(0, 4, 500):
            if arrays[int(n)][0] != n:
                wrong.append(int(n))

    threads = [Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_nobody_changes_what_is_kept() -> None:
    arrays, _ = files(KIB)

    with pytest.raises(ValueError, match="read-only"):
        arrays[0][:] = 1


def write_task(folder: Path, images: dict[str, np.ndarray]) -> None:
    masks = np.zeros((32, 32), np.uint8)
    masks[8:20, 8:20] = 1
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for name, image in images.items():
        tifffile.imwrite(folder / "images" / name, image)
        tifffile.imwrite(folder / "masks" / name, masks)


def test_a_task_is_looked_through_before_it_is_used_and_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_metaseg.data.folders.CACHE", 0)
    image = np.arange(1024, dtype=np.uint16).reshape(32, 32)
    write_task(tmp_path / "one", {"a.tif": image})
    (task,) = read_tasks(tmp_path)

    np.testing.assert_array_equal(task.images[0], image)
    (tmp_path / "one" / "images" / "a.tif").unlink()

    with pytest.raises(Exception, match=r"a\.tif"):
        task.images[0]


def test_an_image_is_known_by_its_pixels(tmp_path: Path) -> None:
    image = np.arange(1024, dtype=np.uint16).reshape(32, 32) // 8
    other = image.copy()
    other[0, 0] = 9
    same = {"a.tif": image, "b.tif": image.astype(np.uint8), "c.tif": other}
    write_task(tmp_path / "one", same)
    write_task(tmp_path / "two", {"d.tif": np.stack([image] * 3, -1)})
    write_task(tmp_path / "three", {"a.tif": other})

    one, three, two = read_tasks(tmp_path)

    assert one.hashes[0] == one.hashes[1] == two.hashes[0]
    assert one.hashes[2][0] == three.hashes[0][0] != one.hashes[0][0]
    assert len({task.sha256 for task in (one, two, three)}) == 3
