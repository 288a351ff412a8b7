"""The command ``napari-metaseg``: what the panel does, for scripts and clusters."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, NamedTuple

from napari_metaseg import __version__
from napari_metaseg.core.errors import UserError

from .adapt_options import add_adapt_options
from .benchmark_options import add_benchmark_options
from .export_options import add_also_write, add_export_options
from .large_options import add_large_options
from .meta_train_classes import add_options as add_meta_train_classes_options
from .meta_train_options import add_meta_train_options
from .models_options import add_models_options
from .protocol_options import add_protocol_options
from .replay_options import add_replay_options
from .segment_options import add_segment_options
from .status import BAD_INPUT, STOPPED
from .tasks_options import add_tasks_options

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Names of files from old systems may hold what no terminal can show.
            stream.reconfigure(errors="backslashreplace")
    try:
        # Imported late: --help and bad options need no torch.
        module, _, name = options.run.partition(".")
        run = getattr(import_module(f"{__name__}.{module}"), name)
        status: int = run(options)
        sys.stdout.flush()
    except UserError as error:
        print(f"napari-metaseg: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("napari-metaseg: stopped; what was written stays.", file=sys.stderr)
        return STOPPED
    except BrokenPipeError:
        # Nobody reads on, as behind 'head'; Python would fail again as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return STOPPED
    return status


AddOptions = Callable[[argparse.ArgumentParser], None]


class Command(NamedTuple):
    """A command, described without what runs it.

    Attributes
    ----------
    name : str
        As it is typed.
    run : str
        Module of this package and function in it that run the command.
    text : str
        What it does, in a sentence.
    options : tuple of callable
        Each adds some of its options.
    """

    name: str
    run: str
    text: str
    options: tuple[AddOptions, ...]


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


def _add_overwrite(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--overwrite", action="store_true")


COMMANDS = (
    Command(
        "adapt",
        "adapt.run",
        "Learn from painted cells and find all of them.",
        (add_adapt_options, _add_device, _add_looks, add_also_write, _add_overwrite),
    ),
    Command(
        "segment",
        "segment.run",
        "Segment images and folders of images with a saved model.",
        (add_segment_options, _add_looks, add_also_write, _add_overwrite),
    ),
    Command(
        "segment-large",
        "large.run",
        "Segment an image of any size or a long movie block by block; what was stopped "
        "goes on where it was.",
        (add_large_options, _add_looks, _add_overwrite),
    ),
    Command(
        "export",
        "export.run",
        "Write segmented cells for ImageJ, QuPath, COCO, or measure them.",
        (add_export_options, _add_looks, _add_overwrite),
    ),
    Command(
        "replay",
        "replay.run",
        "Do again what a saved session says.",
        (
            add_replay_options,
            partial(_add_device, default=None, text="that of the session"),
            _add_overwrite,
        ),
    ),
    Command(
        "models",
        "models.run",
        "List, export and import initializations.",
        (add_models_options,),
    ),
    Command(
        "tasks",
        "tasks.run",
        "Show the tasks in folders of images with masks, or import them.",
        (add_tasks_options,),
    ),
    Command(
        "meta-train",
        "meta_train.run",
        "Train an initialization on a folder of tasks.",
        (add_meta_train_options, _add_device),
    ),
    Command(
        "meta-train-classes",
        "meta_train_classes.run",
        "Train the start for classes of cells on a folder of tasks.",
        (add_meta_train_classes_options,),
    ),
    Command(
        "benchmark",
        "benchmark.run",
        "Compare methods on tasks with known masks.",
        (add_benchmark_options, _add_device),
    ),
    Command(
        "protocol",
        # Each protocol names what runs it.
        "",
        "Repeat the experiments of the papers behind this project.",
        (add_protocol_options,),
    ),
)


def make_parser() -> argparse.ArgumentParser:
    """Describe all commands."""
    parser = argparse.ArgumentParser(
        prog="napari-metaseg",
        description="Learn a new kind of cell from one to three painted examples.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        described = commands.add_parser(
            command.name, help=command.text, description=command.text
        )
        described.set_defaults(run=command.run)
        for add in command.options:
            add(described)
    return parser
