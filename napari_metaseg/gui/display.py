"""What is shown of works: their cells, and previews while a run is at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import images, layers, pieces
from .live import show_part

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Labels
    from numpy.typing import NDArray
    from qtpy.QtCore import QObject

    from napari_metaseg.workflows.results import Part

    from .decoding import Followed
    from .work import Work


class Display:
    """Shows the cells of works as layers of a viewer.

    Images that were removed or resized meanwhile are passed over. What is covered by
    another reading of its image is not drawn until that is turned back to.

    Parameters
    ----------
    viewer : ViewerModel
        Where the layers are.
    parent : QObject
        With it ends what is being shown.
    """

    def __init__(self, viewer: ViewerModel, parent: QObject) -> None:
        self._layers = viewer.layers
        self._pieces = pieces.Pieces(viewer, parent)
        self._preview: Labels | None = None

    def begin(self) -> None:
        """Know of no preview: another run begins."""
        self._preview = None

    def show(
        self, work: Work, labels: NDArray[np.int32], *, given: bool = False
    ) -> bool:
        """Show instances, and tell whether the image is there and has their shape.

        What is given to be written to is not copied, which takes 0.1 s for 64 MB.
        """
        if work.image not in self._layers:
            return False
        if labels.shape != images.annotation_shape(work.image, work.reading):
            return False
        if work.covered:
            return True
        self._preview = None
        cells = layers.find_cells(self._layers, work.image, work.reading)
        if cells is None or not self._pieces.show(cells, labels):
            drawn = labels if given else self._pieces.prepare(labels)
            cells = layers.show_cells(self._layers, work.image, work.reading, drawn)
            self._pieces.claim(cells)
        return True

    def clear(self, work: Work) -> None:
        """Show no cells; their layer stays, with all that a person has set of it."""
        cells = layers.find_cells(self._layers, work.image, work.reading)
        if cells is not None:
            self.show(work, np.zeros(cells.data.shape, np.int32), given=True)

    def preview(self, work: Work, labels: NDArray[np.int32]) -> None:
        """Show instances that a run has found so far, and that nobody else holds."""
        if self.show(work, labels, given=True) and not work.covered:
            self._preview = layers.find_cells(self._layers, work.image, work.reading)

    def part(self, work: Work, part: Part) -> None:
        """Show a part anew, if it is this run's preview that stands there."""
        cells = layers.find_cells(self._layers, work.image, work.reading)
        if cells is not None and cells is self._preview:
            pieces.change(cells, part)
            show_part(cells, part)

    def follow(self, work: Work, followed: Followed) -> bool:
        """Show what the annotation has changed; tell whether there are cells shown."""
        cells = layers.find_cells(self._layers, work.image, work.reading)
        if cells is None or work.covered:
            return False
        pixels, labels = followed.pixels, followed.decoded.labels
        pieces.go_on_with(cells, labels)
        layers.update_cells(cells, pixels, labels[pixels])
        return True

    def finish(self) -> None:
        """Show at once what is still being shown in pieces."""
        for layer in layers.label_layers(self._layers):
            pieces.finish(layer)

    def withdraw(self, work: Work) -> None:
        """Take the preview of a run away that has come to nothing."""
        if self._preview is not None and work.image in self._layers:
            layers.hide_cells(self._layers, work.image, work.reading)
        self._preview = None

    def annotation_of(self, work: Work) -> NDArray[np.int32]:
        """Return the annotation; the one last known if its layer is gone."""
        layer = layers.find_annotation(self._layers, work.image, work.reading)
        if layer is not None:
            drawn: NDArray[np.int32] = layer.data
            return drawn
        if work.shown is not None:
            return work.shown.annotation
        return np.zeros(images.annotation_shape(work.image, work.reading), np.int32)


def snapshot_of(work: Work, cells: Labels) -> NDArray[np.int32]:
    """Return what a layer shows of a work, as it stands: later edits do not change it.

    Large results are not copied, which would hold up the window: they are shown in an
    array of the layer's own, and nothing is written to the one that the work has.
    """
    labels = None if work.shown is None else work.shown.labels
    if labels is None or labels is cells.data or not pieces.is_large(labels):
        return pieces.labels_of(cells).copy()
    return labels
