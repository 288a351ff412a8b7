"""What makes a round begin: Adapt is pressed, a stroke ends, starts are compared."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from . import images, past, rounds, snapshot
from .auto_adapt import AutoAdapt

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Labels

    from .bench import Bench
    from .desk import Desk
    from .panel_view import PanelView
    from .work import Work


class Adapting(QObject):
    """Takes a snapshot of the chosen image and hands it to the bench.

    Signals
    -------
    starting :
        A round is about to begin.
    refused : str
        Why none can begin.
    """

    starting = Signal()
    refused = Signal(str)

    def __init__(
        self,
        viewer: ViewerModel,
        view: PanelView,
        desk: Desk,
        bench: Bench,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._view = viewer, view
        self._desk, self._bench = desk, bench
        self._auto = AutoAdapt(view.choices.automatic, desk, bench, self)
        self._auto.due.connect(self._adapt)

    def press(self) -> None:
        """Adapt to what is painted; while that runs, cancel it."""
        if self._bench.running:
            self._bench.cancel()
        else:
            self._adapt()

    def compare(self) -> None:
        """Adapt once from each initialization; the current result stays."""
        chosen = self._chosen()
        if chosen is not None and not self._bench.running:
            self.starting.emit()
            each = snapshot.take_each(self._viewer, *chosen, self._view)
            self._bench.run(chosen[0], partial(past.compare, each), each[0].annotation)

    def leave(self) -> None:
        """Begin nothing any more."""
        self._auto.leave()

    def _adapt(self) -> None:
        """Adapt to what is painted now; a run that is at work is stale."""
        chosen = self._chosen()
        if chosen is not None:
            self.starting.emit()
            request = snapshot.take(self._viewer, *chosen, self._view)
            steps = partial(rounds.adapt, request)
            self._bench.run(chosen[0], steps, request.annotation)

    def _chosen(self) -> tuple[Work, Labels] | None:
        image, reading = self._desk.image, self._desk.reading
        annotation = self._desk.annotation
        if image is None or reading is None or annotation is None:
            return None
        why_not = images.why_not_whole(image, reading)
        if why_not:
            self.refused.emit(why_not)
            return None
        return self._bench.works.on(image, reading), annotation
