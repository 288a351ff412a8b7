"""Real runs, in processes of their own, begun and ended by the mouse in the dock."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from qtpy.QtCore import Qt
from qtpy.QtGui import QDesktopServices

from napari_metaseg.gui.train import plan
from napari_metaseg.gui.train.train_panel import TrainPanel
from napari_metaseg.io.bundle import load_bundle
from napari_metaseg.workflows.run_state import read_log, read_state

from .training import LONG, choose_data, click, reach, rest, start

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from napari import Viewer
    from pytestqt.qtbot import QtBot

    Open = Callable[[], TrainPanel]

ROOT = Path(__file__).resolve().parents[3]


def test_a_run_is_started_killed_found_again_resumed_paused_and_kept(
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
        _, first = add("napari-metaseg", "MetaSeg: Meta-train", tabify=True)
        rest(qtbot, adapt)
        rest(qtbot, first)
        choose_data(qtbot, first)
        ready = first.view.status.text
        assert ready.startswith("Ready: train on 2 tasks, validate on 1")
        folder = start(qtbot, first)
        assert folder.name == "Platten-fomaml"
        assert not first.view.pause.isEnabled(), "it has not begun yet"
        reach(qtbot, first, "running", 2)
        assert len(first.view.run.loss.shown[0]) >= 2
        assert len(first.view.run.gallery.pictures) == 1

        # A dock that is opened while it goes on shows it at once.
        first.office.leave()
        dock = TrainPanel(viewer)
        viewer.window.add_dock_widget(dock, area="right", tabify=True)
        rest(qtbot, dock)
        assert dock.office.monitor.folder == folder
        reach(qtbot, dock, "running")
        state = read_state(folder)
        assert state is not None
        psutil.Process(state.pid).kill()
        reach(qtbot, dock, "interrupted")
        view = dock.view
        assert view.status.text.startswith("The run was interrupted")

        click(qtbot, view.resume)
        reach(qtbot, dock, "running", state.step + 1)
        click(qtbot, view.pause)
        assert view.status.text.startswith("Pausing")
        reach(qtbot, dock, "paused")
        paused = read_state(folder)
        assert paused is not None
        qtbot.waitUntil(lambda: not psutil.pid_exists(paused.pid), timeout=LONG)
        steps = [line["step"] for line in read_log(folder)]
        assert steps == list(range(1, len(steps) + 1))

        click(qtbot, view.stop)
        reach(qtbot, dock, "finished")
        assert len(read_log(folder)) == len(steps), "it was kept without going on"
        qtbot.waitUntil(lambda: "“Platten-fomaml”" in view.status.text, timeout=LONG)

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
