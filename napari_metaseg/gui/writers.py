"""Writers for napari's own save dialog: label layers as cells or measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Layer

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.nesting import lies_inside

from . import images, world
from .classes import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FullLayerData = tuple[Any, dict[str, Any], str]


def write_cells(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a label layer in the format of the file's suffix.

    The dialog has asked before a file is replaced.

    Parameters
    ----------
    path : str
        Where to.
    data : array
        The layer's data.
    meta : dict
        The layer's attributes.

    Returns
    -------
    list of str
        The file written.

    Raises
    ------
    UserError
        If the layer holds background strokes or cannot be written.
    """
    from napari_metaseg.workflows.export import export_labels

    layer = Layer.create(data, meta, "labels")
    written = export_labels(
        path,
        _cells(layer),
        axes=_axes(layer),
        pixel_size=world.pixel_size(layer),
        z_step=world.z_step(layer, _axes(layer)),
        offset=world.offset(layer, _axes(layer)),
        classes=table.read_classes(layer),
        overwrite=True,
    )
    return [str(written)]


def write_measurements(path: str, layers: Sequence[FullLayerData]) -> list[str]:
    """Measure a label layer, and the intensities of images saved with it.

    Of two label layers, the one whose objects lie in the other's is measured; the
    table says in which.

    Parameters
    ----------
    path : str
        Where to.
    layers : sequence of (data, attributes, type)
        One label layer or two, and any number of images.

    Returns
    -------
    list of str
        The file written.

    Raises
    ------
    UserError
        If the layers do not fit each other or cannot be measured.
    """
    from napari_metaseg.io.images import ImageFile
    from napari_metaseg.workflows.export import export_labels

    made = [Layer.create(*each) for each in layers]
    labels, *outer = (layer for layer in made if isinstance(layer, Labels))
    measured = labels
    pictures = [layer for layer in made if isinstance(layer, Image)]
    axes = _axes(labels)
    cells, around = _cells(labels), [_cells(layer) for layer in outer]
    if around and around[0].shape == cells.shape and not lies_inside(cells, around[0]):
        cells, around, measured = around[0], [cells], outer[0]
    image, names = None, None
    if pictures:
        named = [pair for p in pictures for pair in _channels(p, cells.shape)]
        names = [name for name, _ in named] if len(named) > 1 else None
        stack = np.stack([channel for _, channel in named], axis=-1)
        image = ImageFile(stack, f"{axes}C", None)
    written = export_labels(
        path,
        cells,
        axes=axes,
        pixel_size=world.pixel_size(labels),
        image=image,
        channel_names=names,
        outer=around[0] if around else None,
        classes=table.read_classes(measured),
        overwrite=True,
    )
    return [str(written)]


def _cells(layer: Labels) -> NDArray[Any]:
    cells = np.asarray(images.finest(layer))
    if cells.size and cells.min() < 0:
        raise UserError(
            f"'{layer.name}' holds background strokes (-1), which are no cells; save "
            "the layer of cells, or this one as TIFF by napari's own writer."
        )
    return cells


def _axes(layer: Labels) -> str:
    """Name the layer's axes; those of planes as its labels tell, or else TZ or Z."""
    letters = [label.strip()[:1].upper() for label in layer.axis_labels[:-2]]
    known = set(letters) <= {"T", "Z"} and len(set(letters)) == len(letters)
    return ("".join(letters) if known else "TZ"[-len(letters) :]) + "YX"


def _channels(layer: Image, shape: tuple[int, ...]) -> list[tuple[str, NDArray[Any]]]:
    """Return what there is to measure of an image, each with a name."""
    pixels = np.asarray(images.pixels(layer))
    if layer.rgb and pixels.shape[:-1] == shape:
        names = ("red", "green", "blue")
        return [(f"{layer.name}_{n}", pixels[..., k]) for k, n in enumerate(names)]
    if pixels.shape == shape:
        return [(layer.name, pixels)]
    raise UserError(
        f"'{layer.name}' has the shape {pixels.shape} and the cells {shape}; select "
        "the image that was segmented, one layer a channel."
    )
