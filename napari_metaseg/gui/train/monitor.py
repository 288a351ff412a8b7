"""Follows one run: looks at its folder once a second, in a thread."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Signal

from napari_metaseg.gui.worker import Runner

from .watch import look

if TYPE_CHECKING:
    from pathlib import Path

    from .watch import Glimpse, Launched

_PAUSE = 1000  # ms


class Monitor(QObject):
    """Watches the folder of the run that is shown.

    Signals
    -------
    seen : object
        The `Glimpse` of each look.
    """

    seen = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.glimpse: Glimpse | None = None
        self._folder: Path | None = None
        self._launched: dict[Path, Launched] = {}
        self._runner = Runner("Looking", self)
        self._runner.returned.connect(self._on_look)
        self._timer = QTimer(self)
        self._timer.setInterval(_PAUSE)
        self._timer.timeout.connect(self._look)

    @property
    def folder(self) -> Path | None:
        """Folder of the run that is watched."""
        return self._folder

    @property
    def launched(self) -> tuple[Path, ...]:
        """Folders of the runs that were started from here."""
        return tuple(self._launched)

    def watch(self, folder: Path | None, launched: Launched | None = None) -> None:
        """Watch a run; None for none.

        Parameters
        ----------
        folder : Path or None
            Folder of the run.
        launched : Launched, optional
            Its process, if it has just been started from here.
        """
        self._runner.drop()
        if launched is not None and folder is not None:
            self._launched[folder] = launched
        if folder != self._folder:
            self.glimpse = None
        self._folder = folder
        if folder is None:
            self._timer.stop()
        else:
            self._timer.start()
            self._look()

    def leave(self) -> None:
        """Look no more."""
        self.watch(None)

    def _look(self) -> None:
        # A slow disk must not pile up looks.
        if self._folder is not None and not (
            self._runner.running and not self._runner.stopping
        ):
            launched = self._launched.get(self._folder)
            self._runner.start(partial(look, self._folder, self.glimpse, launched))

    def _on_look(self, glimpse: Glimpse) -> None:
        self.glimpse = glimpse
        self.seen.emit(glimpse)
