"""Label images are written whole, or not at all."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stnp

from napari_metaseg.core.errors import UserError
from napari_metaseg.io import labels as labels_module
from napari_metaseg.io.annotation import read_annotation
from napari_metaseg.io.images import read_image
from napari_metaseg.io.labels import write_labels
from napari_metaseg.io.open_images import open_image

LABELS = np.zeros((20, 30), np.int32)
LABELS[2:8, 3:9] = 1
LABELS[10:15, 12:20] = 400

sizes = st.floats(1e-3, 1e3)


@st.composite
def label_stacks(draw: st.DrawFn) -> tuple[np.ndarray, str]:
    axes = draw(st.sampled_from(["YX", "TYX", "ZYX", "TZYX", "ZTYX"]))
    shape = (*(draw(st.integers(2, 4)) for _ in axes[:-2]),)
    shape += (draw(st.integers(1, 24)), draw(st.integers(1, 24)))
    top = draw(st.sampled_from([1, 255, 65_535, 65_536, 2**31 - 1]))
    elements = st.integers(0, top)
    return draw(stnp.arrays(np.int64, shape, elements=elements, fill=st.just(0))), axes


@settings(deadline=None, max_examples=60)
@given(stack=label_stacks(), pixel_size=st.none() | st.tuples(sizes, sizes))
def test_what_is_written_is_read_back(
    stack: tuple[np.ndarray, str], pixel_size: tuple[float, float] | None
) -> None:
    data, axes = stack
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.tif"

        assert write_labels(path, data, axes=axes, pixel_size=pixel_size) == path

        image = read_image(path)
        np.testing.assert_array_equal(image.data, data)
        assert image.data.dtype == ("uint16" if data.max() < 65_536 else "uint32")
        assert image.axes == axes
        if pixel_size is None:
            assert image.pixel_size is None
        else:
            assert image.pixel_size == pytest.approx(pixel_size, rel=1e-6)
        np.testing.assert_array_equal(read_annotation(path), data)
        assert [file.name for file in Path(folder).iterdir()] == ["labels.tif"]


def test_small_labels_are_an_imagej_hyperstack(tmp_path: Path) -> None:
    data = np.stack([LABELS, LABELS + 1])
    write_labels(tmp_path / "a.tif", data, axes="TYX", pixel_size=(0.5, 0.25))

    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert tif.is_imagej
        assert tif.imagej_metadata is not None
        assert tif.imagej_metadata["unit"] == "um"
        assert tif.imagej_metadata["frames"] == 2
        page = tif.pages.first
        assert page.tags.valueof("XResolution") == (4, 1)
        assert page.tags.valueof("YResolution") == (2, 1)
        assert tif.series[0].axes == "TYX"
        assert tif.series[0].shape == (2, 20, 30)
        assert tif.series[0].dtype == np.uint16


def test_large_labels_are_ome_tiff(tmp_path: Path) -> None:
    data = LABELS * 1000
    write_labels(tmp_path / "a.tif", data, pixel_size=(0.5, 0.25))

    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert tif.is_ome
        assert not tif.is_bigtiff
        assert 'PhysicalSizeX="0.25"' in (tif.ome_metadata or "")
        assert tif.series[0].axes == "YX"
        np.testing.assert_array_equal(tif.asarray(), data.astype(np.uint32))


def test_files_above_4_gb_are_bigtiff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels_module, "_CLASSIC_LIMIT", LABELS.size * 2 - 1)

    write_labels(tmp_path / "a.tif", LABELS, pixel_size=(0.5, 0.25))

    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert tif.is_bigtiff
        assert tif.series[0].dtype == np.uint16
        np.testing.assert_array_equal(tif.asarray(), LABELS)
    assert read_image(tmp_path / "a.tif").pixel_size == pytest.approx((0.5, 0.25))


def test_an_axis_of_length_one_costs_no_pixels(tmp_path: Path) -> None:
    write_labels(tmp_path / "a.tif", LABELS[None], axes="TYX")

    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), LABELS)


def test_an_existing_file_is_kept_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"precious")

    with pytest.raises(UserError, match="exists already"):
        write_labels(path, LABELS)
    assert path.read_bytes() == b"precious"

    write_labels(path, LABELS, overwrite=True)
    np.testing.assert_array_equal(tifffile.imread(path), LABELS)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"folder .*results does not exist"):
        write_labels(tmp_path / "results" / "a.tif", LABELS)
    assert not (tmp_path / "results").exists()


def test_a_folder_of_that_name_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.tif").mkdir()

    with pytest.raises(UserError, match="is a folder"):
        write_labels(tmp_path / "a.tif", LABELS, overwrite=True)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.EACCES, "may not be written"),
        (errno.EROFS, "may not be written"),
        (errno.EIO, "cannot be written"),
    ],
)
def test_a_read_only_folder_gets_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, message: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, "refused")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UserError, match=message):
        write_labels(tmp_path / "a.tif", LABELS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("old", [None, b"precious"])
def test_a_full_disk_leaves_the_folder_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bytes | None
) -> None:
    path = tmp_path / "a.tif"
    if old is not None:
        path.write_bytes(old)

    def fill(file: BinaryIO, *_: Any, **__: Any) -> None:
        file.write(b"II*\0 and some of the labels")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tifffile, "imwrite", fill)
    with pytest.raises(UserError, match="no room left"):
        write_labels(path, LABELS, overwrite=True)

    assert [f.read_bytes() for f in tmp_path.iterdir()] == ([old] if old else [])


def test_an_interruption_leaves_no_partial_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(file: BinaryIO, *_: Any, **__: Any) -> None:
        file.write(b"II*\0")
        raise KeyboardInterrupt

    monkeypatch.setattr(tifffile, "imwrite", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_labels(tmp_path / "a.tif", LABELS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("labels", "arguments", "message"),
    [
        (LABELS - 1, {}, "reach from -1 to 399"),
        (LABELS.astype(np.int64) + 2**32, {}, "renumber"),
        (LABELS / 2, {}, "whole numbers"),
        (LABELS[:0], {}, "is empty"),
        (LABELS, {"axes": "TYX"}, "do not describe"),
        (LABELS, {"axes": "XY"}, "do not describe"),
        (LABELS[None], {"axes": "CYX"}, "do not describe"),
        (LABELS, {"pixel_size": (0.0, 1.0)}, "is no length"),
        (LABELS, {"pixel_size": (1.0, float("nan"))}, "is no length"),
    ],
)
def test_nonsense_is_refused_before_anything_is_written(
    tmp_path: Path, labels: np.ndarray, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        write_labels(tmp_path / "a.tif", labels, **arguments)
    assert list(tmp_path.iterdir()) == []


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.png end in \.tif"):
        write_labels(tmp_path / "a.png", LABELS)


@pytest.mark.parametrize("highest", [5, 70_000])
def test_a_stack_keeps_the_distance_of_its_planes(tmp_path: Path, highest: int) -> None:
    """As ImageJ's own format, and as OME-TIFF."""
    labels = np.full((3, 4, 5), highest, np.int32)
    size: dict[str, Any] = {"pixel_size": (0.5, 0.25), "z_step": 2.0}
    path = write_labels(tmp_path / "a.tif", labels, axes="ZYX", **size)

    assert read_image(path).z_step == pytest.approx(2.0)
    assert open_image(path).z_step == pytest.approx(2.0)
    with tifffile.TiffFile(path) as file:
        if highest == 5:
            assert file.imagej_metadata["spacing"] == 2.0
        else:
            assert 'PhysicalSizeZ="2.0"' in file.ome_metadata
    flat = write_labels(tmp_path / "b.tif", labels[0], **size)
    assert read_image(flat).z_step is None
