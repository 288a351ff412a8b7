"""Export of masks and models: ask where, write in a thread, confirm the path."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QFileDialog, QWidget

from . import images, rounds
from .worker import Runner

if TYPE_CHECKING:
    import numpy as np
    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_metaseg.workflows.adapt import AdaptedModel

    from .images import Reading
    from .worker import Steps


class Saver(QObject):
    """Writes files, one at a time.

    Signals
    -------
    saved : str
        What was written where.
    refused : str
        Why nothing was written.
    idle :
        The next file can be written.
    """

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

    def export(self, image: Image, reading: Reading, labels: NDArray[np.int32]) -> None:
        """Ask for a file and write instances to it, with the image's pixel size."""
        start = self._beside(image, f"{reading.target.name}.tif")
        path = ask_path(self._window, "Export masks", start, "TIFF (*.tif *.tiff)")
        if path is not None:
            axes = reading.axes.replace("C", "")
            size = images.pixel_size(image)
            self._write(path, partial(rounds.export, path, labels, axes, size))

    def save_model(self, image: Image, model: AdaptedModel) -> None:
        """Ask for a folder and save the adapted model as it."""
        start = self._beside(image, "model")
        path = ask_path(self._window, "Save model as a folder", start, "Folder (*)")
        if path is not None:
            self._write(path, partial(rounds.save_model, path, model))

    def _write(self, path: Path, steps: Steps) -> None:
        self._folder = path.parent
        self._runner.start(steps)

    def _beside(self, image: Image, ending: str) -> Path:
        """Propose a name, in the folder used last or else in the image's."""
        folder = self._folder
        if folder is None:
            source = image.source.path
            folder = Path.home() if source is None else Path(source).parent
        name = re.sub(r'[<>:"/\\|?*\s]+', "_", image.name).strip("_.")
        return folder / f"{name or 'image'}_{ending}"

    def _on_saved(self, path: Path) -> None:
        text = f"Saved {path}"
        show_info(text)
        self.saved.emit(text)

    def _on_refused(self, reason: str) -> None:
        show_warning(reason)
        self.refused.emit(reason)


def ask_path(window: QWidget, title: str, start: Path, kinds: str) -> Path | None:
    """Ask for a new file; the dialog asks again before one is replaced.

    Parameters
    ----------
    window : QWidget
        The dialog's parent.
    title : str
        Title of the dialog.
    start : Path
        Name proposed; its suffix is added where the person gives none.
    kinds : str
        Filter, as Qt writes it.

    Returns
    -------
    Path or None
        None if the person changed their mind.
    """
    dialog = QFileDialog(window, title, str(start.parent), kinds)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(start.suffix.lstrip("."))
    dialog.selectFile(start.name)
    chosen = dialog.selectedFiles() if dialog.exec() else []
    dialog.deleteLater()
    return Path(chosen[0]) if chosen else None
