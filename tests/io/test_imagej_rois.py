"""ROIs as ImageJ stores them, read back by other libraries and by hand."""

from __future__ import annotations

import struct
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
import roifile
from read_roi import read_roi_zip
from skimage.draw import polygon2mask

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.imagej_rois import read_rois, write_rois

if TYPE_CHECKING:
    from pathlib import Path

LABELS = np.zeros((20, 30), np.int32)
LABELS[2:6, 3:9] = 1
LABELS[10:16, 12:20] = 7
LABELS[12:14, 14:16] = 0
LABELS[12, 14] = 9


def test_a_plain_cell_is_a_traced_polygon_byte_by_byte(tmp_path: Path) -> None:
    path = write_rois(tmp_path / "a.zip", LABELS * (LABELS == 1))

    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["cell 1.roi"]
        data = archive.read("cell 1.roi")
    magic, _, traced, top, left, bottom, right, n = struct.unpack(
        ">4shBxhhhhh", data[:18]
    )
    assert magic == b"Iout"
    assert traced == 8
    assert (top, left, bottom, right) == (2, 3, 6, 9)
    assert n == 4
    xs, ys = (
        struct.unpack(">8h", data[64:80])[:4],
        struct.unpack(">8h", data[64:80])[4:],
    )
    assert set(zip(xs, ys, strict=True)) == {(0, 0), (6, 0), (6, 4), (0, 4)}


def test_read_roi_finds_the_same_cells(tmp_path: Path) -> None:
    path = write_rois(tmp_path / "a.zip", LABELS)

    found = read_roi_zip(str(path))

    assert list(found) == ["cell 1", "cell 7", "cell 9"]
    drawn = np.zeros_like(LABELS)
    for name, roi in found.items():
        rings = (
            roi["paths"]
            if roi["type"] == "composite"
            else [list(zip(roi["x"], roi["y"], strict=True))]
        )
        inside = np.zeros(LABELS.shape, bool)
        for ring in rings:
            inside ^= polygon2mask(LABELS.shape, np.array(ring)[:, ::-1] - 0.5)
        drawn[inside] = int(name.split()[1])
    np.testing.assert_array_equal(drawn, LABELS)


def test_roifile_finds_holes_as_rings(tmp_path: Path) -> None:
    path = write_rois(tmp_path / "a.zip", LABELS)

    rois = {roi.name: roi for roi in roifile.roiread(path)}

    ring = rois["cell 7"]
    assert ring.composite
    assert (ring.top, ring.left, ring.bottom, ring.right) == (10, 12, 16, 20)
    assert len(ring.coordinates(multi=True)) == 2
    assert not rois["cell 1"].composite


def test_positions_are_those_of_imagej(tmp_path: Path) -> None:
    """Slices in a stack, slice and frame in a hyperstack, counted from 1."""
    movie = np.zeros((3, 20, 30), np.int32)
    movie[2] = LABELS == 1
    hyper = np.zeros((2, 3, 20, 30), np.int32)
    hyper[1, 2] = LABELS == 1

    (frame,) = roifile.roiread(write_rois(tmp_path / "t.zip", movie, axes="TYX"))
    (both,) = roifile.roiread(write_rois(tmp_path / "tz.zip", hyper, axes="TZYX"))

    assert (frame.name, frame.position) == ("cell 1 t2", 3)
    assert (frame.z_position, frame.t_position) == (0, 0)
    assert (both.name, both.position) == ("cell 1 t1 z2", 0)
    assert (both.z_position, both.t_position) == (3, 2)


def test_what_imagej_wrote_is_read(tmp_path: Path) -> None:
    """Hand-drawn, sub-pixel and rectangular ROIs; ImageJ's names; Z before T."""
    square = np.array([[2, 2], [6, 2], [6, 5], [2, 5]])
    drawn = roifile.ImagejRoi.frompoints(square, name="0003-0004")
    exact = roifile.ImagejRoi.frompoints(square + 0.4, name="cell 5-1")
    box = roifile.ImagejRoi(
        roitype=roifile.ROI_TYPE.RECT, top=9, left=1, bottom=11, right=4, name="box"
    )
    drawn.position, exact.position = 1, 4
    box.t_position, box.z_position = 2, 2
    roifile.roiwrite(tmp_path / "a.zip", [drawn, exact, box])

    labels = read_rois(tmp_path / "a.zip", (2, 3, 12, 9), axes="TZYX")

    expected = np.zeros((2, 3, 12, 9), np.int32)
    expected[0, 0, 2:5, 2:6] = 6
    expected[1, 0, 2:5, 2:6] = 5
    expected[1, 1, 9:11, 1:4] = 7
    np.testing.assert_array_equal(labels, expected)


def test_one_roi_without_an_archive_is_read(tmp_path: Path) -> None:
    path = tmp_path / "one.roi"
    roifile.ImagejRoi.frompoints(np.array([[0, 0], [2, 0], [2, 2], [0, 2]])).tofile(
        path
    )

    assert read_rois(path, (4, 4)).sum() == 4


@pytest.mark.parametrize("kind", ["LINE", "OVAL", "POINT", "POLYLINE"])
def test_what_is_no_polygon_is_named(tmp_path: Path, kind: str) -> None:
    roi = roifile.ImagejRoi.frompoints(np.array([[1, 1], [4, 4]]), name="scale")
    roi.roitype = roifile.ROI_TYPE[kind]
    roifile.roiwrite(tmp_path / "a.zip", [roi])

    with pytest.raises(UserError, match=r"'scale' .* is no polygon"):
        read_rois(tmp_path / "a.zip", (9, 9))


def test_curves_are_named(tmp_path: Path) -> None:
    roi = roifile.ImagejRoi(roitype=roifile.ROI_TYPE.RECT, name="curl")
    roi.multi_coordinates = np.array([0, 1, 1, 2, 3, 3, 5, 1, 4], np.float32)
    roi.shape_roi_size = 9
    roifile.roiwrite(tmp_path / "a.zip", [roi])

    with pytest.raises(UserError, match=r"'curl' .* curves"):
        read_rois(tmp_path / "a.zip", (9, 9))


def test_a_damaged_number_in_a_shape_is_told(tmp_path: Path) -> None:
    roi = roifile.ImagejRoi(roitype=roifile.ROI_TYPE.RECT, name="bent")
    path = np.array([np.inf, 1, 1, 1, 3, 1, 1, 3, 3, 4], np.float32)
    roi.multi_coordinates, roi.shape_roi_size = path, len(path)
    roifile.roiwrite(tmp_path / "a.zip", [roi])

    with pytest.raises(UserError, match=r"'bent' .* damaged"):
        read_rois(tmp_path / "a.zip", (9, 9))
