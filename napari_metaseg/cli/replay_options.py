"""The options of ``napari-metaseg replay``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_replay_options(parser: argparse.ArgumentParser) -> None:
    """Describe what is replayed."""
    add = parser.add_argument
    add("session", type=Path, metavar="SESSION", help="file ending in .metaseg")
    add(
        "--image",
        type=Path,
        nargs="+",
        default=[],
        metavar="IMAGE",
        help="where its images are now, in their order (default: where they were, or "
        "beside the session)",
    )
    add("--output", type=Path, metavar="LABELS.tif", help="labels of the first image")
