"""Opened images say what read ones say, without being read."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.plane_source import PlaneSource
from napari_metaseg.io.images import read_image
from napari_metaseg.io.open_images import open_image, read_any_image

if TYPE_CHECKING:
    from pathlib import Path

VALUES = np.random.default_rng(0).integers(0, 60_000, (3, 2, 70, 90), np.uint16)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"ome": True, "metadata": {"axes": "ZCYX"}},
        {"imagej": True, "metadata": {"axes": "ZCYX"}},
        {"ome": True, "tile": (32, 48), "compression": "zlib"},
        {"rowsperstrip": 7, "compression": "zlib"},
        {"byteorder": ">", "bigtiff": True},
    ],
)
def test_a_tiff_is_what_reading_gives(tmp_path: Path, how: dict[str, Any]) -> None:
    tifffile.imwrite(tmp_path / "a.tif", VALUES, photometric="minisblack", **how)
    opened, read = open_image(tmp_path / "a.tif"), read_image(tmp_path / "a.tif")

    assert (opened.axes, opened.pixel_size) == (read.axes, read.pixel_size)
    assert opened.data.shape == read.data.shape
    assert opened.data.dtype == read.data.dtype
    np.testing.assert_array_equal(np.asarray(opened.data), read.data)
    np.testing.assert_array_equal(opened.data[1, 0, 5:9, -4:], VALUES[1, 0, 5:9, -4:])


def test_an_alpha_channel_and_axes_of_length_one_are_left_out(tmp_path: Path) -> None:
    colour = np.arange(30 * 20 * 4, dtype=np.uint8).reshape(30, 20, 4)
    tifffile.imwrite(tmp_path / "a.tif", colour, photometric="rgb", extrasamples=[2])
    opened = open_image(tmp_path / "a.tif")

    assert (opened.axes, opened.data.shape) == ("YXC", (30, 20, 3))
    np.testing.assert_array_equal(np.asarray(opened.data), colour[..., :3])


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("common", [[], [{"type": "scale", "scale": [1, 1, 0.5, 0.5]}]])
def test_ome_zarr_with_its_levels(
    tmp_path: Path, version: str, common: list[dict[str, object]]
) -> None:
    factor = 0.5 if common else 1
    levels = [VALUES[:1], VALUES[:1, :, ::2, ::2]]
    axes = [{"name": "z", "type": "space"}, {"name": "c", "type": "channel"}]
    axes += [{"name": a, "type": "space", "unit": "nanometer"} for a in "yx"]
    sets = [
        {
            "path": str(k),
            "coordinateTransformations": [
                {"type": "scale", "scale": [1, 1, 500 * 2**k, 250 * 2**k]},
                {"type": "translation", "translation": [7, 0, 1000, -50]},
            ],
        }
        for k in range(2)
    ]
    first = {"version": version, "axes": axes, "datasets": sets}
    scales = {"multiscales": [first | {"coordinateTransformations": common}]}
    file_format = 2 if version == "0.4" else 3
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=file_format)
    group.attrs.update(scales if version == "0.4" else {"ome": scales})
    for k, level in enumerate(levels):
        group.create_array(str(k), data=level, chunks=(1, 1, 32, 32))

    opened = open_image(tmp_path / "a.zarr")

    assert opened.axes == "CYX"
    assert opened.pixel_size == pytest.approx((0.5 * factor, 0.25 * factor))
    assert opened.offset == read_any_image(tmp_path / "a.zarr").offset
    assert opened.offset == pytest.approx((7, 2, -0.2))
    np.testing.assert_array_equal(np.asarray(opened.data), levels[0][0])
    (coarser,) = opened.coarser
    np.testing.assert_array_equal(np.asarray(coarser), levels[1][0])


def test_planes_are_read_in_any_order_of_axes() -> None:
    image = np.arange(2 * 3 * 4 * 5 * 6).reshape(6, 2, 5, 3, 4)  # X, T, Y, C, Z
    source = PlaneSource.of(image, axes="XTYCZ")
    one = PlaneSource.of(image, axes="XTYCZ", channel=-1)

    assert (source.label_axes, source.label_shape) == ("TZYX", (2, 4, 5, 6))
    window = (slice(1, 4), slice(2, 6))
    for plane in range(8):
        t, z = divmod(plane, 4)
        expected = image[2:6, t, 1:4, :, z].transpose(2, 1, 0)
        np.testing.assert_array_equal(source.read(plane, window), expected)
        np.testing.assert_array_equal(one.read(plane, window), expected[2:])


def test_a_large_image_is_measured_on_a_bounded_sample() -> None:
    reads = []

    class Endless:
        shape, dtype = (5, 10**6, 10**6), np.dtype(np.uint8)

        def __getitem__(self, key: tuple[int, slice, slice]) -> np.ndarray:
            reads.append(key)
            return np.zeros([len(range(*s.indices(10**6))) for s in key[1:]], np.uint8)

    sample = PlaneSource.of(Endless(), axes="TYX").sample()

    assert sample.size <= 2**24
    assert {key[0] for key in reads} == set(range(5))
    assert max(key[1].stop for key in reads) == 10**6


def test_what_cannot_be_opened_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bioio", None)
    (tmp_path / "a.czi").write_bytes(b"ZISRAWFILE")
    with pytest.raises(UserError, match=r"napari-metaseg\[bioio\]"):
        open_image(tmp_path / "a.czi")
    with pytest.raises(UserError, match="is a folder"):
        open_image(tmp_path)
    with pytest.raises(UserError, match="no file"):
        open_image(tmp_path / "b.tif")
    zarr.open_group(str(tmp_path / "plate.zarr"), mode="w")
    with pytest.raises(UserError, match="no image of its own"):
        open_image(tmp_path / "plate.zarr")
    array = np.full((8, 8), np.nan)
    with pytest.raises(UserError, match="not finite"):
        PlaneSource.of(array).read(0, (slice(0, 8), slice(0, 8)))


def test_damage_found_while_reading_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, VALUES[0, 0], compression="zlib", rowsperstrip=10)
    opened = open_image(path)
    with tifffile.TiffFile(path) as file:
        offset = file.pages.first.dataoffsets[0]
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 40)

    with pytest.raises(UserError, match="may be truncated or damaged"):
        opened.data[:5]


def test_dask_arrays_are_computed_a_window_at_a_time() -> None:
    lazy = da.from_array(VALUES, chunks=(1, 2, 20, 20))
    source = PlaneSource.of(lazy, axes="ZCYX")
    window = (slice(3, 50), slice(0, 7))

    np.testing.assert_array_equal(source.read(2, window), VALUES[2, :, 3:50, :7])


@pytest.mark.parametrize("samples", [False, True])
def test_formats_of_microscopes_come_through_bioio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, samples: bool
) -> None:
    """A stand-in answers as bioio does, which reads no more than it is asked for."""
    stored, order = VALUES.swapaxes(0, 1)[None], "TCZYX"
    if samples:
        stored, order = np.moveaxis(VALUES[:1], 1, -1)[None, None], "TCZYXS"
    made = SimpleNamespace(
        dask_data=da.from_array(stored, chunks=stored.shape),
        dims=SimpleNamespace(order=order),
        physical_pixel_sizes=SimpleNamespace(Z=2.0, Y=0.5, X=0.25),
        scenes=("A", "B", "C"),
    )
    monkeypatch.setitem(
        sys.modules, "bioio", SimpleNamespace(BioImage=lambda _path: made)
    )
    path = tmp_path / "a.nd2"
    path.write_bytes(b"x")

    opened, whole = open_image(path), read_any_image(path)

    assert opened.axes == ("YXC" if samples else "CZYX")
    assert (opened.pixel_size, opened.z_step) == ((0.5, 0.25), 2.0)
    assert (whole.axes, whole.pixel_size) == (opened.axes, opened.pixel_size)
    assert whole.further == 2
    expected = np.moveaxis(VALUES[0], 0, -1) if samples else VALUES.swapaxes(0, 1)
    np.testing.assert_array_equal(whole.data, expected)
