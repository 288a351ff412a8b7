"""The options of ``napari-metaseg models``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_models_options(parser: argparse.ArgumentParser) -> None:
    """Describe how bundles are shared."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--export",
        nargs=2,
        metavar=("NAME", "FILE.zip"),
        help="write an initialization, by its name or folder, as one file",
    )
    which.add_argument(
        "--import",
        dest="import_from",
        type=Path,
        metavar="FILE.zip",
        help="add an initialization, from such a file or from its folder, to yours",
    )
    parser.add_argument(
        "--bioimageio",
        action="store_true",
        help="with --export: a package for bioimage.io, of the network before it "
        "adapts",
    )
    parser.add_argument("--name", help="what to call it (default: as the file)")
    parser.add_argument("--overwrite", action="store_true")
