"""Annotations: 0 unknown, k > 0 one whole cell, -1 background."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.annotation import read_annotation

if TYPE_CHECKING:
    from pathlib import Path

CELLS = np.zeros((20, 30), np.int32)
CELLS[2:8, 3:9] = 1
CELLS[10:15, 12:20] = 7


@pytest.mark.parametrize(
    "dtype", ["uint8", "uint16", "uint32", "uint64", "int16", "int64", "float32"]
)
def test_every_integral_type_is_accepted(tmp_path: Path, dtype: str) -> None:
    tifffile.imwrite(tmp_path / "ann.tif", CELLS.astype(dtype))

    annotation = read_annotation(tmp_path / "ann.tif")

    assert annotation.dtype == np.int32
    np.testing.assert_array_equal(annotation, CELLS)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "float64"])
def test_signed_types_hold_background(tmp_path: Path, dtype: str) -> None:
    expected = CELLS.copy()
    expected[0] = -1
    tifffile.imwrite(tmp_path / "ann.tif", expected.astype(dtype))

    np.testing.assert_array_equal(read_annotation(tmp_path / "ann.tif"), expected)


def test_a_mask_of_one_cell_is_cell_one(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "ann.tif", CELLS == 7)

    np.testing.assert_array_equal(read_annotation(tmp_path / "ann.tif"), CELLS == 7)


def test_a_stack_is_accepted(tmp_path: Path) -> None:
    stack = np.stack([CELLS, np.roll(CELLS, 3, axis=1)]).astype(np.uint16)
    tifffile.imwrite(tmp_path / "ann.tif", stack)

    np.testing.assert_array_equal(read_annotation(tmp_path / "ann.tif"), stack)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_grey_png_is_accepted(tmp_path: Path, dtype: str) -> None:
    Image.fromarray(CELLS.astype(dtype)).save(tmp_path / "ann.png")

    np.testing.assert_array_equal(read_annotation(tmp_path / "ann.png"), CELLS)


def test_a_palette_gives_its_indices_not_its_colours(tmp_path: Path) -> None:
    picture = Image.fromarray(CELLS.astype(np.uint8), mode="L").convert("P")
    picture.putpalette([value % 256 for value in range(40, 40 + 768)])
    picture.save(tmp_path / "ann.png")

    np.testing.assert_array_equal(read_annotation(tmp_path / "ann.png"), CELLS)


def test_background_comes_from_a_second_file(tmp_path: Path) -> None:
    background = np.zeros(CELLS.shape, np.uint8)
    background[18:, :] = 255
    tifffile.imwrite(tmp_path / "ann.tif", CELLS.astype(np.uint16))
    tifffile.imwrite(tmp_path / "bg.tif", background)

    annotation = read_annotation(tmp_path / "ann.tif", tmp_path / "bg.tif")

    assert (annotation[18:] == -1).all()
    np.testing.assert_array_equal(annotation[:18], CELLS[:18])


def test_background_on_a_cell_is_refused(tmp_path: Path) -> None:
    background = np.zeros(CELLS.shape, np.uint8)
    background[7:12] = 1
    tifffile.imwrite(tmp_path / "ann.tif", CELLS.astype(np.uint16))
    tifffile.imwrite(tmp_path / "bg.tif", background)

    with pytest.raises(UserError, match=r"22 pixels are a cell in .*ann\.tif"):
        read_annotation(tmp_path / "ann.tif", tmp_path / "bg.tif")


def test_background_of_another_shape_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "ann.tif", CELLS.astype(np.uint16))
    tifffile.imwrite(tmp_path / "bg.tif", np.zeros((20, 31), np.uint8))

    with pytest.raises(UserError, match=r"\(20, 31\).*\(20, 30\)"):
        read_annotation(tmp_path / "ann.tif", tmp_path / "bg.tif")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (CELLS.astype(np.int16) - 2, "value -2"),
        (CELLS.astype(np.uint32) + 2**31, "above 2147483647"),
        (CELLS.astype(np.uint64) + 2**63, "above 2147483647"),
        (CELLS + 0.5, "not whole numbers"),
        (np.where(CELLS == 1, np.nan, CELLS), "not whole numbers"),
        (np.where(CELLS == 1, np.inf, CELLS), "value inf"),
        (CELLS.astype(np.complex64), "not whole numbers"),
    ],
)
def test_other_values_are_refused(
    tmp_path: Path, values: np.ndarray, message: str
) -> None:
    tifffile.imwrite(tmp_path / "ann.tif", values)

    with pytest.raises(UserError, match=message):
        read_annotation(tmp_path / "ann.tif")


def test_colours_are_refused(tmp_path: Path) -> None:
    colours = np.dstack([CELLS.astype(np.uint8)] * 3)
    tifffile.imwrite(tmp_path / "ann.tif", colours, photometric="rgb")
    Image.fromarray(colours).save(tmp_path / "ann.png")

    for name in ("ann.tif", "ann.png"):
        with pytest.raises(UserError, match="colour"):
            read_annotation(tmp_path / name)


def test_jpeg_is_refused(tmp_path: Path) -> None:
    Image.fromarray(CELLS.astype(np.uint8)).save(tmp_path / "ann.jpg")

    with pytest.raises(UserError, match="JPEG, which alters labels"):
        read_annotation(tmp_path / "ann.jpg")


def test_a_truncated_png_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 40), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "ann.png")
    content = (tmp_path / "ann.png").read_bytes()
    (tmp_path / "ann.png").write_bytes(content[:300])

    with pytest.raises(UserError, match="truncated or damaged"):
        read_annotation(tmp_path / "ann.png")
