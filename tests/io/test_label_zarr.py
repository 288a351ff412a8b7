"""Labels as OME-Zarr: exact to the pixel, and what the standard asks for."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from ome_zarr_models.v05.image_label import ImageLabel

from napari_metaseg.core.errors import UserError
from napari_metaseg.io import label_zarr
from napari_metaseg.io.instances import read_instances
from napari_metaseg.io.label_zarr import write_label_zarr
from napari_metaseg.io.labels import write_labels

LABELS = np.zeros((6, 8), np.int32)
LABELS[1:4, 2:5] = 4


@settings(max_examples=25, deadline=None)
@given(
    axes=st.sampled_from(["YX", "TYX", "ZYX", "TZYX", "ZTYX"]),
    sides=st.tuples(*[st.integers(1, 3)] * 2, *[st.integers(1, 40)] * 2),
    highest=st.sampled_from([1, 65_535, 65_536, 2**31 - 1]),
    side=st.sampled_from([8, 16, 64]),
    seed=st.integers(0, 99),
)
def test_what_is_written_is_read_back(
    axes: str, sides: tuple[int, ...], highest: int, side: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    shape = sides[4 - len(axes) :]
    labels = rng.choice(np.array([0, 1, highest]), shape)
    labels.flat[0] = highest
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(label_zarr, "SIDE", side)
        path = Path(folder) / "a.zarr"
        size = {"pixel_size": (0.5, 0.25), "z_step": 2.0 if "Z" in axes else None}
        size["offset"] = (3.0 if "Z" in axes else 0.0, -12.5, 40.0)
        assert write_label_zarr(path, labels, axes=axes, **size) == path

        group = zarr.open_group(str(path), mode="r")
        kind = np.uint16 if highest < 2**16 else np.uint32
        assert {array.dtype for _, array in group.arrays()} == {np.dtype(kind)}
        np.testing.assert_array_equal(group["0"][:], labels)
        assert [p.name for p in Path(folder).iterdir()] == ["a.zarr"]
        # Axes of length one are dropped when images are read.
        found = read_instances(path)
        np.testing.assert_array_equal(found.data, labels.reshape(found.data.shape))
        assert found.pixel_size == (0.5, 0.25)
        assert found.z_step == size["z_step"]
        assert found.offset == size["offset"]


def test_an_independent_reader_finds_axes_scales_and_levels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_zarr, "SIDE", 16)
    labels = np.arange(2 * 40 * 30, dtype=np.int32).reshape(2, 40, 30)
    write_label_zarr(
        tmp_path / "a.zarr",
        labels,
        axes="ZYX",
        pixel_size=(0.5, 0.25),
        z_step=2,
        offset=(0, 100, 200),
    )

    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="r")
    read = ImageLabel.from_zarr(group)
    (scales,) = read.ome_attributes.multiscales
    assert [axis.name for axis in scales.axes] == ["z", "y", "x"]
    assert [axis.unit for axis in scales.axes] == ["micrometer"] * 3
    steps = [each.coordinateTransformations[0].scale for each in scales.datasets]
    assert steps == [[2, 0.5, 0.25], [2, 1, 0.5], [2, 2, 1]]
    shifts = [each.coordinateTransformations[1].translation for each in scales.datasets]
    assert shifts == [[0, 50, 50]] * 3
    for level, each in enumerate(scales.datasets):
        every = 2**level
        np.testing.assert_array_equal(group[each.path], labels[:, ::every, ::every])


def test_one_is_replaced_only_if_asked(tmp_path: Path) -> None:
    path = write_label_zarr(tmp_path / "a.zarr", LABELS)
    with pytest.raises(UserError, match="exists already"):
        write_label_zarr(path, LABELS * 2)
    np.testing.assert_array_equal(read_instances(path).data, LABELS)

    write_label_zarr(path, LABELS * 2, overwrite=True)
    np.testing.assert_array_equal(read_instances(path).data, LABELS * 2)

    (tmp_path / "mine.zarr").mkdir()
    with pytest.raises(UserError, match="no OME-Zarr"):
        write_label_zarr(tmp_path / "mine.zarr", LABELS, overwrite=True)


def test_a_full_disk_leaves_nothing_and_keeps_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_label_zarr(tmp_path / "a.zarr", LABELS)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(label_zarr, "describe_labels", full)
    with pytest.raises(UserError, match="no room left"):
        write_label_zarr(path, LABELS * 2, overwrite=True)

    assert list(tmp_path.iterdir()) == [path]
    np.testing.assert_array_equal(read_instances(path).data, LABELS)


def test_images_and_strokes_are_no_labels(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="from -1"):
        write_label_zarr(tmp_path / "a.zarr", LABELS - 1)
    group = zarr.open_group(str(tmp_path / "image.zarr"), mode="w")
    array = group.create_array("0", data=np.ones((4, 5), np.float32))
    assert array.shape == (4, 5)
    level = {"coordinateTransformations": [{"type": "scale", "scale": [1, 1]}]}
    axes = [{"name": "y", "type": "space"}, {"name": "x", "type": "space"}]
    scales = [{"axes": axes, "datasets": [{"path": "0", **level}]}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": scales}

    with pytest.raises(UserError, match="is an image"):
        read_instances(tmp_path / "image.zarr")


def test_it_holds_what_a_tiff_holds(tmp_path: Path) -> None:
    write_label_zarr(tmp_path / "a.zarr", LABELS, pixel_size=(0.5, 0.5))
    write_labels(tmp_path / "a.tif", LABELS, pixel_size=(0.5, 0.5))

    one, other = (read_instances(tmp_path / f"a.{kind}") for kind in ("zarr", "tif"))
    np.testing.assert_array_equal(one.data, other.data)
    assert (one.axes, one.pixel_size) == (other.axes, pytest.approx(other.pixel_size))
