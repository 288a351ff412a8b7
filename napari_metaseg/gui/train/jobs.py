"""What runs in the worker for this panel: generators that know no widgets."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from napari_metaseg.core.errors import UserError
from napari_metaseg.data.task_files import SUFFIXES
from napari_metaseg.io.sources.check import check_tasks
from napari_metaseg.io.sources.history import task_library
from napari_metaseg.io.sources.layouts import LAYOUTS, find_tasks
from napari_metaseg.io.sources.library import import_tasks
from napari_metaseg.io.sources.split import split_tasks
from napari_metaseg.workflows.run_folder import SETTINGS
from napari_metaseg.workflows.run_state import ask, read_state

from .history import recent_runs, remember_run
from .launch import read_command, write_command
from .plan import arguments, check_plan, partly_annotated

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from napari_metaseg.gui.worker import Tick
    from napari_metaseg.io.sources.check import SourceProgress, TaskRow
    from napari_metaseg.io.sources.found import FoundTask
    from napari_metaseg.io.sources.split import Split
    from napari_metaseg.workflows.run_state import Request, RunState

    from .plan import Plan

    Orders = Callable[[], Generator[Tick, None, "Order"]]

TASKS = "tasks"
"""Folder within that of a run: its data, if they had to be brought into our layout."""


_PROPOSALS = 20


@dataclass(frozen=True, slots=True)
class Preview:
    """What a folder of data holds.

    Attributes
    ----------
    folder : Path
        The folder.
    tasks : tuple of FoundTask
        As they were found.
    rows : tuple of TaskRow
        What is in them.
    split : Split
        Which of them to train and to validate on: a proposal.
    """

    folder: Path
    tasks: tuple[FoundTask, ...]
    rows: tuple[TaskRow, ...]
    split: Split

    @property
    def layouts(self) -> str:
        """The layouts in which the tasks were found, for people."""
        keys = {task.layout for task in self.tasks}
        return ", ".join(layout.title for layout in LAYOUTS if layout.key in keys)


class Order(NamedTuple):
    """A process to start: its folder and arguments, and how the run stood before."""

    folder: Path
    arguments: tuple[str, ...]
    before: RunState | None


class Recent(NamedTuple):
    """A known run, and how it stands."""

    folder: Path
    state: RunState | None


def preview(folder: Path) -> Generator[SourceProgress, None, Preview]:
    """Find and check the tasks of a folder."""
    if folder == task_library() and not folder.is_dir():
        raise UserError(
            "Your task library is empty; in MetaSeg, open Task library and add what "
            "you have annotated."
        )
    tasks = find_tasks(folder)
    rows = yield from check_tasks(tasks)
    return Preview(folder, tuple(tasks), tuple(rows), _propose(tasks, rows))


def _propose(tasks: Sequence[FoundTask], rows: Sequence[TaskRow]) -> Split:
    """Propose a split in which all validation tasks can be scored, if there is one."""
    partly = partly_annotated(tasks, rows)
    proposals = [split_tasks(rows, seed=seed) for seed in range(_PROPOSALS)]
    return min(proposals, key=lambda split: len(partly.intersection(split.validation)))


def get_ready(
    plan: Plan, seen: Preview, history: Path
) -> Generator[SourceProgress, None, Order]:
    """Make the folder of a run, and bring data in other layouts into ours.

    Parameters
    ----------
    plan : Plan
        What to do.
    seen : Preview
        The data it is about.
    history : Path
        List of runs that this one is added to.

    Raises
    ------
    UserError
        If the plan cannot be carried out.
    """
    check_plan(plan, seen.tasks, seen.rows)
    if plan.folder.exists():
        raise UserError(
            f"There is a run '{plan.folder.name}' already; give this one another name."
        )
    try:
        data = plan.data
        if not _as_trained_on(plan, seen):
            data = plan.folder / TASKS
            wanted = {*plan.training, *plan.validation}
            yield from import_tasks([t for t in seen.tasks if t.name in wanted], data)
        given = arguments(plan, data)
        write_command(plan.folder, given)
        remember_run(history, plan.folder)
    except BaseException:
        # Also when it is cancelled: a folder without a run would only be in the way.
        shutil.rmtree(plan.folder, ignore_errors=True)
        raise
    return Order(plan.folder, tuple(given), None)


def go_on(folder: Path, *, keep: bool) -> Generator[Tick, None, Order]:
    """Go on with a run; or only keep what it has learned."""
    yield from ()
    given = read_command(folder)
    if given is None:
        raise UserError(
            f"'{folder.name}' was started from a shell; go on with it there, by the "
            "same command with --resume."
        )
    # One that ended before it had begun has nothing to resume.
    begun = (folder / SETTINGS).exists()
    more = ("--resume",) * begun + ("--keep",) * keep
    return Order(folder, (*given, *more), read_state(folder))


def tell(folder: Path, request: Request) -> Generator[Tick, None, None]:
    """Ask a run to pause, or to stop and keep."""
    yield from ()
    ask(folder, request)


def pause_now(folder: Path) -> None:
    """Ask a run to pause, without a word if it has just ended."""
    with suppress(UserError):
        ask(folder, "pause")


def survey(history: Path) -> Generator[Tick, None, tuple[Recent, ...]]:
    """See how the runs stand that are known."""
    yield from ()
    return tuple(Recent(run, read_state(run)) for run in recent_runs(history))


def _as_trained_on(plan: Plan, seen: Preview) -> bool:
    """Tell whether meta-training can read the data where they are, as previewed."""
    wanted = {*plan.training, *plan.validation}
    skipping = {row.task for row in seen.rows if row.skipped}
    return all(
        task.layout == "own"
        and task.name not in skipping
        and all(
            pair.image.parent == plan.data / task.name / "images"
            and pair.image.suffix.lower() in SUFFIXES
            for pair in task.pairs
        )
        for task in seen.tasks
        if task.name in wanted
    )
