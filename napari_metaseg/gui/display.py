"""What is shown of works: their cells, and previews while a run is at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import images, layers
from .region import show_region

if TYPE_CHECKING:
    from napari.components import LayerList
    from numpy.typing import NDArray

    from napari_metaseg.workflows.results import Region

    from .rounds import Followed
    from .work import Work


class Display:
    """Shows the cells of works as layers of a viewer.

    Images that were removed or resized meanwhile are passed over.

    Parameters
    ----------
    layer_list : LayerList
        The viewer's layers.
    """

    def __init__(self, layer_list: LayerList) -> None:
        self._layers = layer_list
        self._preview: NDArray[np.int32] | None = None

    def begin(self) -> None:
        """Know of no preview: another run begins."""
        self._preview = None

    def show(self, work: Work, labels: NDArray[np.int32]) -> bool:
        """Show instances if the image is still there and has their shape."""
        if work.image not in self._layers:
            return False
        if labels.shape != images.annotation_shape(work.image, work.reading):
            return False
        layers.show_cells(self._layers, work.image, work.reading, labels)
        return True

    def preview(self, work: Work, labels: NDArray[np.int32]) -> None:
        """Show instances that a run has found so far."""
        if self.show(work, labels):
            self._preview = labels

    def region(self, work: Work, region: Region) -> None:
        """Show a part anew, if it is this run's preview that stands there."""
        cells = layers.find_cells(self._layers, work.image, work.reading)
        drawn = self._preview
        if cells is not None and drawn is not None:
            if np.may_share_memory(cells.data, drawn):
                show_region(cells, region)

    def follow(self, work: Work, followed: Followed) -> bool:
        """Show what the annotation has changed; tell whether there are cells shown."""
        cells = layers.find_cells(self._layers, work.image, work.reading)
        if cells is None:
            return False
        pixels = followed.pixels
        layers.update_cells(cells, pixels, followed.decoded.labels[pixels])
        return True

    def withdraw(self, work: Work) -> None:
        """Take the preview of a run away that has come to nothing."""
        if self._preview is not None and work.image in self._layers:
            layers.hide_cells(self._layers, work.image, work.reading)

    def annotation_of(self, work: Work) -> NDArray[np.int32]:
        """Return the annotation; the one last known if its layer is gone."""
        layer = layers.find_annotation(self._layers, work.image, work.reading)
        if layer is not None:
            drawn: NDArray[np.int32] = layer.data
            return drawn
        if work.shown is not None:
            return work.shown.annotation
        return np.zeros(images.annotation_shape(work.image, work.reading), np.int32)
