"""Marks on layers of ours: of which image they are, as what, for which target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.components import LayerList
    from napari.layers import Image, Layer

    from .images import Reading

ANNOTATION = "annotation"
"""Role of a layer in which cells are painted."""

CELLS = "cells"
"""Role of a layer that shows instances."""

_TAG = "napari_metaseg"


def title(image: Image, role: str, target: images.Target) -> str:
    """Return the name that a layer of ours is given."""
    return f"{image.name} {role}" + (f" ({target.name})" if target.key else "")


def link(layer: Layer, image: Image, role: str, target: images.Target) -> None:
    """Mark a layer as an image's own.

    Its own identity is kept too, for a duplicate of the layer inherits the mark.
    """
    mark = {"role": role, "image": _name(image), "layer": _name(layer)}
    mark |= {"target": target.key, "called": target.name}
    layer.metadata = {**layer.metadata, _TAG: mark}


def link_to(layer: Layer, other: Layer, role: str) -> None:
    """Mark a layer as that of another one which need not be ours."""
    mark = {"role": role, "image": "", "layer": _name(layer)}
    mark |= {"target": _name(other), "called": other.name}
    layer.metadata = {**layer.metadata, _TAG: mark}


def find(layers: LayerList, image: Image, role: str, reading: Reading) -> Layer | None:
    """Return the layer of an image that has a role, for the target that is read."""
    shape = images.annotation_shape(image, reading)
    for layer, mark in marked(layers, image):
        ours = (mark["role"], mark["target"]) == (role, reading.target.key)
        if ours and layer.data.shape == shape:
            return layer
    return None


def marked(layers: LayerList, image: Image) -> Iterator[tuple[Layer, dict[str, str]]]:
    """Yield the layers of an image, with their marks."""
    for layer in layers:
        mark = mark_of(layer)
        if mark and mark["image"] == _name(image):
            yield layer, mark


def marked_to(layers: LayerList, other: Layer) -> Iterator[Layer]:
    """Yield the layers that are marked as those of another one, see `link_to`."""
    for layer in layers:
        mark = mark_of(layer)
        if mark and not mark["image"] and mark["target"] == _name(other):
            yield layer


def mark_of(layer: Layer | None) -> dict[str, str] | None:
    """Return the mark of a layer; None without one, and on a duplicate."""
    mark = None if layer is None else layer.metadata.get(_TAG)
    return mark if mark and mark["layer"] == _name(layer) else None


def target_of(mark: dict[str, str]) -> images.Target:
    """Return the target that a mark names."""
    key = mark.get("target", "")
    return images.Target(key, mark["called"]) if key else images.CELLS


def is_of(mark: dict[str, str], image: Image) -> bool:
    """Whether a mark names an image."""
    return mark["image"] == _name(image)


def _name(layer: Layer) -> str:
    return str(layer.unique_id)
