"""The command ``napari-metaseg``: what the panel does, for scripts and clusters."""

from __future__ import annotations

import argparse
import shlex
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from napari_metaseg import __version__
from napari_metaseg.core.errors import UserError

from .adapt_options import add_adapt_options
from .benchmark_options import add_benchmark_options
from .export_options import add_also_write, add_export_options
from .meta_train_classes import add_options as add_meta_train_classes_options
from .meta_train_options import add_meta_train_options
from .models_options import add_models_options
from .protocol_options import add_protocol_options
from .replay_options import add_replay_options
from .segment_options import (
    add_crew_options,
    add_link_option,
    add_segment_options,
)
from .tasks_options import add_tasks_options

if TYPE_CHECKING:
    from collections.abc import Sequence

SOME_FAILED = 1
BAD_INPUT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        Exit status: 0 success, 1 some of several files failed, 2 bad input (one
        sentence on stderr).
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = make_parser().parse_args(given)
    options.arguments = given
    options.command_line = shlex.join(["napari-metaseg", *given])
    try:
        # Imported late: --help and bad options need no torch.
        module, _, name = options.run.partition(".")
        run = getattr(import_module(f"{__name__}.{module}"), name)
        status: int = run(options)
    except UserError as error:
        print(f"napari-metaseg: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("napari-metaseg: stopped; what was written stays.", file=sys.stderr)
        return 130
    return status


def make_parser() -> argparse.ArgumentParser:
    """Describe all commands."""
    parser = argparse.ArgumentParser(
        prog="napari-metaseg",
        description="Learn a new kind of cell from one to three painted examples.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_adapt(commands)
    _add_segment(commands)
    _add_segment_large(commands)
    _add_export(commands)
    _add_replay(commands)
    _add_models(commands)
    _add_tasks(commands)
    _add_meta_train(commands)
    _add_meta_train_classes(commands)
    _add_benchmark(commands)
    _add_protocol(commands)
    return parser


if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def _add(commands: Commands, name: str, run: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text
    )
    parser.set_defaults(run=run)
    return parser


def _add_device(
    parser: argparse.ArgumentParser, default: str | None = "auto", text: str = "auto"
) -> None:
    parser.add_argument(
        "--device",
        default=default,
        choices=("auto", "cpu", "cuda", "mps"),
        help=f"where to compute (default: {text})",
    )


def _add_looks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--axes", help="one letter an axis of T, Z, C, Y, X")
    parser.add_argument("--channel", type=int, help="channel to use (default: all)")


def _add_adapt(commands: Commands) -> None:
    parser = _add(
        commands,
        "adapt",
        "commands.adapt",
        "Learn from painted cells and find all of them.",
    )
    add_adapt_options(parser)
    _add_device(parser)
    _add_looks(parser)
    add_also_write(parser)
    parser.add_argument("--overwrite", action="store_true")


def _add_segment(commands: Commands) -> None:
    parser = _add(
        commands,
        "segment",
        "segment.run",
        "Segment images and folders of images with a saved model.",
    )
    add_segment_options(parser)
    _add_looks(parser)
    add_also_write(parser)
    parser.add_argument("--overwrite", action="store_true")


def _add_segment_large(commands: Commands) -> None:
    parser = _add(
        commands,
        "segment-large",
        "large.run",
        "Segment an image of any size or a long movie block by block; what was stopped "
        "goes on where it was.",
    )
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
    _add_looks(parser)
    parser.add_argument("--overwrite", action="store_true")


def _add_export(commands: Commands) -> None:
    parser = _add(
        commands,
        "export",
        "export.run",
        "Write segmented cells for ImageJ, QuPath, COCO, or measure them.",
    )
    add_export_options(parser)
    _add_looks(parser)
    parser.add_argument("--overwrite", action="store_true")


def _add_replay(commands: Commands) -> None:
    parser = _add(
        commands, "replay", "replay.run", "Do again what a saved session says."
    )
    add_replay_options(parser)
    _add_device(parser, default=None, text="that of the session")
    parser.add_argument("--overwrite", action="store_true")


def _add_models(commands: Commands) -> None:
    parser = _add(
        commands, "models", "models.run", "List, export and import initializations."
    )
    add_models_options(parser)


def _add_tasks(commands: Commands) -> None:
    parser = _add(
        commands,
        "tasks",
        "tasks.run",
        "Show the tasks in folders of images with masks, or import them.",
    )
    add_tasks_options(parser)


def _add_meta_train(commands: Commands) -> None:
    parser = _add(
        commands,
        "meta-train",
        "meta_train.run",
        "Train an initialization on a folder of tasks.",
    )
    add_meta_train_options(parser)
    _add_device(parser)


def _add_meta_train_classes(commands: Commands) -> None:
    parser = _add(
        commands,
        "meta-train-classes",
        "meta_train_classes.run",
        "Train the start for classes of cells on a folder of tasks.",
    )
    add_meta_train_classes_options(parser)


def _add_benchmark(commands: Commands) -> None:
    parser = _add(
        commands,
        "benchmark",
        "benchmark.run",
        "Compare methods on tasks with known masks.",
    )
    add_benchmark_options(parser)
    _add_device(parser)


def _add_protocol(commands: Commands) -> None:
    text = "Repeat the experiments of the papers behind this project."
    parser = commands.add_parser("protocol", help=text, description=text)
    add_protocol_options(parser)
