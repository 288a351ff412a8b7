"""Images are read with their axes and pixel size; bad files get a sentence."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.images import read_image
from napari_metaseg.io.open_images import open_image

if TYPE_CHECKING:
    from pathlib import Path


def noise(*shape: int, dtype: str = "uint16") -> np.ndarray:
    top = min(np.iinfo(dtype).max, 60_000)
    return np.random.default_rng(0).integers(0, top, shape).astype(dtype)


@pytest.mark.parametrize(
    ("shape", "arguments", "axes"),
    [
        ((20, 30), {}, "YX"),
        ((1, 30), {}, "YX"),
        ((5, 20, 30), {"metadata": {"axes": "TYX"}}, "TYX"),
        ((5, 20, 30), {"imagej": True, "metadata": {"axes": "ZYX"}}, "ZYX"),
        ((2, 3, 20, 30), {"imagej": True, "metadata": {"axes": "TCYX"}}, "TCYX"),
        ((4, 3, 20, 30), {"ome": True, "metadata": {"axes": "ZTYX"}}, "ZTYX"),
        ((20, 30, 3), {"photometric": "rgb"}, "YXC"),
        (
            (3, 20, 30),
            {"photometric": "rgb", "planarconfig": "separate"},
            "CYX",
        ),
        (
            (6, 20, 30, 3),
            {"photometric": "rgb", "metadata": {"axes": "TYXS"}},
            "TYXC",
        ),
        ((5, 20, 30), {"compression": "lzw"}, None),
        ((20, 30, 3), {"photometric": "minisblack"}, None),
        ((2, 5, 20, 30), {"metadata": {"axes": "RTYX"}}, None),
    ],
)
def test_axes_come_from_the_metadata(
    tmp_path: Path,
    shape: tuple[int, ...],
    arguments: dict[str, object],
    axes: str | None,
) -> None:
    data = noise(*shape)
    tifffile.imwrite(tmp_path / "image.tif", data, **arguments)

    image = read_image(tmp_path / "image.tif")

    assert image.axes == axes
    np.testing.assert_array_equal(image.data, data)


def test_axes_of_length_one_are_dropped(tmp_path: Path) -> None:
    data = noise(1, 3, 1, 20, 30)
    tifffile.imwrite(tmp_path / "image.tif", data, ome=True, metadata={"axes": "TCZYX"})

    image = read_image(tmp_path / "image.tif")

    assert image.axes == "CYX"
    np.testing.assert_array_equal(image.data, data[0, :, 0])


def test_a_narrow_image_keeps_both_axes(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "image.tif", noise(1, 1))

    assert read_image(tmp_path / "image.tif").data.shape == (1, 1)


def test_alpha_is_dropped(tmp_path: Path) -> None:
    data = noise(20, 30, 4, dtype="uint8")
    tifffile.imwrite(tmp_path / "image.tif", data, photometric="rgb")
    Image.fromarray(data).save(tmp_path / "image.png")

    for name in ("image.tif", "image.png"):
        image = read_image(tmp_path / name)
        assert image.axes == "YXC"
        np.testing.assert_array_equal(image.data, data[..., :3])


@pytest.mark.parametrize("axes", ["YX", "TYX"])
def test_alpha_beside_gray_is_dropped(tmp_path: Path, axes: str) -> None:
    data = noise(*(5, 20, 30)[-len(axes) :], 2)
    how = {"photometric": "minisblack", "planarconfig": "contig", "extrasamples": [2]}
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, data, metadata={"axes": f"{axes}S"}, **how)

    for image in (read_image(path), open_image(path)):
        assert image.axes == axes
        np.testing.assert_array_equal(image.data, data[..., 0])


@pytest.mark.parametrize("shape", [(2, 20, 30), (20, 30, 2)])
def test_two_stains_are_no_gray_with_alpha(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    planar = "separate" if shape[0] == 2 else "contig"
    how = {"photometric": "minisblack", "planarconfig": planar}
    tifffile.imwrite(tmp_path / "image.tif", noise(*shape), **how)

    assert read_image(tmp_path / "image.tif").data.shape == shape


def test_four_stains_that_pass_for_colours_are_kept(tmp_path: Path) -> None:
    # As earlier versions of tifffile wrote any four planes, without being asked.
    data = noise(4, 20, 30)
    how = {"photometric": "rgb", "planarconfig": "separate", "extrasamples": [2]}
    tifffile.imwrite(tmp_path / "image.tif", data, **how)

    for image in (
        read_image(tmp_path / "image.tif"),
        open_image(tmp_path / "image.tif"),
    ):
        assert image.axes == "CYX"
        np.testing.assert_array_equal(image.data, data)


@pytest.mark.parametrize("dtype", [">u2", ">f4", "<i4", "bool", "uint64"])
def test_any_dtype_is_read_in_native_byte_order(tmp_path: Path, dtype: str) -> None:
    data = (noise(20, 30) > 30_000).astype(dtype)
    byteorder = ">" if dtype.startswith(">") else "<"
    tifffile.imwrite(tmp_path / "image.tif", data, byteorder=byteorder)

    image = read_image(tmp_path / "image.tif")

    assert image.data.dtype == np.dtype(dtype).newbyteorder("=")
    assert image.data.dtype.isnative
    np.testing.assert_array_equal(image.data, data)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_png_keeps_its_values(tmp_path: Path, dtype: str) -> None:
    data = noise(20, 30, dtype=dtype)
    Image.fromarray(data).save(tmp_path / "image.png")

    image = read_image(tmp_path / "image.png")

    assert (image.axes, image.pixel_size) == ("YX", None)
    assert image.data.dtype == dtype
    np.testing.assert_array_equal(image.data, data)


def test_16_bit_colours_keep_16_bits(tmp_path: Path) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    data = noise(20, 30, 3)
    (tmp_path / "image.png").write_bytes(imagecodecs.png_encode(data))

    np.testing.assert_array_equal(read_image(tmp_path / "image.png").data, data)


def test_jpeg_and_bmp_are_read(tmp_path: Path) -> None:
    grey = np.full((16, 24), 77, np.uint8)
    colour = np.dstack([grey, grey + 50, grey + 100])
    Image.fromarray(grey).save(tmp_path / "grey.jpg", quality=100)
    Image.fromarray(colour).save(tmp_path / "colour.jpg", quality=100)
    Image.fromarray(colour).save(tmp_path / "colour.bmp")

    assert read_image(tmp_path / "grey.jpg").axes == "YX"
    assert read_image(tmp_path / "colour.jpg").axes == "YXC"
    np.testing.assert_allclose(read_image(tmp_path / "grey.jpg").data, grey, atol=2)
    np.testing.assert_array_equal(read_image(tmp_path / "colour.bmp").data, colour)


def test_the_name_does_not_decide_the_format(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "image.png", noise(20, 30))

    np.testing.assert_array_equal(
        read_image(tmp_path / "image.png").data, noise(20, 30)
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            {
                "ome": True,
                "metadata": {
                    "axes": "YX",
                    "PhysicalSizeX": 325.0,
                    "PhysicalSizeXUnit": "nm",
                    "PhysicalSizeY": 0.65,
                    "PhysicalSizeYUnit": "µm",
                },
            },
            (0.65, 0.325),
        ),
        (
            {
                "ome": True,
                "metadata": {"axes": "YX", "PhysicalSizeX": 2, "PhysicalSizeY": 3},
            },
            (3.0, 2.0),
        ),
        ({"ome": True, "metadata": {"axes": "YX", "PhysicalSizeX": 2}}, None),
        (
            {"imagej": True, "resolution": (4.0, 2.0), "metadata": {"unit": "um"}},
            (0.5, 0.25),
        ),
        (
            {"imagej": True, "resolution": (4, 2), "metadata": {"unit": "\\u00B5m"}},
            (0.5, 0.25),
        ),
        (
            {"imagej": True, "resolution": (20, 20), "metadata": {"unit": "mm"}},
            (50.0, 50.0),
        ),
        (
            {"imagej": True, "resolution": (1, 1), "metadata": {"unit": "pixel"}},
            None,
        ),
        ({"imagej": True, "resolution": (4, 2)}, None),
        (
            {"resolution": (20_000, 10_000), "resolutionunit": "CENTIMETER"},
            (1.0, 0.5),
        ),
        ({"resolution": (25_400, 25_400), "resolutionunit": "INCH"}, (1.0, 1.0)),
        ({"resolution": (300, 300), "resolutionunit": "INCH"}, None),
        ({"resolution": (72, 72), "resolutionunit": "INCH"}, None),
        ({"resolution": (4, 4), "resolutionunit": "NONE"}, None),
        ({"resolution": (0, 0), "resolutionunit": "CENTIMETER"}, None),
        ({}, None),
    ],
)
def test_pixel_size_is_in_micrometres(
    tmp_path: Path,
    arguments: dict[str, object],
    expected: tuple[float, float] | None,
) -> None:
    tifffile.imwrite(tmp_path / "image.tif", noise(20, 30), **arguments)

    size = read_image(tmp_path / "image.tif").pixel_size

    assert size == (None if expected is None else pytest.approx(expected, rel=1e-6))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no file .*cells\.tif"):
        read_image(tmp_path / "cells.tif")


def test_a_file_used_as_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")

    with pytest.raises(UserError, match="no file"):
        read_image(tmp_path / "a" / "cells.tif")


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder"):
        read_image(tmp_path)


def test_a_file_without_permission_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cells.tif").write_bytes(b"II*\0")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(UserError, match="permission denied"):
        read_image(tmp_path / "cells.tif")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"cell,area\n1,20\n", "is not a TIFF, PNG, JPEG or BMP"),
        (b"II*\0", "truncated or damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "truncated or damaged"),
        (b"\xff\xd8\xff\xe0", "truncated or damaged"),
        (b"BM" + bytes(60), "truncated or damaged"),
    ],
)
def test_what_is_no_image_gets_one_sentence(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "cells.tif"
    path.write_bytes(content)

    with pytest.raises(UserError, match=message) as caught:
        read_image(path)

    text = str(caught.value)
    assert str(path) in text
    assert text.endswith(".")
    assert "\n" not in text


@pytest.mark.parametrize("fraction", [0.02, 0.3, 0.6, 0.9])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"metadata": {"axes": "TYX"}},
        {"imagej": True},
        {"ome": True},
        {"compression": "zlib"},
        {"compression": "lzw", "ome": True},
        {"compression": "zstd", "tile": (32, 32)},
    ],
)
def test_a_truncated_tiff_is_refused_and_logs_nothing(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    arguments: dict[str, object],
    fraction: float,
) -> None:
    """tifffile returns the first page of some of these, and only logs."""
    path = tmp_path / "cells.tif"
    tifffile.imwrite(path, noise(5, 64, 80), **arguments)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])

    with pytest.raises(UserError, match="truncated or damaged"):
        read_image(path)
    assert not caplog.records


@pytest.mark.parametrize("name", ["cells.png", "cells.jpg", "cells.bmp"])
def test_a_truncated_picture_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    Image.fromarray(noise(64, 80, dtype="uint8")).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])

    with pytest.raises(UserError, match="truncated or damaged"):
        read_image(path)


def test_an_impossible_size_in_the_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cells.tif"
    tifffile.imwrite(path, noise(20, 30))
    with tifffile.TiffFile(path, mode="r+") as tif:
        tags = tif.pages.first.tags
        tags["ImageLength"].overwrite(2**31)
        tags["ImageWidth"].overwrite(2**31)

    with pytest.raises(UserError, match=r"cells\.tif"):
        read_image(path)


def test_an_image_beyond_the_memory_gets_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tifffile.imwrite(tmp_path / "cells.tif", noise(20, 30))

    def exhaust(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", exhaust)
    with pytest.raises(UserError, match="does not fit into memory"):
        read_image(tmp_path / "cells.tif")


def test_a_picture_that_unpacks_to_a_bomb_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(noise(64, 80, dtype="uint8")).save(tmp_path / "cells.jpg")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)

    with pytest.raises(UserError, match="too large to read; save it as TIFF"):
        read_image(tmp_path / "cells.jpg")


@pytest.mark.parametrize(
    "xml", ["<OME><Image><Pixels</OME>", "<OME xmlns='x'><Image/></OME>"]
)
def test_damaged_ome_metadata_cost_no_pixels(tmp_path: Path, xml: str) -> None:
    tifffile.imwrite(
        tmp_path / "cells.tif", noise(20, 30), description=xml, metadata=None
    )

    image = read_image(tmp_path / "cells.tif")

    assert image.pixel_size is None
    np.testing.assert_array_equal(image.data, noise(20, 30))


def test_the_log_of_tifffile_is_left_as_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tifffile.imwrite(tmp_path / "cells.tif", noise(20, 30))
    read_image(tmp_path / "cells.tif")

    tifffile.logger().error("still heard")

    assert [record.message for record in caplog.records] == ["still heard"]


def test_a_frame_of_a_movie_in_many_files_is_one_frame(tmp_path: Path) -> None:
    """Each file's metadata names all files, as some microscopes write them."""
    frames = np.arange(3 * 20 * 30, dtype=np.uint16).reshape(3, 20, 30)
    names = [f"f{k}.ome.tif" for k in range(3)]
    ids = [f"urn:uuid:{uuid.uuid4()}" for _ in names]
    places = "".join(
        f'<TiffData FirstC="0" FirstT="{k}" FirstZ="0" IFD="0" PlaneCount="1">'
        f'<UUID FileName="{name}">{known}</UUID></TiffData>'
        for k, (name, known) in enumerate(zip(names, ids, strict=True))
    )
    for frame, name, known in zip(frames, names, ids, strict=True):
        told = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="{known}"><Image ID="Image:0"><Pixels ID="Pixels:0" '
            'DimensionOrder="XYCZT" Type="uint16" SizeX="30" SizeY="20" SizeC="1" '
            'SizeZ="1" SizeT="3"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>'
            f"{places}</Pixels></Image></OME>"
        )
        tifffile.imwrite(
            tmp_path / name,
            frame,
            description=told,
            metadata=None,
            photometric="minisblack",
        )

    for frame, name in zip(frames, names, strict=True):
        image = read_image(tmp_path / name)
        assert image.axes == "YX"
        np.testing.assert_array_equal(image.data, frame)


def test_further_images_of_a_file_are_counted(tmp_path: Path) -> None:
    well = np.zeros((20, 30), np.uint8)
    with tifffile.TiffWriter(tmp_path / "wells.ome.tif", ome=True) as file:
        for k in range(3):
            file.write(well + k, metadata={"axes": "YX"}, photometric="minisblack")
        file.write(well[:5, :5], metadata={"axes": "YX"}, photometric="minisblack")
    tifffile.imwrite(tmp_path / "one.tif", well)

    for read in (read_image, open_image):
        assert read(tmp_path / "wells.ome.tif").further == 2
        assert read(tmp_path / "one.tif").further == 0
