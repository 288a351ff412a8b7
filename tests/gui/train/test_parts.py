"""The parts of the dock for meta-training, each for itself."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

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
from napari_metaseg.gui.train.run_view import RunView
from napari_metaseg.gui.train.watch import (
    MOST_POINTS,
    Curve,
    Launched,
    Picture,
    look,
    thin,
)
from napari_metaseg.io.bundle import bundled_names, models_folder
from napari_metaseg.workflows.run_folder import SETTINGS

from .training import write_state

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

NO_PROCESS = 2**22 + 1


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


def test_a_run_that_ended_before_it_began_can_begin_again(tmp_path: Path) -> None:
    run = tmp_path / "run"
    write_command(run, ["meta-train", "data"])

    seen = exhaust(look(run, None))
    assert words.line(seen).text == ("The training process ended before it had begun.")
    assert exhaust(jobs.go_on(run, keep=False)).arguments == ("meta-train", "data")

    (run / SETTINGS).write_text("{}")
    again = exhaust(jobs.go_on(run, keep=False))
    assert again.arguments == ("meta-train", "data", "--resume")


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
