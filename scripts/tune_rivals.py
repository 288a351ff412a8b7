"""Choose the settings of the benchmark's rivals by leave-one-source-out.

    python scripts/tune_rivals.py DATA forest
    python scripts/tune_rivals.py DATA finetune --pooled BUNDLE
    python scripts/tune_rivals.py DATA finetune-closed --pooled BUNDLE
    python scripts/tune_rivals.py DATA random

DATA is a folder of tasks that nothing is judged on afterwards. Every setting of a
small grid is scored by AP@0.5 on other images of each task, cropped so that it is
done in minutes. What is chosen for a source never saw that source.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.objects import object_diameters
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.workflows.benchmark.draws import make_draw
from napari_metaseg.workflows.benchmark.judge import score_images
from napari_metaseg.workflows.benchmark.methods.finetune import Finetune
from napari_metaseg.workflows.benchmark.methods.forest import Forest
from napari_metaseg.workflows.benchmark.methods.pixels import ForestSettings
from napari_metaseg.workflows.benchmark.methods.random_start import RandomStart
from napari_metaseg.workflows.benchmark.methods.tuning import (
    FinetuneSettings,
    Optimizer,
)
from napari_metaseg.workflows.benchmark.statistics import leave_one_source_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_metaseg.data.folders import TaskFolder
    from napari_metaseg.workflows.benchmark.methods.protocol import Method

    Conditions = tuple[tuple[int, str], ...]

FAST = ((3, "cells"),)
CONDITIONS = ((1, "cells"), *FAST, (3, "strokes"))
"""Numbers of cells and regimes that are averaged."""

FOREST_CHANGES: tuple[dict[str, float], ...] = (
    {},
    {"diameter": 0.0},
    {"diameter": 12.0},
    {"diameter": 24.0},
    {"coarsest": 8.0},
    {"ring": 0.15},
    {"ring": 0.6},
    {"leaf": 2},
    {"leaf": 12},
    {"apart": 0.8},
    {"apart": 1.4},
    {"smooth": 0.3},
    {"blur": 0.15},
    {"least": 0.4},
)
RATES = {"sgd": (1e-3, 1e-2, 1e-1), "adam": (1e-4, 3e-4, 1e-3)}
STEPS = (5, 20, 50)
STRENGTHS = (1.0, 10.0, 100.0)
RANDOM_RATES = (1e-3, 3e-3)
RANDOM_STEPS = (20, 50, 100)


def main() -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(description="Tune the benchmark's rivals.")
    parser.add_argument("data", type=Path)
    rivals = ("forest", "finetune", "finetune-closed", "random")
    parser.add_argument("rival", choices=rivals)
    parser.add_argument(
        "--pooled",
        default="pooled",
        help="where fine-tuning starts, and what network is drawn at random",
    )
    parser.add_argument("--tasks", nargs="+", help="default: all")
    parser.add_argument("--side", type=int, default=224, help="px of a cropped image")
    parser.add_argument("--images", type=int, default=2, help="scored in each draw")
    parser.add_argument("--fast", action="store_true", help="three cells only")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    start = options.pooled, options.device
    match options.rival:
        case "forest":
            groups = {"forest": _forests()}
        case "random":
            groups = {"random": _randoms(*start)}
        case rival:
            groups = dict(_finetunes(*start, closed=rival != "finetune"))
    try:
        tasks = [
            cropped(t, options.side) for t in read_tasks(options.data, options.tasks)
        ]
        for name, candidates in groups.items():
            conditions = FAST if options.fast else CONDITIONS
            _tell(name, candidates, tasks, options.images, conditions)
    except UserError as error:
        print(f"tune_rivals: {error}", file=sys.stderr)
        return 2
    return 0


def _forests() -> dict[str, Method]:
    return {
        str(change or "as frozen"): Forest(replace(ForestSettings(), **change))  # type: ignore[arg-type]
        for change in FOREST_CHANGES
    }


def _finetunes(
    init: str, device: str, *, closed: bool
) -> Iterator[tuple[str, dict[str, Method]]]:
    for rule, rates in RATES.items():
        for l2sp in (False, True):
            # The penalty is there to allow for many steps.
            steps, strengths = (STEPS[-1:], STRENGTHS) if l2sp else (STEPS, (0.0,))
            candidates: dict[str, Method] = {}
            for count, rate, strength in itertools.product(steps, rates, strengths):
                settings = FinetuneSettings(count, rate, strength)
                name = f"{count} steps, rate {rate:g}"
                optimizer: Optimizer = "sgd" if rule == "sgd" else "adam"
                tuned = Finetune(optimizer, l2sp, init, device, settings, closed)
                candidates[name + f", strength {strength:g}" * l2sp] = tuned
            yield tuned.name, candidates


def _randoms(like: str, device: str) -> dict[str, Method]:
    grid = itertools.product(RANDOM_STEPS, RANDOM_RATES)
    settings = [FinetuneSettings(*pair) for pair in grid]
    return {
        f"{s.steps} steps, rate {s.rate:g}": RandomStart(like, device, s)
        for s in settings
    }


def cropped(task: TaskFolder, side: int) -> TaskFolder:
    """Keep the middle of each image."""
    images, masks = [], []
    for image, mask in zip(task.images, task.masks, strict=True):
        y, x = (max(0, (n - side) // 2) for n in mask.shape)
        images.append(image[y : y + side, x : x + side])
        masks.append(mask[y : y + side, x : x + side])
    sizes = tuple(object_diameters(m) for m in masks)
    return replace(task, images=tuple(images), masks=tuple(masks), diameters=sizes)


def _score(
    task: TaskFolder, method: Method, images: int, conditions: Conditions
) -> float:
    found = []
    for cells, regime in conditions:
        draw = make_draw(task, cells, 0, seed=1)
        if draw is None:
            continue
        # Methods have the chance of seed 0, as when their settings were chosen.
        painted = replace(draw.painted(regime, images), seed=0)
        if (fitted := method.fit(painted)) is not None:
            scores = score_images(fitted.after, painted)
            assert scores is not None
            found.append(scores.ap50)
    return float(np.mean(found)) if found else float("nan")


def _tell(
    name: str,
    candidates: dict[str, Method],
    tasks: list[TaskFolder],
    images: int,
    conditions: Conditions,
) -> None:
    columns = {}
    for label, method in candidates.items():
        columns[label] = [_score(task, method, images, conditions) for task in tasks]
        print(f"{name}: {label}: {np.nanmean(columns[label]):.3f}", file=sys.stderr)
    index = [task.name for task in tasks]
    table = pd.DataFrame(columns, index=index).dropna()
    sources = pd.Series({t.name: t.info.source for t in tasks}).loc[table.index]
    means = table.groupby(sources).mean().mean().sort_values(ascending=False)
    print(f"\n{name}: mean over sources\n\n{means.round(4).to_string()}")
    chosen = leave_one_source_out(table, sources)
    print(f"\nleft out in turn\n\n{chosen.round(3).to_string()}")
    print(f"\nmean {chosen['score'].mean():.4f}")


if __name__ == "__main__":
    sys.exit(main())
