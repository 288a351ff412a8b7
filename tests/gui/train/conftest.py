"""A home of the test's own, three small tasks, and docks that are closed in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest
from napari.components import ViewerModel

from napari_metaseg.gui.train import launch, plan, train_panel
from napari_metaseg.gui.train.history import runs_folder
from napari_metaseg.gui.train.train_panel import TrainPanel
from napari_metaseg.workflows.run_state import read_state

from .training import draw_tasks, rest, small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

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


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three tasks, which is what the dialog answers."""
    folder = tmp_path / "Platten"
    draw_tasks(folder, ("eins", "zwei", "drei"))
    monkeypatch.setattr(train_panel, "ask_folder", lambda *_: folder)
    return folder


@pytest.fixture
def open_dock(qtbot: QtBot) -> Iterator[Callable[[], TrainPanel]]:
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
