"""Layers whose data come from files: shown over an image, or made its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Labels

from . import colours, marks
from .layers import brush_size, next_label
from .protect import protect_cells
from .world import lay, same_place

if TYPE_CHECKING:
    from napari.components import LayerList
    from napari.layers import Image

    from .images import Reading


def show_file(
    layers: LayerList,
    image: Image,
    reading: Reading,
    levels: list[Any],
    axes: str,
    name: str,
) -> Labels:
    """Show instances that lie in a file over an image, as a new layer.

    Parameters
    ----------
    layers : LayerList
        The viewer's layers.
    image : Image
        The segmented image.
    reading : Reading
        How its axes are read.
    levels : list of array
        Instances at falling resolutions, the finest first.
    axes : str
        A letter for each of their axes.
    name : str
        What the layer is called.
    """
    layer = Labels(
        levels if len(levels) > 1 else levels[0],
        multiscale=len(levels) > 1,
        name=name,
        colormap=colours.of_cells(),
        opacity=0.7,
        **same_place(image, tuple(reading.axes.index(a) for a in axes)),
    )
    layer.editable = False
    selected = set(layers.selection)
    layers.insert(layers.index(image) + 1, layer)
    layers.selection = selected
    return layer


def adopt(layer: Labels, image: Image, reading: Reading, *, cells: bool) -> None:
    """Make a layer that a file brought along the cells or the annotation of an image.

    Parameters
    ----------
    layer : Labels
        Among the viewer's layers, of the annotation's shape.
    image : Image
        The image.
    reading : Reading
        How its axes are read, and for which target.
    cells : bool
        Whether it shows instances; else it is what was painted.
    """
    lay(layer, image, reading.kept)
    role = marks.CELLS if cells else marks.ANNOTATION
    layer.name = marks.title(image, role, reading.target)
    marks.link(layer, image, role, reading.target)
    if cells:
        layer.contour = 2
        layer.editable = False
    else:
        protect_cells(layer)
        layer.brush_size = brush_size(layer.data.shape)
        layer.selected_label = next_label(layer)
