"""The options of ``napari-metaseg meta-train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_meta_train_options(parser: argparse.ArgumentParser) -> None:
    """Describe data, budget, algorithm and validation."""
    add = parser.add_argument
    add("data", type=Path, metavar="DATA")
    add(
        "--algorithm",
        default="fomaml",
        choices=("pooled", "fomaml", "maml", "imaml", "reptile"),
        help="(default: %(default)s)",
    )
    add(
        "--output",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of the run; its bundle is in DIR/bundle",
    )
    add(
        "--init",
        metavar="BUNDLE",
        help="start from this bundle (default: random weights)",
    )
    add(
        "--unadapted",
        metavar="BUNDLE",
        help="what draws before adaptation: a pooled one of the same widths, for "
        "example (default: what does so of --init, or else the trained network)",
    )
    add(
        "--widths",
        type=int,
        nargs=4,
        metavar="N",
        help="channels at full, half, quarter and eighth resolution: as many as the "
        "bundle has, or more (default: the bundle's; 16 32 64 128 without one)",
    )
    add("--tasks", nargs="+", metavar="TASK", help="default: all")
    add("--steps", type=int, help="meta-steps (default: 1000 without --minutes)")
    add(
        "--minutes",
        type=float,
        help="time for training and validation, over all pieces of the run, instead of "
        "or beside --steps; only a run of steps can be repeated to the bit",
    )
    add(
        "--validate",
        type=Path,
        metavar="TASKS",
        help="folder of tasks to validate on; none of them may be trained on",
    )
    add("--validation-tasks", nargs="+", metavar="TASK", help="default: all of them")
    add("--validate-every", type=int, default=100, metavar="N", help="meta-steps")
    add(
        "--tasks-per-step",
        type=int,
        default=4,
        help="tasks of a meta-step (default: %(default)s)",
    )
    add(
        "--processes",
        type=int,
        default=1,
        metavar="N",
        help="that share the tasks of each meta-step, on the cores or the GPUs of this "
        "machine; torchrun starts them on several machines",
    )
    add(
        "--inner-steps",
        type=int,
        default=5,
        help="gradient steps on the support (default: %(default)s)",
    )
    add(
        "--multi-step",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="share of the run along which queries after earlier inner steps count, "
        "too (maml and fomaml; default: %(default)s)",
    )
    add(
        "--recompute",
        action="store_true",
        help="take inner steps again for the meta-gradient instead of keeping them: "
        "the memory of one step (maml)",
    )
    add(
        "--blank-chance",
        type=float,
        default=0.3,
        help="share of un-adapted queries that know nothing of the painted cells",
    )
    add(
        "--drop-chance",
        type=float,
        default=0.3,
        help="share of episodes without the evidence of classical filters",
    )
    add(
        "--adapts",
        default="deciding",
        choices=("deciding", "all", "conditioning"),
        help="layers that the inner loop adapts",
    )
    add("--strength", type=float, default=2.0, help="of iMAML's proximal term")
    add(
        "--tolerance",
        type=float,
        default=0.03,
        help="gradient norm to which iMAML's inner problem is solved",
    )
    add(
        "--max-evaluations",
        type=int,
        default=60,
        help="gradients after which it is left all the same",
    )
    add("--rate", type=float, default=1e-3, help="outer rate (default: %(default)s)")
    add(
        "--procedural-share",
        type=float,
        default=0.35,
        help="share of generated tasks (default: %(default)s)",
    )
    add(
        "--checkpoint-every",
        type=int,
        default=50,
        help="meta-steps between checkpoints (default: %(default)s)",
    )
    add(
        "--half",
        action="store_true",
        help="convolve in bfloat16 (not for maml and imaml)",
    )
    add("--seed", type=int, default=0)
    add("--resume", action="store_true")
    add(
        "--keep",
        action="store_true",
        help="train no further: write the bundle of a run that was stopped",
    )
