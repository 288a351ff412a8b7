"""The layers of an image's targets: listed, renamed, removed, linked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Labels

from . import colours, marks
from .images import Target, annotation_shape
from .world import same_place

if TYPE_CHECKING:
    from napari.components import LayerList
    from napari.layers import Image

    from napari_metaseg.core.nesting import Parents

    from .images import Reading


def targets(layers: LayerList, image: Image) -> list[Target]:
    """List the targets of which an image has layers."""
    known = {mark["target"]: mark for _, mark in marks.marked(layers, image)}
    found = map(marks.target_of, known.values())
    return sorted(found, key=lambda target: target.name.casefold())


def rename_target(layers: LayerList, image: Image, target: Target, name: str) -> None:
    """Call a target by another name; layers that the person renamed stay so."""
    renamed = Target(target.key, name)
    for layer, mark in list(marks.marked(layers, image)):
        if mark["target"] == target.key:
            marks.link(layer, image, mark["role"], renamed)
            if layer.name == marks.title(image, mark["role"], target):
                layer.name = marks.title(image, mark["role"], renamed)


def remove_target(layers: LayerList, image: Image, target: Target) -> None:
    """Remove the layers of a target."""
    for layer, mark in list(marks.marked(layers, image)):
        if mark["target"] == target.key:
            layers.remove(layer)


def all_cells(layers: LayerList, image: Image, reading: Reading) -> list[Labels]:
    """List the layers that show instances of an image, of every target."""
    shape = annotation_shape(image, reading)
    ours = marks.marked(layers, image)
    shown = (layer for layer, mark in ours if mark["role"] == marks.CELLS)
    cells = (layer for layer in shown if isinstance(layer, Labels))
    return [layer for layer in cells if layer.data.shape == shape]


def show_linked(layers: LayerList, inner: Labels, parents: Parents) -> Labels:
    """Show inner objects under the numbers of their outer ones, as a new layer."""
    layer = Labels(
        parents.paint(inner.data),
        name=f"{inner.name} linked",
        colormap=colours.of_cells(),
        opacity=0.7,
        **same_place(inner, tuple(range(inner.ndim))),
    )
    selected = set(layers.selection)
    layers.insert(layers.index(inner) + 1, layer)
    layers.selection = selected
    return layer
