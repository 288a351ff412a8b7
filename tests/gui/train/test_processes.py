"""A run that several processes share, begun and ended by the mouse in the dock."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psutil
from qtpy.QtCore import Qt

from napari_metaseg.core.devices import DeviceInfo
from napari_metaseg.gui.rounds import Ready
from napari_metaseg.gui.train import plan
from napari_metaseg.workflows.run_state import read_log, read_state

from .conftest import QUICK
from .training import LONG, choose_data, click, reach, start

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest
    from pytestqt.qtbot import QtBot

    from napari_metaseg.gui.train.train_panel import TrainPanel

    Open = Callable[[], TrainPanel]


def processes_of(run: Path) -> list[psutil.Process]:
    """Return the launcher of a run, and the processes that share it."""
    state = read_state(run)
    assert state is not None and state.going
    launcher = psutil.Process(state.pid).parent()
    assert launcher is not None
    return [launcher, *launcher.children()]


def gone(processes: list[psutil.Process]) -> bool:
    return not any(
        p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes
    )


def test_two_processes_share_a_run_and_end_together(
    qtbot: QtBot, open_dock: Open, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "FREQUENT", (*QUICK, "--tasks-per-step", "2"))
    dock = open_dock()
    view = dock.view
    choose_data(qtbot, dock)
    view.setup.processes.allow(2)
    view.setup.processes.setFocus()
    qtbot.keyClick(view.setup.processes, Qt.Key.Key_Up)
    assert view.setup.processes.text() == "× 2"
    folder = start(qtbot, dock)
    reach(qtbot, dock, "running", 2)
    assert "2 × CPU" in view.run.facts.text()
    launcher, *both = processes_of(folder)
    assert len(both) == 2

    # One of them is killed, and not the one that writes the state.
    state = read_state(folder)
    next(p for p in both if state is not None and p.pid != state.pid).kill()
    qtbot.waitUntil(lambda: gone([launcher, *both]), timeout=LONG)
    said = "Another process of this run has ended"
    qtbot.waitUntil(lambda: view.status.text.startswith(said), timeout=LONG)
    done = len(read_log(folder))

    click(qtbot, view.resume)
    reach(qtbot, dock, "running", done + 1)
    again = processes_of(folder)
    assert len(again) == 3
    click(qtbot, view.pause)
    reach(qtbot, dock, "paused")
    qtbot.waitUntil(lambda: gone(again), timeout=LONG)
    steps = [line["step"] for line in read_log(folder)]
    assert steps == list(range(1, len(steps) + 1))


def test_a_process_is_proposed_for_each_gpu(open_dock: Open) -> None:
    setup = open_dock().view.setup
    devices = (
        DeviceInfo("auto", "Automatic: GPU", True, count=64),
        DeviceInfo("cpu", "CPU", True),
        DeviceInfo("cuda", "GPU", True, count=64),
    )
    assert setup.processes.value() == 1
    assert setup.processes.maximum() == os.cpu_count()

    setup.offer_ready(Ready((), devices))
    assert setup.processes.value() == 64
    setup.devices.choose("cpu")
    assert setup.processes.value() == 1
    setup.devices.choose("cuda")
    setup.processes.setValue(2)
    setup.offer_ready(Ready((), devices))
    assert setup.processes.value() == 2, "what was chosen stays"
