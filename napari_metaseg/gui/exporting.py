"""The cells shown leave as files, or are measured into the features of their layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_metaseg.core.words import counted

from . import images, layers, world
from .camera import visible_plane
from .classes import table
from .display import snapshot_of
from .exports import Snapshot
from .guidance import Tone
from .teller import Teller
from .worker import Runner

if TYPE_CHECKING:
    import pandas as pd
    from napari.components import ViewerModel
    from napari.layers import Labels
    from qtpy.QtCore import QObject

    from .bench import Bench
    from .desk import Desk
    from .panel_view import PanelView
    from .saving import Saver
    from .work import Work


class Exporter(Teller):
    """Exports and measures the cells of the chosen target.

    Parameters
    ----------
    viewer : ViewerModel
        Its sliders say which plane a figure shows.
    desk, bench : Desk, Bench
        The chosen image, and what is shown of it.
    view : PanelView
        Its two buttons.
    saver : Saver
        Asks for the file and writes it.
    parent : QObject
        Owner.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        desk: Desk,
        bench: Bench,
        view: PanelView,
        saver: Saver,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._desk, self._bench = viewer, desk, bench
        self._view, self._saver = view, saver
        self._measured: Labels | None = None
        self._measuring = Runner("Measuring cells", self)
        self._measuring.returned.connect(self._on_measured)
        self._measuring.refused.connect(self._on_refused)
        self._measuring.idle.connect(self.refresh)
        view.export.clicked.connect(self.export)
        view.measure.clicked.connect(self.measure)
        for signal in (saver.begun, saver.idle):
            signal.connect(self.refresh)
        for signal in (desk.image_changed, desk.changed, bench.changed, bench.shown):
            signal.connect(self.refresh)
        bench.shown.connect(self._forget)
        self.refresh()

    def export(self) -> None:
        """Ask for a file and write the cells as they are shown."""
        shown = self._shown()
        if shown is not None and not self._saver.busy:
            work, cells = shown
            self._saver.export(work.image, work.reading, self._snapshot(work, cells))

    def measure(self) -> None:
        """Measure the cells into the features of their layer."""
        shown = self._shown()
        if shown is not None and not self._measuring.running:
            work, self._measured = shown
            self._measuring.start(self._snapshot(work, self._measured).measure)
            self.refresh()

    def leave(self) -> None:
        """Take no notice any more of what is being measured."""
        self._measuring.drop()

    def refresh(self) -> None:
        """Offer what is possible now."""
        possible = self._shown() is not None
        self._view.export.setEnabled(possible and not self._saver.busy)
        self._view.measure.setEnabled(possible and not self._measuring.running)

    def _shown(self) -> tuple[Work, Labels] | None:
        """Return the work on the chosen image and the layer of its cells.

        While a run is at work a preview may stand there, which is no result.
        """
        work = self._bench.works.of(self._desk)
        if work is None or work.last is None or self._bench.running:
            return None
        cells = layers.find_cells(self._viewer.layers, work.image, work.reading)
        return None if cells is None else (work, cells)

    def _snapshot(self, work: Work, cells: Labels) -> Snapshot:
        image, reading = work.image, work.reading
        return Snapshot(
            snapshot_of(work, cells),
            images.pixels(image),
            reading.axes,
            reading.channel,
            world.pixel_size(image),
            image.name,
            visible_plane(self._viewer, cells),
            world.z_step(image, reading.axes),
            world.offset(image, reading.axes),
        )

    def _on_measured(self, features: pd.DataFrame) -> None:
        cells, self._measured = self._measured, None
        if cells is None or cells not in self._viewer.layers:
            return
        table.write_measurements(cells, features)
        found = counted(len(features), "cell")
        text = (
            f"Measured {found}: select '{cells.name}' and open napari's features table "
            "(Layers > Metadata)."
        )
        self.say(text, Tone.DONE)

    def _on_refused(self, reason: str) -> None:
        self._measured = None
        self.warn(reason)

    def _forget(self, work: Work) -> None:
        """Take away what was measured of cells that are shown otherwise by now."""
        cells = layers.find_cells(self._viewer.layers, work.image, work.reading)
        if cells is not None and len(cells.features.columns):
            table.forget_measurements(cells)
        if cells is not None and cells is self._measured:
            self._measuring.drop()
