"""A run as it is planned in the panel, and the command line that carries it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from napari_metaseg.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from napari_metaseg.io.sources.check import TaskRow
    from napari_metaseg.io.sources.found import FoundTask

# A pause or a crash then costs little; writing takes a fraction of a meta-step.
FREQUENT: tuple[str, ...] = ("--checkpoint-every", "10")

TASKS_PER_STEP = 4
"""Tasks of a meta-step, unless more processes share them."""

_VALIDATE_EVERY = range(10, 101)
_MINUTES_TO_STEPS = 4


class Algorithm(NamedTuple):
    """A way to meta-train: its name in the shell, for people, and in one sentence."""

    key: str
    title: str
    words: str


ALGORITHMS = (
    Algorithm(
        "fomaml",
        "FOMAML",
        "Learns a start from which a few steps on painted cells lead far. "
        "Quick and steady: begin with this one.",
    ),
    Algorithm(
        "maml",
        "MAML",
        "Like FOMAML, but also accounts for how each step changes the next: "
        "slower, and sometimes a little better.",
    ),
    Algorithm(
        "imaml",
        "iMAML",
        "Adapts until nothing improves, held near the start, and learns from the "
        "outcome alone, however many steps it took.",
    ),
    Algorithm(
        "reptile",
        "Reptile",
        "Adapts to one task after another and moves the start a little towards "
        "each result: the simplest.",
    ),
    Algorithm(
        "pooled",
        "Pooled",
        "Trains on all tasks together and adapts to none: the first stage from "
        "scratch, and what the others are compared with.",
    ),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a run depends on.

    Attributes
    ----------
    data : Path
        Folder that was chosen.
    training, validation : tuple of str
        Names of tasks.
    algorithm : str
        Key of one of `ALGORITHMS`.
    init : str or None
        Bundle to start from, None for random weights.
    device : str
        Name of the device.
    processes : int
        How many share the tasks of each meta-step.
    minutes, steps : int or None
        The budget: one of the two.
    folder : Path
        Folder of the run.
    """

    data: Path
    training: tuple[str, ...]
    validation: tuple[str, ...]
    algorithm: str
    init: str | None
    device: str
    processes: int
    minutes: int | None
    steps: int | None
    folder: Path


def arguments(plan: Plan, data: Path) -> list[str]:
    """Write a plan as arguments of ``napari-metaseg``.

    Parameters
    ----------
    plan : Plan
        What to do.
    data : Path
        Folder of tasks in our own layout.

    Returns
    -------
    list of str
    """
    given = ["meta-train", str(data), "--tasks", *plan.training]
    given += ["--algorithm", plan.algorithm, "--output", str(plan.folder)]
    if plan.validation:
        given += ["--validate", str(data), "--validation-tasks", *plan.validation]
        given += ["--validate-every", str(validate_every(plan))]
    if plan.init is not None:
        given += ["--init", plan.init]
    if plan.minutes is not None:
        given += ["--minutes", str(plan.minutes)]
    if plan.steps is not None:
        given += ["--steps", str(plan.steps)]
    if plan.processes > 1:
        tasks = max(TASKS_PER_STEP, plan.processes)
        given += ["--processes", str(plan.processes), "--tasks-per-step", str(tasks)]
    return [*given, "--device", plan.device, *FREQUENT]


def validate_every(plan: Plan) -> int:
    """Return after how many meta-steps to validate: of a short run, more often.

    A curve of some points is worth more than the meta-steps that they cost; on one core
    of a CPU there are 10 to 40 meta-steps a minute.
    """
    wished = (plan.steps or 0) // 10
    if plan.minutes is not None:
        wished = _MINUTES_TO_STEPS * plan.minutes
    return min(max(wished, _VALIDATE_EVERY[0]), _VALIDATE_EVERY[-1])


def check_plan(plan: Plan, tasks: Iterable[FoundTask], rows: Iterable[TaskRow]) -> None:
    """Refuse a plan that cannot be carried out, or whose scores would flatter.

    Raises
    ------
    UserError
        If there is nothing to train on, a validation task cannot be scored, or an
        image is on both sides.
    """
    if not plan.training:
        raise UserError(
            "No task is left to train on; tick one in the table, not for validation."
        )
    rows = list(rows)
    if partly := sorted(partly_annotated(tasks, rows).intersection(plan.validation)):
        raise UserError(
            f"Not every object of '{partly[0]}' is annotated, so that it cannot tell "
            "what is found wrongly; untick it for validation."
        )
    both = shared(rows, plan.training, plan.validation)
    if both is not None:
        raise UserError(
            f"'{both[0]}' and '{both[1]}' share images, so that one cannot validate "
            "what is trained on the other; put both on one side."
        )


def partly_annotated(tasks: Iterable[FoundTask], rows: Iterable[TaskRow]) -> set[str]:
    """Name the tasks of which not every object is annotated."""
    return {task.name for task in tasks if not task.complete} | {
        row.task for row in rows if not row.complete
    }


def shared(
    rows: Iterable[TaskRow], training: Sequence[str], validation: Sequence[str]
) -> tuple[str, str] | None:
    """Name a task of each side that have an image in common, if there are such."""
    rows = list(rows)
    owners = {h: r.task for r in rows if r.task in training for h in r.hashes}
    for row in rows:
        if row.task in validation:
            for one in sorted(row.hashes & owners.keys()):
                return owners[one], row.task
    return None
