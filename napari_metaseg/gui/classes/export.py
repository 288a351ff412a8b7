"""Cells leave with their classes: CSV, GeoJSON or COCO."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info

from napari_metaseg.gui import images, world
from napari_metaseg.gui.asking import ask_path
from napari_metaseg.gui.guidance import Tone
from napari_metaseg.gui.pieces import labels_of
from napari_metaseg.gui.saving import beside
from napari_metaseg.gui.teller import Teller
from napari_metaseg.gui.worker import Runner

from . import class_layer, jobs

if TYPE_CHECKING:
    from pathlib import Path

    from napari.layers import Image
    from qtpy.QtWidgets import QWidget

    from .sheet import Sheet

_KINDS = "Measurements (*.csv);;QuPath GeoJSON (*.geojson);;COCO JSON (*.json)"


class Export(Teller):
    """Asks for a file and writes to it in the background."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self._saving = Runner("Saving", self)
        self._saving.returned.connect(self._on_saved)
        self._saving.refused.connect(self.warn)

    def ask(self, sheet: Sheet, image: Image | None) -> None:
        """Ask for a file and write the cells of a sheet."""
        start = beside(image, f"{sheet.cells.name}_classes.csv")
        title = "Export cells with classes"
        path = ask_path(self._window, title, start, _KINDS)
        if path is None:
            return
        reading = None if image is None else class_layer.reading_of(image, sheet.cells)
        self._saving.start(
            partial(
                jobs.export,
                path,
                labels_of(sheet.cells).copy(),
                sheet.classes(),
                None if image is None else images.pixels(image),
                reading,
                world.pixel_size(sheet.cells),
            )
        )

    def _on_saved(self, path: Path) -> None:
        show_info(f"Saved {path}")
        self.say(f"Saved {path}", Tone.DONE)
