"""Files of microscopes, through bioio and the readers that it finds."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pylibCZIrw.czi import create_czi

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.open_images import open_image, read_any_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VALUES = np.random.default_rng(0).integers(0, 60_000, (2, 2, 3, 20, 30), np.uint16)


def write_czi(path: Path) -> None:
    """Write `VALUES` (TCZYX) with the library of the microscopes' maker."""
    with create_czi(str(path)) as file:
        for t, c, z in np.ndindex(VALUES.shape[:3]):
            file.write(VALUES[t, c, z, ..., None], plane={"T": t, "C": c, "Z": z})
        file.write_metadata("cells", scale_x=0.25e-6, scale_y=0.5e-6, scale_z=2e-6)


def write_lif(path: Path) -> None:
    """Write `VALUES` as the format is described: XML, then a block of pixels."""
    t, c, z, y, x = VALUES.shape
    steps = {1: (x, 0.25e-6), 2: (y, 0.5e-6), 3: (z, 2e-6), 4: (t, 1.0)}
    size, axes = 2, ""
    for number, (count, step) in steps.items():
        axes += (
            f'<DimensionDescription DimID="{number}" NumberOfElements="{count}" '
            f'Origin="0" Length="{step * (count - 1)}" '
            f'Unit="{"s" if number == 4 else "m"}" BitInc="0" BytesInc="{size}"/>'
        )
        # Channels lie one after the other in each plane.
        size *= count * (c if number == 2 else 1)
    channels = "".join(
        f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="16" '
        f'NameOfMeasuredQuantity="" Min="0" Max="65535" Unit="" LUTName="Gray" '
        f'IsLUTInverted="0" BytesInc="{k * y * x * 2}" BitInc="0"/>'
        for k in range(c)
    )
    xml = (
        '<LMSDataContainerHeader Version="2"><Element Name="day" Visibility="1" '
        'CopyOption="1" UniqueID="1"><Data/><Memory Size="0" MemoryBlockID="none"/>'
        '<Children><Element Name="cells" Visibility="1" CopyOption="1" UniqueID="2">'
        f"<Data><Image><ImageDescription><Channels>{channels}</Channels><Dimensions>"
        f"{axes}</Dimensions></ImageDescription></Image></Data>"
        f'<Memory Size="{VALUES.nbytes}" MemoryBlockID="pixels"/><Children/>'
        "</Element></Children></Element></LMSDataContainerHeader>"
    )
    pixels = np.ascontiguousarray(VALUES.swapaxes(1, 2))
    with path.open("wb") as file:
        file.write(struct.pack("<IIBI", 0x70, 5 + 2 * len(xml), 0x2A, len(xml)))
        file.write(xml.encode("utf-16-le"))
        for name, data in (("none", b""), ("pixels", pixels.tobytes())):
            head = struct.pack("<BQBI", 0x2A, len(data), 0x2A, len(name))
            file.write(struct.pack("<II", 0x70, len(head) + 2 * len(name)))
            file.write(head + name.encode("utf-16-le") + data)


def write_nd2(path: Path) -> None:
    """Write `VALUES` in chunks and a map of them, as version 2 of the format has it.

    The one free writer, limnd2 by the makers of the format, is no published package.
    """
    t, c, z, y, x = VALUES.shape
    attributes = {"uiWidth": x, "uiWidthBytes": 2 * c * x, "uiHeight": y, "uiComp": c}
    attributes |= {"uiBpcInMemory": 16, "uiBpcSignificant": 16}
    attributes |= {"uiSequenceCount": t * z, "eCompression": 2}
    dye = {"uiCompCount": 1, "pFluorescentProbe": {"sName": "dye"}}
    planes = {"uiCount": c, "sPlaneNew": {f"sPlane{k}": dye for k in range(c)}}
    stack = {"eType": 4, "uLoopPars": {"uiCount": z, "dZStep": 2.0}}
    times = {"uiCount": t, "dStart": 0.0, "dPeriod": 1.0, "dDuration": 2.0}
    movie = {"eType": 1, "uLoopPars": times, "ppNextLevelEx": {"stack": stack}}
    scale = {"bCalibrated": True, "dCalibration": 0.25, "sPicturePlanes": planes}
    chunks = {
        "ImageAttributes": _variant("variant", {"no_name": attributes}).encode(),
        "ImageMetadataSeq|0": _variant("variant", {"no_name": scale}).encode(),
        "ImageMetadata": _variant("variant", {"no_name": movie}).encode(),
        "CustomData|AcqTimesCache": np.arange(t * z, dtype=float).tobytes(),
    }
    # Channels lie beside each other in each pixel, behind the time of their plane.
    pixels = VALUES.transpose(0, 2, 3, 4, 1).reshape(t * z, -1)
    for k, plane in enumerate(pixels):
        chunks[f"ImageDataSeq|{k}"] = struct.pack("<d", k) + plane.tobytes()

    places = b""
    with path.open("wb") as file:
        file.write(_chunk(b"ND2 FILE SIGNATURE CHUNK NAME01!", b"Ver2.0".ljust(64)))
        for name, data in chunks.items():
            key = f"{name}!".encode()
            places += key + struct.pack("<QQ", file.tell(), len(data))
            file.write(_chunk(key.ljust(4072, b"\0"), data))
        end = b"ND2 CHUNK MAP SIGNATURE 0000001!" + struct.pack("<Q", file.tell())
        file.write(_chunk(b"ND2 FILEMAP SIGNATURE NAME 0001!", places + end))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack("<IIQ", 0x0ABECEDA, len(name), len(data)) + name + data


def _variant(name: str, value: object) -> str:
    """Return a value as the XML of an ND2 file."""
    if isinstance(value, dict):
        parts = "".join(_variant(key, part) for key, part in value.items())
        return f'<{name} runtype="CLxListVariant">{parts}</{name}>'
    kinds = {bool: "bool", int: "lx_uint32", float: "double", str: "CLxStringW"}
    return f'<{name} runtype="{kinds[type(value)]}" value="{str(value).lower()}"/>'


@pytest.mark.parametrize(
    ("suffix", "write", "size"),
    [
        ("czi", write_czi, (0.5, 0.25)),
        ("lif", write_lif, (0.5, 0.25)),
        # ND2 states one size for both directions.
        ("nd2", write_nd2, (0.25, 0.25)),
    ],
)
def test_a_file_of_a_microscope_is_read(
    tmp_path: Path,
    suffix: str,
    write: Callable[[Path], None],
    size: tuple[float, float],
) -> None:
    path = tmp_path / f"cells.{suffix}"
    write(path)

    opened, whole = open_image(path), read_any_image(path)

    assert opened.axes == whole.axes == "TCZYX"
    assert opened.pixel_size == whole.pixel_size == pytest.approx(size)
    assert opened.z_step == whole.z_step == pytest.approx(2.0)
    assert opened.data.dtype == whole.data.dtype == np.uint16
    np.testing.assert_array_equal(whole.data, VALUES)
    part = opened.data[1, 0, 2, 3:9, 4:7]
    np.testing.assert_array_equal(part, VALUES[1, 0, 2, 3:9, 4:7])


@pytest.mark.parametrize("suffix", ["czi", "lif", "nd2"])
def test_a_damaged_file_is_told_in_a_sentence(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cells.{suffix}"
    path.write_bytes(b"no image" * 100)

    with pytest.raises(UserError, match="truncated or damaged"):
        open_image(path)
