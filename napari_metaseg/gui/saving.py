"""Export of cells and models: ask where, write in a thread, confirm the path."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import QObject, Signal

from . import rounds
from .asking import ask_path
from .exports import is_figure, kinds_of_files
from .figure_form import Looks, ask_looks
from .worker import Runner

if TYPE_CHECKING:
    from napari.layers import Image
    from qtpy.QtWidgets import QWidget

    from napari_metaseg.core.settings import DecodeSettings
    from napari_metaseg.workflows.adapt import AdaptedModel

    from .exports import Snapshot
    from .images import Reading
    from .worker import Steps


class Saver(QObject):
    """Writes files, one at a time: a second would take the place of the first.

    Signals
    -------
    begun :
        A file is being written.
    saved : str
        What was written where.
    refused : str
        Why nothing was written.
    idle :
        The next file can be written.
    """

    begun = Signal()
    saved = Signal(str)
    refused = Signal(str)
    idle = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._folder: Path | None = None
        self._runner = Runner("Saving", self)
        self._runner.returned.connect(self._on_saved)
        self._runner.refused.connect(self._on_refused)
        self._runner.idle.connect(self.idle)

    @property
    def busy(self) -> bool:
        """Whether a file is being written."""
        return self._runner.running

    def export(self, image: Image, reading: Reading, cells: Snapshot) -> None:
        """Ask for a file, and how a figure looks, and write cells to it."""
        start = self.beside(image, f"{reading.target.name}.tif")
        path = ask_path(self._window, "Export cells", start, kinds_of_files())
        if path is None:
            return
        looks: Looks | None = Looks()
        if is_figure(path):
            looks = ask_looks(self._window, scaled=cells.pixel_size is not None)
        if looks is not None:
            self.write(path, partial(cells.write, path, looks))

    def save_model(
        self, image: Image, model: AdaptedModel, settings: DecodeSettings
    ) -> None:
        """Ask for a folder and save the adapted model as it."""
        start = self.beside(image, "model")
        path = ask_path(self._window, "Save model as a folder", start, "Folder (*)")
        if path is not None:
            self.write(path, partial(rounds.save_model, path, model, settings))

    def write(self, path: Path, steps: Steps) -> None:
        """Write a file, by a generator that returns its path."""
        self._folder = path.parent
        self._runner.start(steps)
        self.begun.emit()

    def beside(self, image: Image, ending: str) -> Path:
        """Propose a name, in the folder used last or else in the image's."""
        return beside(image, ending, self._folder)

    def _on_saved(self, path: Path) -> None:
        text = f"Saved {path}"
        show_info(text)
        self.saved.emit(text)

    def _on_refused(self, reason: str) -> None:
        show_warning(reason)
        self.refused.emit(reason)


def beside(image: Image | None, ending: str, folder: Path | None = None) -> Path:
    """Propose a name made of an image's, in a folder or else in the image's."""
    source = None if image is None else image.source.path
    if folder is None:
        folder = Path.home() if source is None else Path(source).parent
    name = "cells" if image is None else image.name
    name = re.sub(r'[<>:"/\\|?*\s]+', "_", name).strip("_.")
    return folder / f"{name or 'image'}_{ending}"
