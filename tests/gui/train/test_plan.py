"""Plans of runs: what the shell is told, what is refused, and what is made ready."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from napari_metaseg.cli import make_parser
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.gui.train import jobs
from napari_metaseg.gui.train.history import recent_runs
from napari_metaseg.gui.train.plan import ALGORITHMS, Plan, arguments, check_plan
from napari_metaseg.io.sources.found import FoundTask

from .training import draw_tasks, row

if TYPE_CHECKING:
    from pathlib import Path

    from napari_metaseg.io.sources.check import TaskRow


def plan(folder: Path, **changes: Any) -> Plan:
    values: dict[str, Any] = {
        "data": folder / "data",
        "training": ("a",),
        "validation": ("b",),
        "algorithm": "fomaml",
        "init": "maml",
        "device": "cpu",
        "processes": 1,
        "minutes": None,
        "steps": 7,
        "folder": folder / "run",
    }
    return Plan(**values | changes)


def found(name: str, *, complete: bool = True) -> FoundTask:
    return FoundTask(name, "own", name, (), complete=complete)


@pytest.mark.parametrize("algorithm", [a.key for a in ALGORITHMS])
@pytest.mark.parametrize("budget", [{"minutes": 3, "steps": None}, {}])
def test_the_shell_takes_what_is_planned(
    tmp_path: Path, algorithm: str, budget: dict[str, Any]
) -> None:
    given = plan(tmp_path, algorithm=algorithm, init=None, **budget)

    options = make_parser().parse_args(arguments(given, given.data))

    assert options.data == given.data
    assert (options.tasks, options.validation_tasks) == (["a"], ["b"])
    assert options.validate == given.data
    assert (options.algorithm, options.init) == (algorithm, None)
    assert (options.minutes, options.steps) == (given.minutes, given.steps)
    assert (options.output, options.processes) == (given.folder, 1)


@pytest.mark.parametrize(("processes", "tasks"), [(2, 4), (6, 6)])
def test_each_of_several_processes_has_a_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int, tasks: int
) -> None:
    monkeypatch.setattr("napari_metaseg.gui.train.plan.FREQUENT", ())
    given = arguments(plan(tmp_path, processes=processes), tmp_path)

    options = make_parser().parse_args(given)
    assert (options.processes, options.tasks_per_step) == (processes, tasks)


@pytest.mark.parametrize(
    ("minutes", "steps", "every"),
    [(1, None, 10), (5, None, 20), (600, None, 100), (None, 7, 10), (None, 400, 40)],
)
def test_a_short_run_is_validated_more_often(
    tmp_path: Path, minutes: int | None, steps: int | None, every: int
) -> None:
    given = arguments(plan(tmp_path, minutes=minutes, steps=steps), tmp_path)

    assert given[given.index("--validate-every") + 1] == str(every)


def test_without_validation_none_is_asked_for(tmp_path: Path) -> None:
    given = arguments(plan(tmp_path, validation=()), tmp_path)

    assert make_parser().parse_args(given).validate is None


@pytest.mark.parametrize(
    ("changes", "rows", "tasks", "words"),
    [
        ({"training": ()}, [], [], "No task is left"),
        (
            {},
            [row("a", hashes=["1", "2"]), row("b", hashes=["2"])],
            [],
            "'a' and 'b' share images",
        ),
        ({}, [], [found("b", complete=False)], "Not every object of 'b'"),
        ({}, [replace(row("b"), complete=False)], [], "Not every object of 'b'"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_in_a_sentence(
    tmp_path: Path,
    changes: dict[str, Any],
    rows: list[TaskRow],
    tasks: list[FoundTask],
    words: str,
) -> None:
    with pytest.raises(UserError, match=words):
        check_plan(plan(tmp_path, **changes), tasks, rows)


def test_images_may_be_shared_within_one_side(tmp_path: Path) -> None:
    rows = [row("a", hashes=["1"]), row("c", hashes=["1"]), row("b", hashes=["2"])]

    check_plan(plan(tmp_path, training=("a", "c")), [found("b")], rows)


def test_tasks_in_our_layout_are_trained_on_where_they_are(tmp_path: Path) -> None:
    draw_tasks(tmp_path / "data", ("a", "b"))
    seen = exhaust(jobs.preview(tmp_path / "data"))
    assert [r.images for r in seen.rows] == [2, 2]
    assert seen.layouts == "Task folders"

    order = exhaust(jobs.get_ready(plan(tmp_path), seen, tmp_path / "recent.json"))

    assert order.arguments[1] == str(tmp_path / "data")
    assert recent_runs(tmp_path / "recent.json") == [order.folder]
    with pytest.raises(UserError, match="another name"):
        exhaust(jobs.get_ready(plan(tmp_path), seen, tmp_path / "recent.json"))


def test_other_layouts_are_brought_into_ours_in_the_folder_of_the_run(
    tmp_path: Path,
) -> None:
    draw_tasks(tmp_path / "data", ("a", "b"))
    for task in ("a", "b"):
        folder = tmp_path / "data" / task
        for path in (folder / "images").iterdir():
            path.rename(folder / path.name)
        for path in (folder / "masks").iterdir():
            path.rename(folder / f"{path.stem}_masks.png")
    seen = exhaust(jobs.preview(tmp_path / "data"))
    assert seen.layouts == "Cellpose"

    order = exhaust(jobs.get_ready(plan(tmp_path), seen, tmp_path / "recent.json"))

    tasks = order.folder / "tasks"
    assert order.arguments[1] == str(tasks)
    assert len(list((tasks / "a" / "images").iterdir())) == 2


def test_a_run_that_is_not_made_ready_leaves_nothing(tmp_path: Path) -> None:
    draw_tasks(tmp_path / "data", ("a", "b"))
    (tmp_path / "data" / "a" / "images" / "000.png").rename(tmp_path / "data" / "x.png")
    seen = exhaust(jobs.preview(tmp_path / "data"))
    assert seen.rows[0].skipped
    steps = jobs.get_ready(plan(tmp_path), seen, tmp_path / "recent.json")

    next(steps)
    steps.close()

    assert not (tmp_path / "run").exists()
