"""The options of ``napari-metaseg segment``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_segment_options(parser: argparse.ArgumentParser) -> None:
    """Describe what is segmented, and who does it."""
    add = parser.add_argument
    add("model", type=Path, metavar="MODEL", help="folder of a saved model")
    add(
        "images",
        type=Path,
        nargs="+",
        metavar="IMAGE",
        help="image files, and folders that are searched with all sub-folders",
    )
    add(
        "--output-dir",
        type=Path,
        required=True,
        metavar="DIR",
        help="results mirror the folders and names of the images; what is finished "
        "there with the same model and settings is not done again",
    )
    add(
        "--pattern",
        nargs="+",
        metavar="PATTERN",
        help="files of folders to take, as '*.tif' or 'DAPI/*' (default: all images)",
    )
    add(
        "--fields",
        metavar="PATTERN",
        help="conditions in the names of files, as '{plate}_{well}_{field}', for the "
        "table (default: split at '_')",
    )
    add(
        "--normalise",
        default="each",
        choices=("each", "all"),
        help="intensities: of each image by itself, or of all images together, which "
        "keeps their differences (default: each)",
    )
    add_link_option(parser)
    add_crew_options(parser)


def add_link_option(parser: argparse.ArgumentParser) -> None:
    """Describe which cells share a number."""
    parser.add_argument(
        "--link",
        default="none",
        choices=("none", "z", "t", "zt"),
        help="axes along which cells keep their number, matched by overlap (default: "
        "none)",
    )


def add_crew_options(parser: argparse.ArgumentParser) -> None:
    """Describe who does the work."""
    add = parser.add_argument
    add(
        "--jobs",
        type=int,
        default=1,
        metavar="N",
        help="processes that share the work (default: 1)",
    )
    add(
        "--scheduler",
        metavar="ADDRESS",
        help="of a dask cluster whose workers share the work, as tcp://host:8786; they "
        "must see model, images and results under the same paths (docs/clusters.md)",
    )
