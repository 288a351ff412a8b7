"""Existing masks, of a layer or a file, serve as annotation."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.filling import fill_unknown

from . import guidance, images, layers
from .asking import ask_file
from .teller import Teller
from .worker import Runner

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari.components import LayerList
    from napari.layers import Labels
    from numpy.typing import NDArray
    from qtpy.QtWidgets import QWidget

    from napari_metaseg.core.filling import Filling

    from .desk import Desk
    from .mask_form import MaskForm
    from .worker import Tick

_KINDS = "Masks (*.tif *.tiff *.png *.bmp *.zip *.roi *.geojson *.json)"


class Masks(Teller):
    """Puts masks into the annotation, as one step for undo."""

    def __init__(
        self, layer_list: LayerList, desk: Desk, form: MaskForm, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._layers = layer_list
        self._desk = desk
        self._form = form
        self._window = parent
        self._target: Labels | None = None
        self._reading = Runner("Reading masks", self)
        self._reading.returned.connect(self._on_read)
        self._reading.refused.connect(self.warn)
        form.use.clicked.connect(self.use_layer)
        form.open.clicked.connect(self.ask_file)
        desk.changed.connect(self._offer)
        self._offer()

    def use_layer(self) -> None:
        """Take the cells of the chosen layer, or only the one selected in it."""
        layer = self._form.layer
        if layer is not None and layer in self._layers:
            selected = self._form.selected_only.isChecked()
            only = layer.selected_label if selected else None
            data = images.finest(layer)
            self._read(lambda: _of_layer(data, only))

    def ask_file(self) -> None:
        """Ask for a file of masks and take its cells."""
        image = self._desk.image
        source = None if image is None else image.source.path
        start = None if source is None else Path(source)
        title = "Masks that serve as annotation"
        path = ask_file(self._window, title, start, _KINDS)
        if path is not None:
            self.use_file(path)

    def use_file(self, path: Path) -> None:
        """Take the cells of a file."""
        image, reading = self._desk.image, self._desk.reading
        if image is not None and reading is not None:
            self._read(partial(_of_file, path, images.pixels(image), reading.axes))

    def leave(self) -> None:
        """Take no notice any more of what is being read."""
        self._reading.drop()

    def _read(self, masks: Callable[[], NDArray[Any]]) -> None:
        annotation = self._desk.annotation_at_hand()
        if annotation is not None:
            self._target = annotation
            self._reading.start(partial(_fill, annotation.data, masks))

    def _offer(self) -> None:
        """Offer every label layer but the annotation itself."""
        image, reading = self._desk.image, self._desk.reading
        own = self._desk.annotation
        possible = own is not None
        if not possible and image is not None and reading is not None:
            possible = not images.why_not_whole(image, reading)
        others = [layer for layer in layers.label_layers(self._layers) if layer != own]
        self._form.offer(others, possible=possible)

    def _on_read(self, filling: Filling) -> None:
        annotation, self._target = self._target, None
        if annotation is not None and annotation in self._layers:
            layers.fill(annotation, filling)
            self.told.emit(guidance.filled("made examples", filling))


def _of_layer(data: Any, only: int | None) -> NDArray[Any]:
    masks = np.asarray(data)
    return masks if only is None else np.where(masks == only, masks, 0)


def _of_file(path: Path, pixels: Any, axes: str) -> NDArray[Any]:
    from napari_metaseg.io.images import ImageFile
    from napari_metaseg.io.instances import read_instances

    image = ImageFile(pixels, axes, None)  # only its shape is needed
    return read_instances(path, image).data


def _fill(
    annotation: NDArray[np.int32], masks: Callable[[], NDArray[Any]]
) -> Generator[Tick, None, Filling]:
    """Read masks and see where they can be put in; axes of length one do not count."""
    yield from ()
    found = masks()
    if found.squeeze().shape == annotation.squeeze().shape:
        found = found.reshape(annotation.shape)
    return fill_unknown(annotation, found)
