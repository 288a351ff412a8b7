"""The layer that shows classes: which it is, where it lies, and its colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels
from napari.utils.colormaps import DirectLabelColormap
from napari.utils.colormaps.standardize_color import transform_color

from napari_metaseg.gui import images, layers, marks, world
from napari_metaseg.gui.pieces import labels_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from napari.components import LayerList
    from napari.layers import Layer

_ROLE = "classes"
_GIVEN, _GUESSED = 0.95, 0.5  # opacity of examples and of all others
_UNKNOWN = (0.5, 0.5, 0.5, 0.3)


def cell_layers(shown: LayerList) -> list[Labels]:
    """List the layers whose cells can have classes; annotations are none."""
    return [
        layer
        for layer in layers.label_layers(shown)
        if not layer.multiscale
        and isinstance(layer.data, np.ndarray)
        and (marks.mark_of(layer) or {}).get("role") != _ROLE
        and layers.annotated_image(shown, layer) is None
    ]


def is_image(layer: Layer) -> bool:
    """Whether a layer is an image, and no map that we made of one."""
    return isinstance(layer, Image) and marks.mark_of(layer) is None


def image_of(shown: LayerList, cells: Labels) -> Image | None:
    """Return the image in which cells lie: their own, or else one of their shape."""
    mark = marks.mark_of(cells)
    fitting = [i for i in layers.image_layers(shown) if reading_of(i, cells)]
    own = (i for i in fitting if mark is not None and marks.is_of(mark, i))
    return next(own, fitting[0] if fitting else None)


def reading_of(image: Image, cells: Labels) -> images.Reading | None:
    """Return how an image is read so that the cells fit it: with all channels."""
    fits = [
        reading
        for reading in images.readings(image)
        if images.annotation_shape(image, reading) == cells.data.shape
    ]
    return next((r for r in fits if r.channel is None), fits[0] if fits else None)


def find(shown: LayerList, cells: Labels) -> Labels | None:
    """Return the layer that shows the classes of cells, if there is one."""
    for layer in layers.label_layers(shown):
        mark = marks.mark_of(layer)
        if mark and mark["role"] == _ROLE and mark["target"] == str(cells.unique_id):
            return layer
    return None


def make(shown: LayerList, cells: Labels) -> Labels:
    """Add a layer for classes right below the cells, whose outlines stay in sight."""
    layer = Labels(
        labels_of(cells).copy(),
        name=f"{cells.name} classes",
        opacity=0.8,
        **world.same_place(cells, tuple(range(cells.ndim))),
    )
    marks.link_to(layer, cells, _ROLE)
    chosen = set(shown.selection)
    shown.insert(shown.index(cells), layer)
    shown.selection = chosen
    return layer


def paint(layer: Labels, colours: Mapping[int, str], examples: Collection[int]) -> None:
    """Colour cells by class; examples stand out, and cells without a class are grey.

    Parameters
    ----------
    layer : Labels
        What `make` returned.
    colours : mapping of int to str
        Colour of cells, by number.
    examples : collection of int
        Numbers of those given by the person.
    """
    rgb = {text: transform_color(text)[0][:3] for text in set(colours.values())}
    chosen: dict[int | None, Any] = {
        number: np.append(rgb[text], _GIVEN if number in examples else _GUESSED)
        for number, text in colours.items()
    }
    always: dict[int | None, Any] = {0: "transparent", None: _UNKNOWN}
    layer.colormap = DirectLabelColormap(color_dict=always | chosen)


def number_at(layer: Labels, position: tuple[float, ...]) -> int:
    """Return the number of the cell at a place of the world, 0 where there is none."""
    value = layer.get_value(position, world=True)
    return 0 if value is None else int(value)
