"""Kept annotations come back as they were; damaged files are set aside."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.recovery import (
    Found,
    Header,
    clean_up,
    file_of,
    find_recoveries,
    read_recovery,
    write_recovery,
)

if TYPE_CHECKING:
    from pathlib import Path

_SHAPE = (3, 4, 5)


def header(shape: tuple[int, ...] = _SHAPE, **changes: Any) -> Header:
    """Describe an annotation of a process that has ended."""
    made = Header.of_now("plate", "plate.tif", shape, 2, "0.1")
    return replace(made, started=made.started - 100, **changes)


def painted() -> np.ndarray:
    annotation = np.zeros(_SHAPE, np.int32)
    annotation[0, 1, 1:3], annotation[2, 2:, :] = 7, -1
    return annotation


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = file_of(tmp_path / "unsaved", "abc", "w1")
    write_recovery(path, header(), painted())
    return path


@given(
    arrays(
        np.int32,
        array_shapes(min_dims=2, max_dims=4, max_side=6),
        elements=st.integers(-1, 2**31 - 1),
    )
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, annotation: np.ndarray
) -> None:
    path = file_of(tmp_path_factory.mktemp("unsaved"), "abc", "w1")
    write_recovery(path, header(annotation.shape), annotation)

    (found,), broken = find_recoveries(path.parent, "abc")

    assert not broken
    back = read_recovery(found, annotation.shape)
    assert back.dtype == np.int32
    np.testing.assert_array_equal(back, annotation)


def test_a_file_tells_what_it_belongs_to(kept: Path) -> None:
    with zipfile.ZipFile(kept) as archive:
        said = json.loads(archive.read("header.json"))

    assert said["image"] == "plate"
    assert said["path"] == "plate.tif"
    assert said["shape"] == list(_SHAPE)
    assert said["version"] == "0.1"


def test_the_newest_comes_first_and_other_images_not_at_all(kept: Path) -> None:
    later = file_of(kept.parent, "abc", "w2")
    write_recovery(later, header(saved=2e9), painted())
    write_recovery(file_of(kept.parent, "def", "w1"), header(), painted())

    found, _ = find_recoveries(kept.parent, "abc")

    assert [each.path for each in found] == [later, kept]


def test_what_a_process_is_at_work_on_is_not_found(kept: Path) -> None:
    now = Header.of_now("plate", "", _SHAPE, 1, "0.1")
    write_recovery(file_of(kept.parent, "abc", "w2"), now, painted())

    found, _ = find_recoveries(kept.parent, "abc")

    assert [each.path for each in found] == [kept]
    assert kept.parent.joinpath("abc-w2.zip").exists()


def rewrite(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content |= {k if k != "header" else "header.json": v for k, v in members.items()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no zip at all",
        b"[]",
        b"{}",
        json.dumps({"format": 2, **asdict(header())}).encode(),
        json.dumps({"format": 1, **asdict(header()), "saved": "now"}).encode(),
        json.dumps({"format": 1, **asdict(header()), "shape": None}).encode(),
        json.dumps({"format": 1, **asdict(header()), "more": 1}).encode(),
        b"x" * 2**17,
    ],
)
def test_a_file_that_is_none_of_ours_is_set_aside(kept: Path, content: bytes) -> None:
    if content[:1] in (b"", b"n"):
        kept.write_bytes(content)
    else:
        rewrite(kept, header=content)

    found, broken = find_recoveries(kept.parent, "abc")

    assert not found
    assert [path.suffix for path in broken] == [".broken"]
    assert broken[0].exists()
    assert not kept.exists()


@pytest.mark.parametrize(
    "members",
    [
        {"lengths": b"\x01"},
        {"lengths": np.array([60], "<i8").tobytes()},
        {"lengths": np.array([61], "<i8").tobytes(), "labels": bytes(4)},
        {"lengths": np.array([-1, 61], "<i8").tobytes(), "labels": bytes(8)},
        {"lengths": np.array([2**62, 2**62], "<i8").tobytes(), "labels": bytes(8)},
        {"lengths": bytes(10_000_000)},
        {"lengths": np.array([60], "<i8").tobytes(), "labels": b"\xfe\xff\xff\xff"},
    ],
)
def test_runs_that_do_not_fit_are_refused_and_set_aside(
    kept: Path, members: dict[str, bytes]
) -> None:
    rewrite(kept, **members)
    (found,), _ = find_recoveries(kept.parent, "abc")

    with pytest.raises(UserError, match="damaged and was set aside"):
        read_recovery(found, _SHAPE)

    assert kept.with_suffix(".broken").exists()


def test_a_bit_that_flipped_is_seen(kept: Path) -> None:
    with zipfile.ZipFile(kept) as archive:
        place = archive.getinfo("labels").header_offset + 40
    content = bytearray(kept.read_bytes())
    content[place] ^= 0xFF
    kept.write_bytes(content)
    (found,), _ = find_recoveries(kept.parent, "abc")

    with pytest.raises(UserError, match="damaged"):
        read_recovery(found, _SHAPE)


def test_another_shape_is_refused_before_anything_is_read(kept: Path) -> None:
    found = Found(kept, header())
    with pytest.raises(UserError, match="open the image"):
        read_recovery(found, (4, 5))
    assert kept.exists()


def test_old_files_go_and_others_stay(kept: Path) -> None:
    old, aside = kept.with_name("abc-old.zip"), kept.with_name("abc-old.broken")
    other = kept.with_name("notes.txt")
    for path in (old, aside, other):
        path.write_bytes(b"x")
        os.utime(path, (1e9, 1e9))

    clean_up(kept.parent, 60)

    assert sorted(kept.parent.iterdir()) == [kept, other]


def test_without_a_folder_nothing_is_found_or_cleaned(tmp_path: Path) -> None:
    clean_up(tmp_path / "none", 60)
    assert find_recoveries(tmp_path / "none", "abc") == ([], [])


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="by hand"):
        write_recovery(tmp_path / "file" / "a" / "b.zip", header(), painted())
