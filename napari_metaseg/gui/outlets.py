"""Where results go: files, features, sessions, folders, big images, the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .exporting import Exporter
from .folders import Folders
from .large import Large
from .library import Library
from .sessions import Sessions
from .teller import Teller

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from qtpy.QtWidgets import QWidget

    from .bench import Bench
    from .desk import Desk
    from .panel_view import PanelView
    from .saving import Saver


class Outlets(Teller):
    """Joins the parts that take the current result somewhere."""

    def __init__(
        self,
        viewer: ViewerModel,
        desk: Desk,
        bench: Bench,
        view: PanelView,
        saver: Saver,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.exporter = Exporter(viewer, desk, bench, view, saver, self)
        self.sessions = Sessions(viewer.layers, desk, bench, view, saver, parent)
        self.folders = Folders(desk, bench, view.folder, self)
        self.large = Large(viewer.layers, desk, bench, view, saver, parent)
        self.library = Library(viewer.layers, desk, bench, view.library, self)
        self._parts = (
            *(self.exporter, self.sessions, self.folders, self.large),
            self.library,
        )
        for part in self._parts:
            part.told.connect(self.told)

    def leave(self) -> None:
        """End whatever runs."""
        for part in self._parts:
            part.leave()
