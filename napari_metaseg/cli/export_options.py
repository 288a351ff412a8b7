"""The options of ``napari-metaseg export``, and those that ask for it on the way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_export_options(parser: argparse.ArgumentParser) -> None:
    """Describe what is read and what is written."""
    add = parser.add_argument
    add(
        "labels",
        type=Path,
        metavar="LABELS",
        help="label image, OME-Zarr of labels, ImageJ ROIs (.zip), QuPath's .geojson "
        "or COCO (.json)",
    )
    add(
        "--output",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE",
        help="one or more files; the suffix says the format: .tif (label image), "
        ".zarr (OME-Zarr of labels), .zip (ImageJ ROIs), .geojson (QuPath), .json "
        "(COCO), .csv (measurements), .png and .pdf (figure with outlines and scale "
        "bar)",
    )
    add(
        "--image",
        type=Path,
        metavar="IMAGE",
        help="the image: its intensities are measured, and outlines get its size",
    )
    add(
        "--pixel-size",
        type=float,
        nargs=2,
        metavar=("Y", "X"),
        help="in µm (default: that of the labels or the image)",
    )
    add(
        "--plane",
        type=int,
        nargs="+",
        metavar="INDEX",
        help="plane of a stack that a figure shows, from 0, one number an axis",
    )
    add("--line-width", type=int, metavar="PX", help="of the outlines of a figure")


def add_also_write(parser: argparse.ArgumentParser) -> None:
    """Describe what is written beside each label image."""
    parser.add_argument(
        "--also-write",
        nargs="+",
        default=[],
        choices=("zarr", "rois", "geojson", "coco", "csv"),
        metavar="FORMAT",
        help="beside each label image: zarr (OME-Zarr), rois (ImageJ), geojson "
        "(QuPath), coco, csv (measurements)",
    )
