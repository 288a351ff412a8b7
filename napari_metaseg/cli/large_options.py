"""Options of ``segment-large``, described without torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .segment_options import add_crew_options, add_link_option

if TYPE_CHECKING:
    import argparse


def add_large_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``segment-large``."""
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("image", type=Path, metavar="IMAGE")
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="LABELS",
        help="name ending in .zarr (OME-Zarr) or .tif (tiled OME-TIFF)",
    )
    add_link_option(parser)
    add_crew_options(parser)
