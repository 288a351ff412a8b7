"""The command ``napari-metaseg meta-train-classes``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    add = parser.add_argument
    add("data", type=Path, metavar="DATA")
    add("--output", type=Path, required=True, metavar="DIR")
    add("--steps", type=int, default=1500, help="meta-steps (Reptile's paper: 100000)")
    add("--tasks-per-step", type=int, default=5)
    add("--inner-steps", type=int, default=8)
    add("--inner-batch", type=int, default=10)
    add("--inner-rate", type=float, default=1e-3)
    add("--outer-rate", type=float, default=1.0)
    add("--shots", type=int, default=15, help="cells of each of 5 classes in training")
    add("--start", type=Path, metavar="DIR", help="an earlier bundle to train further")
    add("--seed", type=int, default=0)
    add(
        "--all-tasks",
        action="store_true",
        help="train on tasks, too, whose licence does not let weights be distributed",
    )
    add("--overwrite", action="store_true")


def run(options: argparse.Namespace) -> int:
    """Run ``napari-metaseg meta-train-classes``."""
    from napari_metaseg.core.generators import relay_to
    from napari_metaseg.learners.reptile_classes import MetaStep, ReptileSettings
    from napari_metaseg.workflows.meta_train_classes import meta_train_classes

    settings = ReptileSettings(
        steps=options.steps,
        tasks_per_step=options.tasks_per_step,
        inner_steps=options.inner_steps,
        inner_batch=options.inner_batch,
        inner_rate=options.inner_rate,
        outer_rate=options.outer_rate,
        shots=options.shots,
        seed=options.seed,
    )
    steps = meta_train_classes(
        options.data,
        options.output,
        settings,
        start=options.start,
        all_tasks=options.all_tasks,
        command=options.command_line,
        overwrite=options.overwrite,
    )

    def tell(taken: MetaStep) -> None:
        if taken.step % 50 == 0:
            losses = f"loss {taken.before:.3f} before, {taken.after:.3f} after"
            print(f"step {taken.step} of {settings.steps}: {losses}", flush=True)

    print(f"The start for classes is in {relay_to(steps, tell)}")
    return 0
