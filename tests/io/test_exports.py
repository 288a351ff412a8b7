"""Mask -> file -> mask is exact to the pixel, in every format and order of axes."""

from __future__ import annotations

import errno
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stnp

from napari_metaseg.core.errors import UserError
from napari_metaseg.io import files
from napari_metaseg.io.coco import read_coco, write_coco
from napari_metaseg.io.geojson import read_geojson, write_geojson
from napari_metaseg.io.imagej_rois import read_rois, write_rois
from napari_metaseg.io.images import ImageFile
from napari_metaseg.io.instances import read_instances

if TYPE_CHECKING:
    from collections.abc import Callable

WRITERS: dict[str, Callable[..., Path]] = {
    "a.zip": write_rois,
    "a.geojson": write_geojson,
    "a.json": write_coco,
}
every_format = pytest.mark.parametrize("name", WRITERS)
LABELS = np.zeros((6, 8), np.int32)
LABELS[1:4, 2:5] = 4


@st.composite
def label_stacks(draw: st.DrawFn) -> tuple[np.ndarray, str]:
    """Holes, touching cells, loose parts, cells at the border and of one pixel."""
    axes = draw(st.sampled_from(["YX", "TYX", "ZYX", "TZYX", "ZTYX"]))
    shape = tuple(draw(st.integers(1, 3)) for _ in axes[:-2])
    shape += (draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    labels = draw(stnp.arrays(np.int64, shape, elements=st.integers(0, 3)))
    numbers = st.integers(1, 2**31 - 1)
    chosen = draw(st.lists(numbers, min_size=3, max_size=3, unique=True))
    zoom = draw(st.integers(1, 3))
    labels = np.array([0, *chosen])[labels]
    return labels.repeat(zoom, axis=-1).repeat(zoom, axis=-2), axes


@every_format
@settings(max_examples=40)
@given(stack=label_stacks())
def test_what_is_written_is_read_back(name: str, stack: tuple[np.ndarray, str]) -> None:
    labels, axes = stack
    image = ImageFile(np.zeros(labels.shape), axes, None)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name

        assert WRITERS[name](path, labels, axes=axes) == path

        found = read_instances(path, image)
        np.testing.assert_array_equal(found.data, labels)
        assert found.data.dtype == np.int32
        assert found.axes == axes
        assert [file.name for file in Path(folder).iterdir()] == [name]


@every_format
def test_no_cells_are_cells_too(tmp_path: Path, name: str) -> None:
    blank = np.zeros((2, 5, 4), np.int32)

    path = WRITERS[name](tmp_path / name, blank, axes="ZYX")

    image = ImageFile(blank, "ZYX", None)
    np.testing.assert_array_equal(read_instances(path, image).data, blank)


@every_format
def test_far_away_cells_keep_their_place(tmp_path: Path, name: str) -> None:
    """Beyond 32767 px, where ImageJ's plain coordinates end, and beyond 65535."""
    labels = np.zeros((3, 70_000), np.uint8)
    for number, x in enumerate((32_760, 40_000, 65_530), start=1):
        labels[:2, x : x + 10] = number
        labels[1, x] = 0

    path = WRITERS[name](tmp_path / name, labels)

    image = ImageFile(labels, "YX", None)
    np.testing.assert_array_equal(read_instances(path, image).data, labels)


@every_format
def test_the_same_labels_give_the_same_file(tmp_path: Path, name: str) -> None:
    first = WRITERS[name](tmp_path / name, LABELS).read_bytes()

    again = WRITERS[name](tmp_path / name, LABELS, overwrite=True).read_bytes()

    assert again == first


@every_format
def test_a_file_is_replaced_only_if_asked(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"precious")

    with pytest.raises(UserError, match="exists already"):
        WRITERS[name](path, LABELS)
    assert path.read_bytes() == b"precious"

    WRITERS[name](path, LABELS, overwrite=True)
    assert path.read_bytes() != b"precious"


@every_format
def test_a_full_disk_leaves_no_partial_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(UserError, match="no room left"):
        WRITERS[name](tmp_path / name, LABELS)
    assert list(tmp_path.iterdir()) == []


@every_format
@pytest.mark.parametrize(
    ("labels", "axes", "message"),
    [
        (LABELS - 1, "YX", "reach from -1 to 3"),
        (LABELS / 2, "YX", "whole numbers"),
        (LABELS[:0], "YX", "is empty"),
        (LABELS, "TYX", "do not describe"),
        (LABELS[None], "CYX", "do not describe"),
    ],
)
def test_nonsense_is_refused_before_anything_is_written(
    tmp_path: Path, name: str, labels: np.ndarray, axes: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        WRITERS[name](tmp_path / name, labels, axes=axes)
    assert list(tmp_path.iterdir()) == []


@every_format
@settings(max_examples=40)
@given(data=st.data())
def test_a_damaged_file_gets_a_sentence_or_is_read(
    name: str, data: st.DataObject
) -> None:
    """Whatever happens to its bytes, nothing but a `UserError` comes out."""
    image = ImageFile(LABELS, "YX", None)
    with tempfile.TemporaryDirectory() as folder:
        path = WRITERS[name](Path(folder) / name, LABELS)
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            place = data.draw(st.integers(0, len(content) - 1))
            content[place] = data.draw(st.integers(0, 255))
        path.write_bytes(content[: data.draw(st.integers(1, len(content)))])

        try:
            found = read_instances(path, image).data
        except UserError as error:
            assert str(error).endswith(".")
        else:
            assert found.ndim == 2


@every_format
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"cells",
        b"[" * 100_000,
        b"{}",
        b"[1]",
        b'{"type": "FeatureCollection", "features": 3}',
        b'{"images": [], "annotations": []}',
        b"\xff\xfe\x00",
        b"PK\x05\x06" + b"\x01" * 18,
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(UserError):
        read_instances(path, ImageFile(LABELS, "YX", None))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for name in WRITERS:
        with pytest.raises(UserError, match=f"no file .*{name}"):
            read_instances(tmp_path / name, ImageFile(LABELS, "YX", None))


@pytest.mark.parametrize(
    ("name", "image", "message"),
    [
        ("a.zip", None, "does not hold the size"),
        ("a.geojson", None, "does not hold the size"),
        ("a.zip", ImageFile(LABELS[None], None, None), "not clear what the axes"),
    ],
)
def test_outlines_need_their_image(
    tmp_path: Path, name: str, image: ImageFile | None, message: str
) -> None:
    path = WRITERS[name](tmp_path / name, LABELS)

    with pytest.raises(UserError, match=message):
        read_instances(path, image)


@pytest.mark.parametrize("read", [read_rois, read_geojson])
def test_outlines_of_another_image_are_refused(
    tmp_path: Path, read: Callable[..., Any]
) -> None:
    name = "a.zip" if read is read_rois else "a.geojson"
    path = WRITERS[name](tmp_path / name, np.stack([LABELS] * 3), axes="TYX")

    with pytest.raises(UserError, match="plane"):
        read(path, (2, 6, 8), axes="TYX")


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.roi", b"Iout" + bytes(2**26))

    with pytest.raises(UserError, match="too large"):
        read_rois(path, (6, 8))


def test_an_archive_of_other_things_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", b"no cells")

    with pytest.raises(UserError, match="holds no ImageJ ROIs"):
        read_rois(path, (6, 8))


def test_coco_of_two_images_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "two.json"
    images = '{"id":1,"width":3,"height":3},{"id":2,"width":3,"height":3}'
    path.write_text(f'{{"images":[{images}],"annotations":[]}}', encoding="utf-8")

    with pytest.raises(UserError, match="about 2 images"):
        read_coco(path)
