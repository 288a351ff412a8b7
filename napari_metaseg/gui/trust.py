"""What lets a person trust a result: review, maps, a test, and a text for a paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .held_out import HeldOut
from .maps import Maps
from .methods import copy_methods
from .review import Review
from .review_part import ReviewPart
from .teller import Teller

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel
    from qtpy.QtCore import QObject

    from .bench import Bench
    from .desk import Desk
    from .panel_view import PanelView
    from .tools import Tools


class Trust(Teller):
    """Joins these parts and puts them into the panel."""

    def __init__(
        self,
        viewer: ViewerModel,
        desk: Desk,
        bench: Bench,
        tools: Tools,
        view: PanelView,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._desk, self._bench = desk, bench
        self.part = part = ReviewPart()
        view.add_fold("Review", part)
        keys = view.tools.keys
        self.review = Review(viewer, desk, bench, tools, part, keys, self)
        self.maps = Maps(viewer.layers, desk, bench, part.maps, self)
        self.held_out = HeldOut(viewer, desk, self)
        part.hold_out.clicked.connect(self.held_out.toggle)
        view.methods.clicked.connect(self._copy_methods)
        self.review.told.connect(self.told)
        self.held_out.told.connect(self.told)

    @property
    def keys(self) -> dict[str, Callable[[], None]]:
        """What each key does; takes the place of those of the tools."""
        return self.review.keys

    def leave(self) -> None:
        """Leave the layers alone and end whatever runs."""
        self.review.leave()
        self.maps.leave()

    def _copy_methods(self) -> None:
        work = self._bench.works.of(self._desk)
        if work is not None and work.last is not None:
            self.told.emit(copy_methods(work.last))
