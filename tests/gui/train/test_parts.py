"""The parts of the dock for meta-training, each for itself."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from qtpy.QtCore import QPoint, Qt

from napari_metaseg.cli import make_parser
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.gui.guidance import Tone
from napari_metaseg.gui.train import jobs, keeping, words
from napari_metaseg.gui.train.curves import Plot
from napari_metaseg.gui.train.gallery import Gallery
from napari_metaseg.gui.train.history import free_name, recent_runs, remember_run
from napari_metaseg.gui.train.launch import (
    last_words,
    launch,
    read_command,
    write_command,
)
from napari_metaseg.gui.train.plan import ALGORITHMS, Plan, arguments, check_plan
from napari_metaseg.gui.train.run_view import RunView
from napari_metaseg.gui.train.task_table import TaskTable
from napari_metaseg.gui.train.watch import (
    MOST_POINTS,
    Curve,
    Launched,
    Picture,
    look,
    thin,
)
from napari_metaseg.io.bundle import bundled_names, models_folder
from napari_metaseg.io.sources.check import TaskRow
from napari_metaseg.io.sources.found import FoundTask, Skipped
from napari_metaseg.io.sources.split import Split

from .training import draw_tasks, write_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytestqt.qtbot import QtBot

NO_PROCESS = 2**22 + 1


def row(name: str, *, images: int = 3, hashes: Sequence[str] = ()) -> TaskRow:
    return TaskRow(
        name, "own", name, "unknown", images, 30, 17.4, (), (), frozenset(hashes)
    )


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


def tick(qtbot: QtBot, table: TaskTable, row: int, column: int) -> None:
    """Click the box of a cell."""
    item = table.table.item(row, column)
    assert item is not None
    place = table.table.visualItemRect(item)
    at = QPoint(place.left() + 10, place.center().y())
    viewport = table.table.viewport()
    assert viewport is not None
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=at)


@pytest.fixture
def table(qtbot: QtBot) -> TaskTable:
    table = TaskTable()
    qtbot.addWidget(table)
    skipped = (Skipped("/x/1.tif", "has no masks"), Skipped("/x/2.tif", "has no masks"))
    odd = TaskRow("odd", "own", "s", "l", 2, 9, 12.0, ("tiny objects: 3",), skipped)
    rows = [row("a"), row("b"), odd, row("empty", images=0)]
    table.show_tasks(rows, Split(("a", "odd"), ("b",)))
    table.resize(330, 300)
    table.show()
    return table


def test_the_proposed_split_is_ticked(table: TaskTable) -> None:
    assert table.training == ("a", "odd")
    assert table.validation == ("b",)


def test_a_task_moves_by_its_boxes(qtbot: QtBot, table: TaskTable) -> None:
    with qtbot.waitSignal(table.changed):
        tick(qtbot, table, 0, 1)
    assert (table.training, table.validation) == (("odd",), ("a", "b"))
    tick(qtbot, table, 1, 0)
    assert (table.training, table.validation) == (("odd",), ("a",))


def test_a_task_moves_by_the_keyboard(qtbot: QtBot, table: TaskTable) -> None:
    table.table.setCurrentCell(0, 1)
    qtbot.keyClick(table.table, Qt.Key.Key_Space)

    assert table.validation == ("a", "b")


def test_a_task_without_images_cannot_be_used(qtbot: QtBot, table: TaskTable) -> None:
    tick(qtbot, table, 3, 0)

    assert "empty" not in table.training + table.validation


def test_the_chosen_task_says_what_is_odd_and_what_is_skipped(table: TaskTable) -> None:
    assert "2 files skipped" in table.about.text()
    table.table.setCurrentCell(2, 2)

    said = "odd: tiny objects: 3; skipped 1.tif and 1 more: has no masks."
    assert table.about.text() == said


def test_a_curve_is_thinned_and_smoothed() -> None:
    steps = np.arange(10_000.0)
    noisy = np.where(steps % 2, 1.0, -1.0)

    curve = thin(Curve(steps, noisy, steps))

    assert len(curve.steps) == MOST_POINTS
    assert curve.steps[[0, -1]].tolist() == [0, 9999]
    assert abs(curve.before).max() < 0.1
    np.testing.assert_allclose(curve.after[50:-50], curve.steps[50:-50], atol=1)


def test_a_short_curve_stays_as_it_is() -> None:
    values = np.array([3.0, 1.0, 2.0])

    assert thin(Curve(values, values, values)).after.tolist() == [3.0, 1.0, 2.0]


def test_a_plot_shows_what_it_is_given(qtbot: QtBot) -> None:
    plot = Plot("Loss", "How wrong it is.")
    qtbot.addWidget(plot)
    plot.show_curve(Curve(np.arange(3.0), np.zeros(3), np.array([3.0, 2.0, 1.0])))

    assert plot.shown[1].tolist() == [3.0, 2.0, 1.0]


def test_a_single_step_is_a_point(qtbot: QtBot) -> None:
    plot = Plot("Loss", "How wrong it is.")
    qtbot.addWidget(plot)
    symbols = []
    for count in (1, 2):
        values = np.arange(float(count))
        plot.show_curve(Curve(values, values, values))
        symbols.append(plot.after.opts["symbol"])

    assert symbols == ["o", None]


def test_a_picture_keeps_its_proportions(qtbot: QtBot) -> None:
    gallery = Gallery()
    qtbot.addWidget(gallery)
    pixels = np.zeros((50, 150, 3), np.uint8)
    gallery.show_pictures({"a": Picture(pixels, 1)}, {"a": "a: 0.1"})

    assert gallery.pictures["a"].heightForWidth(300) == 100
    gallery.show_pictures({}, {})
    assert not gallery.pictures


def test_the_curves_of_a_run_are_those_of_its_files(tmp_path: Path) -> None:
    lines = [{"step": k, "query_before": 2.0, "query_after": 1.0} for k in (1, 2)]
    text = "\n".join(json.dumps(line) for line in lines) + '\n{"step": 3, "qu'
    (tmp_path / "log.jsonl").write_text(text, encoding="utf-8")
    scores = [
        {"step": s, "task": t, "before": 0.2, "after": a, "seconds": 1.0}
        for s, t, a in ((0, "x", 0.4), (0, "y", 0.6), (9, "x", 0.8))
    ]
    text = "\n".join(json.dumps(score) for score in scores)
    (tmp_path / "validation.jsonl").write_text(text, encoding="utf-8")
    (tmp_path / "gallery").mkdir()
    Image.new("RGB", (900, 300)).save(tmp_path / "gallery" / "x.png")

    seen = exhaust(look(tmp_path, None))
    again = exhaust(look(tmp_path, seen))

    assert seen.loss.after.tolist() == [1.0, 1.0]
    assert seen.score_curve("x").after.tolist() == [0.4, 0.8]
    # At step 9 one of the two has not been scored: no mean of all yet.
    assert seen.score_curve().steps.tolist() == [0]
    np.testing.assert_allclose(seen.score_curve().after, [0.5])
    assert seen.gallery["x"].pixels.shape == (200, 600, 3)
    assert again.gallery["x"] is seen.gallery["x"]
    assert again.loss is seen.loss


@pytest.mark.parametrize("names", [("x",), ("x", "y")])
def test_a_curve_of_its_own_is_offered_where_there_are_several_tasks(
    qtbot: QtBot, tmp_path: Path, names: tuple[str, ...]
) -> None:
    scores = [
        {"step": 0, "task": t, "before": 0.2, "after": a, "seconds": 1.0}
        for t, a in zip(names, (0.4, 0.8), strict=False)
    ]
    text = "\n".join(json.dumps(score) for score in scores)
    (tmp_path / "validation.jsonl").write_text(text, encoding="utf-8")
    view = RunView()
    qtbot.addWidget(view)
    view.show()

    view.show_glimpse(exhaust(look(tmp_path, None)))

    assert view.tasks.isVisible() == (len(names) > 1)
    np.testing.assert_allclose(view.score.shown[1], [0.4 if len(names) == 1 else 0.6])
    view.tasks.choose(names[-1])
    np.testing.assert_allclose(view.score.shown[1], [0.4 if len(names) == 1 else 0.8])


@pytest.mark.parametrize(
    ("state", "said", "tone"),
    [
        ("running", "Training.", Tone.NEXT),
        ("paused", "Paused after 5 meta-steps. Resume", Tone.NEXT),
        ("finished", "Finished after 5 meta-steps", Tone.DONE),
        ("failed", "No memory is left", Tone.WARNING),
    ],
)
def test_each_state_has_its_sentence(
    tmp_path: Path, state: str, said: str, tone: Tone
) -> None:
    write_state(tmp_path, state, message="No memory is left")

    line = words.line(exhaust(look(tmp_path, None)))

    assert line.text.startswith(said) and line.tone == tone


def test_a_run_whose_process_is_gone_reads_as_interrupted(tmp_path: Path) -> None:
    write_state(tmp_path, "running", pid=NO_PROCESS)

    line = words.line(exhaust(look(tmp_path, None)))

    assert line.text.startswith("The run was interrupted after 5 meta-steps.")


def test_a_process_that_has_not_spoken_yet_is_starting(tmp_path: Path) -> None:
    """What an earlier process has left in the folder is not its word."""
    write_state(tmp_path, "paused")
    before = exhaust(look(tmp_path, None)).state

    alive = exhaust(look(tmp_path, None, Launched(os.getpid(), before)))
    dead = exhaust(look(tmp_path, None, Launched(NO_PROCESS, before)))

    assert words.line(alive).text == "Starting…"
    assert words.line(dead).text == "The training process ended without a word."


def test_facts_tell_time_and_memory(tmp_path: Path) -> None:
    write_state(tmp_path, "running", seconds_left=150, memory_mb=2048)

    facts = words.facts(exhaust(look(tmp_path, None)))

    assert facts == "Step 5 of 10 · 2 min left · 20 s so far · 2.0 GB · CPU"


def test_the_outcome_warns_when_adapting_does_not_help(tmp_path: Path) -> None:
    score = {"step": 0, "task": "x", "before": 0.5, "after": 0.5, "seconds": 1.0}
    (tmp_path / "validation.jsonl").write_text(json.dumps(score), encoding="utf-8")

    said = words.outcome(exhaust(look(tmp_path, None)))

    assert "AP@0.5 of 0.50 as it is, 0.50 adapted" in said
    assert "does not help" in said


def test_runs_are_remembered_the_latest_first(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "recent.json"
    runs = [tmp_path / name for name in ("eins", "zwei – µ", "gone")]
    for run in runs:
        run.mkdir()
        remember_run(file, run)
    remember_run(file, runs[0])
    runs[2].rmdir()

    assert recent_runs(file) == [runs[0], runs[1]]


@pytest.mark.parametrize("text", ["", "{}", "[1, null]", "\x00"])
def test_a_damaged_list_of_runs_is_empty(tmp_path: Path, text: str) -> None:
    file = tmp_path / "recent.json"
    file.write_text(text, encoding="utf-8")

    assert recent_runs(file) == []


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run-2").mkdir()

    assert free_name(tmp_path, "run") == "run-3"
    assert free_name(tmp_path, "other") == "other"


def test_a_command_is_read_back(tmp_path: Path) -> None:
    assert read_command(tmp_path) is None
    write_command(tmp_path / "run", ["meta-train", "Zellen – µm"])

    assert read_command(tmp_path / "run") == ["meta-train", "Zellen – µm"]


def test_a_run_from_a_shell_is_gone_on_with_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="by the same command with --resume"):
        exhaust(jobs.go_on(tmp_path, keep=False))


def test_the_last_words_of_a_process_are_kept(qtbot: QtBot, tmp_path: Path) -> None:
    number = launch(tmp_path, ["adapt", "no.tif", "--output", "x", "--nonsense"])

    assert number > 0
    qtbot.waitUntil(lambda: bool(last_words(tmp_path)), timeout=60_000)
    assert not last_words(tmp_path).startswith("napari-metaseg")


def test_a_folder_is_named_from_home_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)

    assert words.place(tmp_path / "our" / "cells") == str(Path("~", "our", "cells"))
    assert words.place(tmp_path.parent) == str(tmp_path.parent)


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


def test_the_start_of_a_run_is_installed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAPARI_METASEG_HOME", str(tmp_path / "home"))
    run = tmp_path / "maml"
    run.mkdir()
    bundle = run / "bundle"
    bundle.mkdir()
    for path in (models_folder() / "maml").iterdir():
        (bundle / path.name).write_bytes(path.read_bytes())

    assert exhaust(keeping.keep(run))
    assert not exhaust(keeping.keep(run))

    # The built-in one of that name is never hidden.
    assert keeping.read_installed(run).name == "maml-2"  # type: ignore[union-attr]
    assert "maml-2" in bundled_names()
