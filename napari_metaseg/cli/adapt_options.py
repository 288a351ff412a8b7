"""The options of ``napari-metaseg adapt``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_metaseg.core.settings import (
    DEFAULT_INIT,
    DEFAULT_MIRRORS,
    DEFAULT_SCALES,
    MIRRORS,
    SCALES,
)

if TYPE_CHECKING:
    import argparse


def add_adapt_options(parser: argparse.ArgumentParser) -> None:
    """Describe the options of ``napari-metaseg adapt``."""
    parser.add_argument("image", type=Path, metavar="IMAGE")
    parser.add_argument(
        "--annotation",
        type=Path,
        required=True,
        metavar="ANN.tif",
        help="labels: 0 unknown, 1, 2, ... whole cells, -1 background",
    )
    parser.add_argument(
        "--background",
        type=Path,
        metavar="BG.tif",
        help="mask of background strokes, for files that cannot hold -1",
    )
    parser.add_argument(
        "--support",
        type=Path,
        nargs=2,
        action="append",
        default=[],
        metavar=("IMAGE", "ANN"),
        help="a further painted image; may be repeated",
    )
    parser.add_argument(
        "--init",
        default=DEFAULT_INIT,
        metavar="NAME",
        help="initialization to adapt from: a name that 'models' lists, or a folder "
        "(default: %(default)s)",
    )
    parser.add_argument("--diameter", type=float, metavar="PX", help="object size")
    parser.add_argument(
        "--region",
        action="store_true",
        help="all that is found is one object, such as a lesion, instead of cells; "
        "the saved model does the same",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="fixes what is random (default: %(default)s)",
    )
    parser.add_argument(
        "--mirrors",
        type=int,
        default=DEFAULT_MIRRORS,
        choices=MIRRORS,
        help="mirror images to average over; 1 is fastest (default: %(default)s)",
    )
    parser.add_argument(
        "--scales",
        type=int,
        default=DEFAULT_SCALES,
        choices=SCALES,
        help="scales at which cells are learned; of 3 those cells are taken on which "
        "most agree, and it takes three times as long (default: %(default)s)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="LABELS.tif",
        help="where the cells of IMAGE are written",
    )
    parser.add_argument(
        "--also",
        type=Path,
        nargs="+",
        default=[],
        metavar="IMAGE",
        help="segment these images too",
    )
    parser.add_argument("--output-dir", type=Path, metavar="DIR", help="for --also")
    parser.add_argument(
        "--start",
        type=Path,
        metavar="MODEL",
        help="begin with an earlier model from the same initialization",
    )
    parser.add_argument(
        "--save-model",
        type=Path,
        metavar="DIR",
        help="folder for the adapted model, see 'segment'",
    )
    parser.add_argument(
        "--save-session",
        type=Path,
        metavar="FILE.metaseg",
        help="all that leads to the result but the image, see 'replay'",
    )
