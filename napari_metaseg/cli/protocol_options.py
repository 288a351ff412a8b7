"""The options of ``napari-metaseg protocol``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

LIVECELL = "MAML on cell lines (Sikand 2022): LIVECell, or any folder of tasks."
LESIONS = "iMAML on polyps and skin lesions (Khadka et al. 2022)."
CLASSES = "Reptile on classes of cells (Hu, Tomczak and Welling 2018)."


def add_protocol_options(parser: argparse.ArgumentParser) -> None:
    """Describe the protocols, each of which is a command of its own."""
    names = parser.add_subparsers(required=True, metavar="NAME")
    for name, text, add in (
        ("livecell", LIVECELL, _add_livecell),
        ("lesions", LESIONS, _add_lesions),
        ("classes", CLASSES, _add_classes),
    ):
        one = names.add_parser(name, help=text, description=text)
        one.set_defaults(run=f"protocol.{name}")
        one.add_argument(
            "--output",
            type=Path,
            required=True,
            metavar="DIR",
            help="folder for the table and the rows; what it holds is not done again",
        )
        one.add_argument("--shots", type=int, nargs="+", metavar="K")
        one.add_argument("--draws", type=int, help="choices of support images or cells")
        one.add_argument("--seed", type=int)
        add(one)


def _add_networks(parser: argparse.ArgumentParser) -> None:
    """Describe what those have in common that segment."""
    add = parser.add_argument
    add("data", type=Path, nargs="+", metavar="DATA")
    add("--iterations", type=int, metavar="N", help="meta-steps")
    add("--minutes", type=float, metavar="M", help="of each training, at most")
    add("--size", type=int, metavar="PX", help="side of the images")
    add("--width", type=float, help="factor on the network's channels")
    add("--outer-rate", type=float, metavar="RATE")
    add("--inner-steps", type=int, metavar="N")
    add("--scored", type=int, metavar="N", help="images of a draw")
    add("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))


def _add_livecell(parser: argparse.ArgumentParser) -> None:
    _add_networks(parser)
    add = parser.add_argument
    add("--batches", type=int, nargs="+", metavar="B", help="tasks of a meta-step")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--held-out", nargs="+", metavar="LINE", help="tested unseen")
    which.add_argument(
        "--leave-one-out", action="store_true", help="hold out each line in turn"
    )
    add("--images", type=int, metavar="N", help="images of each line")
    add("--supervised-steps", type=int, metavar="N", help="of the baseline")
    add("--init", metavar="NAME", help="bundle of the row 'our recipe'")
    add(
        "--encoder-weights",
        type=Path,
        metavar="FILE.safetensors",
        help="ImageNet weights of VGG-11",
    )


def _add_lesions(parser: argparse.ArgumentParser) -> None:
    _add_networks(parser)
    parser.add_argument("--inner-rate", type=float, metavar="RATE")
    parser.add_argument(
        "--test", nargs="+", metavar="SET", help="sets to test on (default: each)"
    )
    parser.add_argument("--evaluations", type=int, metavar="N", help="of iMAML, solved")


def _add_classes(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("data", type=Path, metavar="DATA", help="folder of tasks")
    add(
        "--train",
        type=Path,
        required=True,
        metavar="TASKS",
        help="folder of tasks for the supervised pre-training",
    )
    add("--tasks", nargs="+", metavar="TASK", help="of DATA (default: all)")
    add(
        "--pair",
        nargs=2,
        metavar="TASK",
        help="two tasks of DATA with the same fields and two kinds of objects",
    )
    add("--shares", type=int, nargs="+", metavar="PERCENT", help="of the cells")
    add("--images", type=int, metavar="N", help="images of each task")
    add("--iterations", type=int, metavar="N", help="steps of pre-training")
    add("--steps", type=int, metavar="N", help="steps of fine-tuning, at most")
    add(
        "--last-layers",
        dest="whole",
        action="store_const",
        const=False,
        help="fine-tune the last two layers, as the panel does",
    )
    add("--start", type=Path, metavar="DIR", help="Reptile's (default: the bundled)")
