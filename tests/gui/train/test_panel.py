"""The dock for meta-training, without a process: states are written by the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psutil
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow, QMessageBox

from napari_metaseg.gui.adapt_panel import AdaptPanel
from napari_metaseg.gui.train import closing, sharing, train_panel
from napari_metaseg.gui.train.history import history_file, remember_run, runs_folder
from napari_metaseg.gui.train.train_panel import TrainPanel
from napari_metaseg.gui.train.watch import Launched
from napari_metaseg.io.bundle import bundled_names
from napari_metaseg.workflows.run_state import asked

from .training import LONG, choose_data, click, reach, rest, small, write_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from napari import Viewer
    from pytestqt.qtbot import QtBot

    Open = Callable[[], TrainPanel]


def pretend(state: str, name: str = "mein Lauf") -> Path:
    """Write a run of which this process pretends to be the one at work."""
    run = runs_folder() / name
    write_state(run, state)
    remember_run(history_file(), run)
    return run


def test_what_cannot_be_read_is_told_in_a_sentence(
    qtbot: QtBot, open_dock: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nothing").mkdir()
    monkeypatch.setattr(train_panel, "ask_folder", lambda *_: tmp_path / "nothing")
    dock = open_dock()

    click(qtbot, dock.view.setup.choose)
    rest(qtbot, dock)

    assert "holds no images with masks" in dock.view.status.text
    assert not dock.view.start.isEnabled()


def test_an_empty_library_says_how_to_fill_it(qtbot: QtBot, open_dock: Open) -> None:
    dock = open_dock()

    click(qtbot, dock.view.setup.library)
    rest(qtbot, dock)

    assert dock.view.status.text.startswith("Your task library is empty")


def test_changing_ones_mind_changes_nothing(
    qtbot: QtBot, open_dock: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_panel, "ask_folder", lambda *_: None)
    dock = open_dock()
    before = dock.view.status.text

    click(qtbot, dock.view.setup.choose)

    assert dock.view.status.text == before


def test_a_name_that_is_taken_is_refused_and_nothing_lost(
    qtbot: QtBot, open_dock: Open, data: Path
) -> None:
    (runs_folder() / "da").mkdir(parents=True)
    (runs_folder() / "da" / "mine.txt").write_text("mine", encoding="utf-8")
    dock = open_dock()
    choose_data(qtbot, dock)
    dock.view.setup.name.setText("da")

    click(qtbot, dock.view.start)
    rest(qtbot, dock)

    assert "give this one another name" in dock.view.status.text
    assert (runs_folder() / "da" / "mine.txt").exists()
    assert dock.view.start.isEnabled()


def test_a_run_stays_in_the_folder_that_was_chosen_for_it(
    qtbot: QtBot, open_dock: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "elsewhere"
    (place / "reptile").mkdir(parents=True)
    monkeypatch.setattr(train_panel, "ask_folder", lambda *_: place)
    setup = open_dock().view.setup
    assert setup.runs == runs_folder()

    click(qtbot, setup.place)
    setup.algorithms.choose("reptile")

    assert setup.runs == place
    assert setup.name.text() == "reptile-2", "the other name is taken there"


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the runs that were asked about; the answer is to pause."""
    runs: list[str] = []

    def answer(_window: Any, run: str) -> bool:
        runs.append(run)
        return False

    monkeypatch.setattr(closing, "ask_to_keep", answer)
    return runs


def test_closing_napari_asks_once_whether_a_run_goes_on(
    qtbot: QtBot, make_napari_viewer: Callable[..., Viewer], questions: list[str]
) -> None:
    run = pretend("running")
    viewer = make_napari_viewer(show=True)
    dock = TrainPanel(viewer)
    viewer.window.add_dock_widget(dock, area="right")
    rest(qtbot, dock)
    dock.office.monitor.watch(run, Launched(psutil.Process().pid, None))
    reach(qtbot, dock, "running")

    viewer.close()
    QApplication.processEvents()

    assert questions == ["mein Lauf"]
    assert asked(run) == "pause"


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[tuple[QMainWindow, TrainPanel]]:
    """Show a window with a dock in it, which is quicker than napari's."""
    window, dock = QMainWindow(), TrainPanel(ViewerModel())
    holder = QDockWidget()
    holder.setWidget(dock)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, holder)
    window.show()
    rest(qtbot, dock)
    yield window, dock
    dock.office.leave()
    rest(qtbot, dock)
    window.deleteLater()


def test_a_run_that_is_to_go_on_is_left_alone(
    qtbot: QtBot,
    window: tuple[QMainWindow, TrainPanel],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(closing, "ask_to_keep", lambda *_: True)
    run = pretend("running")
    window[1].office.monitor.watch(run, Launched(psutil.Process().pid, None))
    reach(qtbot, window[1], "running")

    window[0].close()

    assert asked(run) is None


def test_closing_napari_asks_nothing_about_a_run_from_elsewhere(
    qtbot: QtBot, window: tuple[QMainWindow, TrainPanel], questions: list[str]
) -> None:
    window[1].office.show(pretend("running"))
    reach(qtbot, window[1], "running")

    window[0].close()

    assert questions == []


@pytest.mark.parametrize(("press", "kept"), [(0, True), (1, False)])
def test_the_question_has_two_answers(
    qtbot: QtBot, open_dock: Open, press: int, kept: bool
) -> None:
    dock = open_dock()

    def answer() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        buttons = {button.text(): button for button in box.buttons()}
        assert box.defaultButton() is buttons["Keep training"]
        names = ("Keep training", "Pause it")
        qtbot.mouseClick(buttons[names[press]], Qt.MouseButton.LeftButton)

    QTimer.singleShot(200, answer)

    assert closing.ask_to_keep(dock, "x") is kept


def test_every_part_has_a_tool_tip(open_dock: Open) -> None:
    view = open_dock().view
    setup = view.setup
    for part in (
        *(view.start, view.pause, view.stop, view.resume, view.log, view.runs),
        *(view.export, setup.take_in),
        *(setup.choose, setup.library, setup.algorithms, setup.inits, setup.devices),
        *(setup.processes, setup.budget, setup.name, setup.place),
        *(view.run.loss, view.run.score),
    ):
        assert part.toolTip()


def test_both_docks_share_the_starts(qtbot: QtBot, open_dock: Open, home: Path) -> None:
    adapt = AdaptPanel(ViewerModel())
    qtbot.addWidget(adapt)
    dock = open_dock()
    rest(qtbot, adapt)  # type: ignore[arg-type]
    assert "small" in adapt.view.source.inits.titles
    small(home / "models" / "new")

    train_panel.STARTS.changed.emit()

    for inits in (adapt.view.source.inits, dock.view.setup.inits):
        qtbot.waitUntil(lambda c=inits: "new" in c.titles, timeout=LONG)
    rest(qtbot, dock)
    rest(qtbot, adapt)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("button", "request_", "said"),
    [("pause", "pause", "Pausing after"), ("stop", "stop", "Stopping after")],
)
def test_a_run_that_is_going_on_is_asked(
    qtbot: QtBot, open_dock: Open, button: str, request_: str, said: str
) -> None:
    run = pretend("running")
    dock = open_dock()
    reach(qtbot, dock, "running")

    click(qtbot, getattr(dock.view, button))

    assert dock.view.status.text.startswith(said)
    qtbot.waitUntil(lambda: asked(run) == request_, timeout=LONG)
    assert not dock.view.pause.isEnabled() and not dock.view.stop.isEnabled()


def test_a_start_leaves_as_a_file_and_comes_in_from_one(
    qtbot: QtBot, open_dock: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = pretend("finished", "hefe")
    small(run / "bundle")
    file = tmp_path / "Hefe – µ.zip"
    monkeypatch.setattr(sharing, "ask_path", lambda *_: file)
    monkeypatch.setattr(sharing, "ask_file", lambda *_: file)
    dock = open_dock()
    dock.view.runs.choose(run)
    qtbot.waitUntil(dock.view.export.isVisible, timeout=LONG)
    rest(qtbot, dock)

    click(qtbot, dock.view.export)
    qtbot.waitUntil(lambda: dock.view.status.text == f"Saved {file}", timeout=LONG)
    dock.view.runs.choose(None)
    click(qtbot, dock.view.setup.take_in)
    rest(qtbot, dock)

    assert bundled_names().count("Hefe") == 1
    assert "Installed “Hefe”" in dock.view.status.text
    assert dock.view.setup.inits.value == "Hefe"


def test_a_file_that_is_no_start_is_refused(
    qtbot: QtBot, open_dock: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "fremd.zip"
    file.write_bytes(b"none")
    monkeypatch.setattr(sharing, "ask_file", lambda *_: file)
    dock = open_dock()

    click(qtbot, dock.view.setup.take_in)
    rest(qtbot, dock)

    assert "is no zip file" in dock.view.status.text
    assert dock.view.setup.inits.value == "maml"
