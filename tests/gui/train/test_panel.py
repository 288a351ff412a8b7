"""The dock for meta-training, with real runs in processes of their own."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import torch
from napari.components import ViewerModel
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QApplication, QMessageBox

from napari_metaseg.core.network import Architecture, PrototypeUNet
from napari_metaseg.gui.adapt_panel import AdaptPanel
from napari_metaseg.gui.train import (
    closing,
    launch,
    plan,
    setup_view,
    train_panel,
)
from napari_metaseg.gui.train.history import history_file, remember_run, runs_folder
from napari_metaseg.gui.train.train_panel import TrainPanel
from napari_metaseg.gui.train.watch import Launched
from napari_metaseg.gui.worker import Runner
from napari_metaseg.io.bundle import load_bundle, save_bundle
from napari_metaseg.io.user_folder import user_folder
from napari_metaseg.workflows.run_state import asked, read_log, read_state

from .training import draw_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari import Viewer
    from pytestqt.qtbot import QtBot
    from qtpy.QtWidgets import QPushButton

    Open = Callable[[], TrainPanel]

ROOT = Path(__file__).resolve().parents[2]
LONG = 180_000  # ms; a busy machine is no failure
QUICK = (
    *("--checkpoint-every", "1", "--tasks-per-step", "1", "--inner-steps", "1"),
    *("--procedural-share", "0", "--validate-every", "1000"),
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Nobody's own folder is touched, and no run outlives its test."""
    folder = tmp_path / "Heim – µ"
    monkeypatch.setenv("NAPARI_METASEG_HOME", str(folder))
    monkeypatch.setattr(plan, "FREQUENT", QUICK)
    # A run that gives way to everything else would hold up its test.
    monkeypatch.setattr(launch.shutil, "which", lambda _: None)
    small(folder / "models" / "small")
    yield folder
    for run in runs_folder().glob("*"):
        state = read_state(run)
        if state is not None and state.going and state.pid != psutil.Process().pid:
            psutil.Process(state.pid).kill()


def small(folder: Path) -> None:
    """Save an initialization that is trained quickly."""
    torch.manual_seed(0)
    shape = Architecture(widths=(4, 4, 4, 8))
    params = {
        k: v.detach() for k, v in PrototypeUNet(shape).named_parameters() if v.numel()
    }
    card = {
        "name": "small",
        "algorithm": "none",
        "architecture": shape.as_dict(),
        "working_diameter": 24.0,
        "recipe": {"steps": 1, "rates": dict.fromkeys(params, 0.01)},
    }
    folder.mkdir(parents=True)
    save_bundle(folder, params, card)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three tasks, which is what the dialog answers."""
    folder = tmp_path / "Platten"
    draw_tasks(folder, ("eins", "zwei", "drei"))
    monkeypatch.setattr(setup_view, "ask_folder", lambda *_: folder)
    return folder


@pytest.fixture
def open_dock(qtbot: QtBot) -> Iterator[Open]:
    """Open docks that have finished loading, and close them in the end."""
    docks: list[TrainPanel] = []

    def open_one() -> TrainPanel:
        dock = TrainPanel(ViewerModel())
        docks.append(dock)
        dock.resize(340, 700)
        dock.show()
        rest(qtbot, dock)
        return dock

    yield open_one
    for dock in docks:
        dock.office.leave()
        rest(qtbot, dock)
        dock.close()
        dock.deleteLater()


def rest(qtbot: QtBot, dock: TrainPanel) -> None:
    """Wait until the dock has loaded and read what it was asked to."""

    def at_rest() -> bool:
        single = (t for t in dock.findChildren(QTimer) if t.isSingleShot())
        busy = any(runner.running for runner in dock.findChildren(Runner))
        return not busy and not any(timer.isActive() for timer in single)

    qtbot.waitUntil(at_rest, timeout=LONG)


def click(qtbot: QtBot, button: QPushButton) -> None:
    assert button.isVisible() and button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def choose_data(qtbot: QtBot, dock: TrainPanel) -> None:
    click(qtbot, dock.view.setup.choose)
    qtbot.waitUntil(lambda: bool(dock.view.setup.tasks.rows), timeout=LONG)
    rest(qtbot, dock)


def start(qtbot: QtBot, dock: TrainPanel, *, steps: int = 100_000) -> Path:
    """Start a run of the small initialization, and return its folder."""
    setup = dock.view.setup
    setup.inits.choose("small")
    setup.devices.choose("cpu")
    setup.budget.unit.choose("meta-steps")
    setup.budget.amount.setValue(steps)
    click(qtbot, dock.view.start)
    assert dock.view.status.text == "Getting ready…"
    qtbot.waitUntil(lambda: dock.office.monitor.folder is not None, timeout=LONG)
    folder = dock.office.monitor.folder
    assert folder is not None
    return folder


def reach(qtbot: QtBot, dock: TrainPanel, state: str, step: int = 0) -> None:
    """Wait until the dock shows a state."""

    def reached() -> bool:
        glimpse = dock.office.glimpse
        assert glimpse is None or not glimpse.complaint, glimpse.complaint
        seen = None if glimpse is None else glimpse.state
        return seen is not None and seen.state == state and seen.step >= step

    qtbot.waitUntil(reached, timeout=LONG)


def write_going(folder: Path) -> None:
    """Write the state of a run that this process pretends to be at work on."""
    folder.mkdir(parents=True)
    state = {
        "state": "running",
        "message": "Meta-step 3.",
        "pid": psutil.Process().pid,
        "host": platform.node(),
        "step": 3,
        "steps": 9,
        "seconds": 3.0,
        "budget_minutes": None,
        "seconds_left": 6.0,
        "memory_mb": 100.0,
        "device": "cpu",
        "updated": datetime.now(UTC).isoformat(),
    }
    (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")


def test_a_run_is_started_paused_resumed_and_kept(
    qtbot: QtBot,
    make_napari_viewer: Callable[..., Viewer],
    npe2pm: Any,
    data: Path,
) -> None:
    with npe2pm.tmp_plugin(manifest=str(ROOT / "napari.yaml")):
        viewer = make_napari_viewer(show=True)
        viewer.window.resize(1280, 720)
        add = viewer.window.add_plugin_dock_widget
        _, adapt = add("napari-metaseg", "MetaSeg")
        _, dock = add("napari-metaseg", "MetaSeg: Meta-train", tabify=True)
        rest(qtbot, adapt)
        rest(qtbot, dock)
        view = dock.view

        choose_data(qtbot, dock)
        assert view.status.text.startswith("Ready: train on 2 tasks, validate on 1")
        folder = start(qtbot, dock)
        assert folder.name == "Platten-fomaml"
        reach(qtbot, dock, "running", 2)
        assert len(view.run.loss.shown[0]) >= 2
        assert len(view.run.gallery.pictures) == 1

        click(qtbot, view.pause)
        assert view.status.text.startswith("Pausing")
        reach(qtbot, dock, "paused")
        paused = read_state(folder)
        assert paused is not None
        qtbot.waitUntil(lambda: not psutil.pid_exists(paused.pid), timeout=LONG)

        click(qtbot, view.resume)
        reach(qtbot, dock, "running", paused.step + 1)
        click(qtbot, view.stop)
        assert view.status.text.startswith("Stopping")
        reach(qtbot, dock, "finished")
        steps = [line["step"] for line in read_log(folder)]
        assert steps == list(range(1, len(steps) + 1))

        # The start is at once among those of the Adapt panel, with its card.
        inits = adapt.view.source.inits
        qtbot.waitUntil(lambda: "Platten-fomaml" in inits.titles, timeout=LONG)
        rest(qtbot, dock)
        rest(qtbot, adapt)
        row = inits.titles.index("Platten-fomaml")
        tip = inits.itemData(row, Qt.ItemDataRole.ToolTipRole)
        assert "AP@0.5" in tip
        card = load_bundle("Platten-fomaml").card
        assert card["training"]["meta_steps"] == len(steps)
        assert "AP@0.5" in view.run.outcome.text()
        dock.office.leave()
        rest(qtbot, dock)


def test_a_killed_run_is_found_again_and_resumed(
    qtbot: QtBot, open_dock: Open, data: Path
) -> None:
    first = open_dock()
    choose_data(qtbot, first)
    folder = start(qtbot, first)
    reach(qtbot, first, "running", 1)

    # A dock that is opened while it goes on shows it at once.
    first.office.leave()
    second = open_dock()
    assert second.office.monitor.folder == folder
    reach(qtbot, second, "running", 2)
    state = read_state(folder)
    assert state is not None
    psutil.Process(state.pid).kill()
    reach(qtbot, second, "interrupted")
    assert second.view.status.text.startswith("The run was interrupted")

    click(qtbot, second.view.resume)
    reach(qtbot, second, "running", state.step + 1)
    click(qtbot, second.view.stop)
    reach(qtbot, second, "finished")
    assert (folder / "bundle" / "card.json").exists()


def test_a_paused_run_is_kept_without_going_on(
    qtbot: QtBot, open_dock: Open, data: Path
) -> None:
    dock = open_dock()
    choose_data(qtbot, dock)
    dock.view.setup.name.setText("kurz")
    folder = start(qtbot, dock)
    assert folder == runs_folder() / "kurz"
    assert not dock.view.pause.isEnabled()
    reach(qtbot, dock, "running", 1)
    click(qtbot, dock.view.pause)
    reach(qtbot, dock, "paused")
    before = len(read_log(folder))

    click(qtbot, dock.view.stop)
    reach(qtbot, dock, "finished")

    assert len(read_log(folder)) == before
    qtbot.waitUntil(lambda: "“kurz”" in dock.view.status.text, timeout=LONG)
    assert (user_folder("models") / "kurz" / "card.json").exists()


def test_what_cannot_be_read_is_told_in_a_sentence(
    qtbot: QtBot, open_dock: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nothing").mkdir()
    monkeypatch.setattr(setup_view, "ask_folder", lambda *_: tmp_path / "nothing")
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
    monkeypatch.setattr(setup_view, "ask_folder", lambda *_: None)
    dock = open_dock()
    before = dock.view.status.text

    click(qtbot, dock.view.setup.choose)

    assert dock.view.status.text == before


def test_a_process_that_fails_says_why_and_opens_its_log(
    qtbot: QtBot, open_dock: Open, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    monkeypatch.setattr(plan, "FREQUENT", ("--nonsense",))
    dock = open_dock()
    choose_data(qtbot, dock)
    folder = start(qtbot, dock)

    qtbot.waitUntil(dock.view.log.isVisible, timeout=LONG)

    assert "unrecognized arguments: --nonsense" in dock.view.status.text
    assert dock.view.resume.isVisible() and dock.view.resume.isEnabled()
    click(qtbot, dock.view.log)
    assert Path(opened[0].toLocalFile()) == folder / "errors.txt"


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


@pytest.mark.parametrize("keep", [True, False])
def test_closing_napari_asks_once_whether_a_run_goes_on(
    qtbot: QtBot,
    make_napari_viewer: Callable[..., Viewer],
    monkeypatch: pytest.MonkeyPatch,
    keep: bool,
) -> None:
    questions: list[str] = []

    def answer(_window: Any, run: str) -> bool:
        questions.append(run)
        return keep

    monkeypatch.setattr(closing, "ask_to_keep", answer)
    run = runs_folder() / "mein Lauf"
    write_going(run)
    viewer = make_napari_viewer(show=True)
    dock = TrainPanel(viewer)
    viewer.window.add_dock_widget(dock, area="right")
    rest(qtbot, dock)
    dock.office.monitor.watch(run, Launched(psutil.Process().pid, None))
    reach(qtbot, dock, "running")

    viewer.close()
    QApplication.processEvents()

    assert questions == ["mein Lauf"]
    assert asked(run) == (None if keep else "pause")


def test_closing_napari_asks_nothing_about_a_run_from_elsewhere(
    qtbot: QtBot,
    make_napari_viewer: Callable[..., Viewer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    questions: list[str] = []
    monkeypatch.setattr(closing, "ask_to_keep", lambda _, run: questions.append(run))
    run = runs_folder() / "other"
    write_going(run)
    remember_run(history_file(), run)
    viewer = make_napari_viewer(show=True)
    dock = TrainPanel(viewer)
    viewer.window.add_dock_widget(dock, area="right")
    rest(qtbot, dock)
    reach(qtbot, dock, "running")

    viewer.close()
    QApplication.processEvents()

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
        *(setup.choose, setup.library, setup.algorithms, setup.inits, setup.devices),
        *(setup.budget, setup.name, setup.place, view.run.loss, view.run.score),
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
