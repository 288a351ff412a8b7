"""Starts leave as one file, and come in from one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal

from napari_metaseg.gui.asking import ask_file, ask_path
from napari_metaseg.gui.guidance import Tone
from napari_metaseg.gui.news import STARTS
from napari_metaseg.gui.teller import Teller
from napari_metaseg.gui.worker import Runner

from .keeping import free_start

if TYPE_CHECKING:
    from collections.abc import Generator

    from qtpy.QtWidgets import QWidget

    from napari_metaseg.gui.worker import Tick

_KIND = "Start (*.zip)"


class Sharing(Teller):
    """Asks for files, and writes or installs starts, one at a time.

    Parameters
    ----------
    window : QWidget
        Parent of the dialogs.

    Signals
    -------
    installed : str
        Name of a start that has come in.
    """

    installed = Signal(str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._exporting = Runner("Exporting a start", self)
        self._importing = Runner("Installing a start", self)
        self._exporting.returned.connect(self._on_exported)
        self._importing.returned.connect(self._on_imported)
        for runner in (self._exporting, self._importing):
            runner.refused.connect(self.warn)

    def export(self, name: str) -> None:
        """Ask for a file and write a start to it."""
        start = Path.home() / f"{name}.zip"
        path = ask_path(self._window, "Export a start", start, _KIND)
        if path is not None:
            self._exporting.start(partial(_export, name, path))

    def take_in(self) -> None:
        """Ask for a file and install the start that it holds."""
        path = ask_file(self._window, "Install a start", Path.home(), _KIND)
        if path is not None:
            self._importing.start(partial(_take_in, path))

    def leave(self) -> None:
        """Take no notice any more of what is under way."""
        self._exporting.drop()
        self._importing.drop()

    def _on_exported(self, path: Path) -> None:
        self.say(f"Saved {path}", Tone.DONE)

    def _on_imported(self, name: str) -> None:
        text = f"Installed “{name}”: it can be chosen under Start from."
        self.say(text, Tone.DONE)
        self.installed.emit(name)
        STARTS.changed.emit()


def _export(name: str, file: Path) -> Generator[Tick, None, Path]:
    # Imported late, here and below: it loads torch.
    from napari_metaseg.io.sharing import export_bundle

    yield from ()
    # The dialog has asked.
    return export_bundle(name, file, overwrite=True)


def _take_in(file: Path) -> Generator[Tick, None, str]:
    from napari_metaseg.io.bundle import bundled_names
    from napari_metaseg.io.sharing import import_bundle

    yield from ()
    return import_bundle(file, free_start(file.stem, bundled_names()))
