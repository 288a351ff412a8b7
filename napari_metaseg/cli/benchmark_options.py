"""The options of ``napari-metaseg benchmark``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_metaseg.core.settings import DEFAULT_SCALES, SCALES

if TYPE_CHECKING:
    import argparse


def add_benchmark_options(parser: argparse.ArgumentParser) -> None:
    """Describe what is measured, on what, and how the rivals are set."""
    add = parser.add_argument
    add("data", type=Path, metavar="DATA", help="folder of tasks")
    add("--tasks", nargs="+", metavar="TASK", help="default: all")
    add("--inits", nargs="*", metavar="NAME", help="default: all bundled ones")
    add(
        "--methods",
        nargs="*",
        metavar="METHOD",
        help="controls: random, finetune, forest, finetune-closed (which is told what "
        "adaptation fits in closed form), ceiling, ceiling-painted (told the painted "
        "images whole, and no others), convpaint, deepsea (trained for phase contrast; "
        "it is not told what is painted) (default: the first three; finetune needs the "
        "pooled bundle)",
    )
    add("--cells", type=int, nargs="+", default=[1, 2, 3, 5, 10], metavar="N")
    add("--draws", type=int, default=5, help="choices of cells a seed (default: 5)")
    add(
        "--seeds",
        type=int,
        nargs="+",
        default=[0],
        metavar="N",
        help="each has draws of its own, averaged over alike (default: 0)",
    )
    add(
        "--scales",
        type=int,
        nargs="+",
        default=[DEFAULT_SCALES],
        choices=SCALES,
        help="at how many scales initializations learn (default: %(default)s)",
    )
    add("--images", type=int, default=3, help="scored images a draw (default: 3)")
    add(
        "--regimes",
        nargs="+",
        default=["cells", "strokes"],
        choices=("cells", "strokes", "spread", "whole"),
        help="cells only, cells and 2 background strokes (default: these two), as many "
        "cells spread over four images, the cells and all else on their image",
    )
    add(
        "--json",
        type=Path,
        metavar="OUT",
        help="append a line for each result; what it holds is not measured again",
    )
    add(
        "--jobs",
        type=int,
        default=1,
        metavar="N",
        help="processes that share the draws, each with its share of the cores "
        "(default: 1)",
    )
    add("--pictures", type=Path, metavar="DIR", help="write a picture of each task")
    add("--corrections", type=int, default=0, metavar="N", help="rounds of correcting")
    add(
        "--places",
        nargs="+",
        default=["worst"],
        choices=("worst", "suggested", "random"),
        help="which error a round corrects (default: the worst)",
    )
    add(
        "--starts",
        nargs="+",
        default=["scratch", "warm"],
        choices=("scratch", "warm"),
        help="where a round starts: the initialization, or where the last one ended "
        "(default: both)",
    )
    add("--ceiling", action="store_true", help="the supervised ceiling too (slow)")
    add("--pooled", default="pooled", metavar="NAME", help="where fine-tuning starts")
    add("--finetune-steps", type=int, metavar="N")
    add("--sgd-rate", type=float, metavar="RATE")
    add("--adam-rate", type=float, metavar="RATE")
    add("--l2sp", type=float, metavar="STRENGTH", help="of the distance to the start")
    add("--ceiling-steps", type=int, metavar="N")
    add("--convpaint-features", default="gaussian", metavar="ALIAS")
