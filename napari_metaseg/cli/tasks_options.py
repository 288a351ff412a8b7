"""The options of ``napari-metaseg tasks``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_tasks_options(parser: argparse.ArgumentParser) -> None:
    """Describe what is looked at, and where it is written."""
    add = parser.add_argument
    add(
        "sources",
        type=Path,
        nargs="+",
        metavar="SOURCE",
        help="folder of images with masks, or of several such folders: task folders, "
        "Cellpose, StarDist, DSB 2018, COCO (LIVECell), Cell Tracking Challenge, "
        "label images, ImageJ ROIs, QuPath GeoJSON",
    )
    add("--json", action="store_true", help="print JSON instead of a table")
    add(
        "--import-to",
        type=Path,
        metavar="LIBRARY",
        help="write the tasks into this folder, as meta-train reads them; what is "
        "there already from the same files stays",
    )
    add("--tasks", nargs="+", metavar="TASK", help="default: all that are found")
    add("--licence", metavar="TEXT", help="licence of the images and masks")
    add("--source-name", metavar="TEXT", help="where the data come from")
    add("--overwrite", action="store_true", help="replace tasks of the same names")
