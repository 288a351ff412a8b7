"""Further layers of an image, on demand: maps, and marks of held-out cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image, Points

from . import marks
from .images import annotation_shape
from .layers import brush_size
from .world import same_place

if TYPE_CHECKING:
    from napari.components import LayerList
    from numpy.typing import NDArray

    from .images import Reading

UNCERTAINTY = "uncertainty"
"""Map of how undecided the network is; see `show_map`."""

PROBABILITY = "probability"
"""Map of how likely there is a cell; see `show_map`."""

_MAP_COLOURS = {UNCERTAINTY: "inferno", PROBABILITY: "viridis"}
_TESTS = "test cells"


def find_tests(layers: LayerList, image: Image, reading: Reading) -> Points | None:
    """Return the layer whose points mark this image's held-out cells, if any."""
    for layer, mark in marks.marked(layers, image):
        ours = (mark["role"], mark["target"]) == (_TESTS, reading.target.key)
        if ours and isinstance(layer, Points) and layer.ndim == len(reading.kept):
            return layer
    return None


def make_tests(layers: LayerList, image: Image, reading: Reading) -> Points:
    """Add a layer on top for marks of held-out cells; the selection stays."""
    layer = Points(
        np.empty((0, len(reading.kept))),
        name=marks.title(image, _TESTS, reading.target),
        symbol="diamond",
        size=brush_size(annotation_shape(image, reading)),
        face_color="white",
        border_color="black",
        border_width=0.2,
        **same_place(image, reading.kept),
    )
    marks.link(layer, image, _TESTS, reading.target)
    selected = set(layers.selection)
    layers.append(layer)
    layers.selection = selected
    return layer


def find_map(
    layers: LayerList, image: Image, reading: Reading, role: str
) -> Image | None:
    """Return the layer that shows a map of this image, if there is one."""
    layer = marks.find(layers, image, role, reading)
    return layer if isinstance(layer, Image) else None


def show_map(
    layers: LayerList,
    image: Image,
    reading: Reading,
    role: str,
    data: NDArray[np.float32],
) -> Image:
    """Show a map over an image, in the layer it was shown in before.

    Parameters
    ----------
    layers : LayerList
        The viewer's layers.
    image : Image
        The image.
    reading : Reading
        Which of its axes are channels.
    role : str
        `UNCERTAINTY` or `PROBABILITY`; ends the layer's name.
    data : array of float32
        In [0, 1], of the annotation's shape.

    Returns
    -------
    Image
        Right above the image. What the person has changed of it stays.
    """
    layer = find_map(layers, image, reading, role)
    if layer is not None:
        layer.data = data
        return layer
    layer = Image(
        data,
        name=marks.title(image, role, reading.target),
        colormap=_MAP_COLOURS[role],
        contrast_limits=(0, 1),
        opacity=0.6,
        **same_place(image, reading.kept),
    )
    marks.link(layer, image, role, reading.target)
    selected = set(layers.selection)
    layers.insert(layers.index(image) + 1, layer)
    layers.selection = selected
    return layer


def hide_map(layers: LayerList, image: Image, reading: Reading, role: str) -> None:
    """Take a map of an image out of the list."""
    layer = find_map(layers, image, reading, role)
    if layer is not None:
        layers.remove(layer)
