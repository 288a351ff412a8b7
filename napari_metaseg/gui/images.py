"""How an image layer is read: its axes, its channels, its pixel size."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.placement import Placement

from .request import Origin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.layers import Image, Labels, Layer
    from numpy.typing import NDArray

# An unlabelled leading axis this short may be channels: the person is asked.
_MOST_CHANNELS = 6
_PLANES = "TZ"
_COLOURS = ("Red", "Green", "Blue")


@dataclass(frozen=True, slots=True)
class Target:
    """What is segmented in an image.

    Attributes
    ----------
    key : str
        What it is told by for good; empty for the cells that every image has.
    name : str
        What it is called now.
    """

    key: str
    name: str = field(compare=False)


CELLS = Target("", "cells")
"""The target that every image has."""

MOST_PIXELS = 50_000_000
"""Pixels of an image in a file that are read at once."""

PART = "napari_metaseg part of"
"""Key of an image layer's metadata: the identity of the image that it is a part of."""

FILE = "napari_metaseg file"
"""Key of an image layer's metadata: its own file, if another one brought it along."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read an image.

    Attributes
    ----------
    title : str
        What the channel chooser shows.
    axes : str
        A letter for each axis, with ``C`` for channels, as `adapt` takes them.
    channel : int or None
        The channel used; None for all.
    target : Target
        What is sought in it.
    """

    title: str
    axes: str
    channel: int | None
    target: Target = CELLS

    @property
    def kept(self) -> tuple[int, ...]:
        """Axes of the image that its annotation has too."""
        return tuple(i for i, letter in enumerate(self.axes) if letter != "C")


def finest(layer: Image) -> Any:
    """Return the layer's array; of a pyramid, the level of full resolution."""
    return layer.data[0] if layer.multiscale else layer.data


def levels(layer: Image) -> tuple[Any, ...]:
    """Return the array to segment at falling resolutions, as `pixels` does one."""
    found = tuple(layer.data) if layer.multiscale else (layer.data,)
    return (pixels(layer),) if layer.rgb else found


def pixels(layer: Image) -> Any:
    """Return the array to segment; of RGBA, without the transparency."""
    data = finest(layer)
    return data[..., :3] if layer.rgb and data.shape[-1] > 3 else data


def annotation_shape(layer: Image, reading: Reading) -> tuple[int, ...]:
    """Return the image's shape without its channel axis."""
    shape = finest(layer).shape
    return tuple(int(shape[i]) for i in reading.kept)


def why_too_large(layer: Image, reading: Reading) -> str:
    """Say why an image cannot be adapted to as a whole; empty if it can be.

    What lies in memory already may be larger than what would have to be read first.
    """
    count = math.prod(annotation_shape(layer, reading))
    data = finest(layer)
    in_memory = isinstance(data, np.ndarray) and not isinstance(data, np.memmap)
    if count <= MOST_PIXELS or in_memory:
        return ""
    return (
        f"'{layer.name}' lies in a file and has {count / 1e6:.0f} million pixels: "
        "bring a few of its cells into view and press 'Work on the part in view'."
    )


def whole_of(part: Image, known: Iterable[Image]) -> Image:
    """Return the image that a part was taken of; one that is no part itself."""
    name = part.metadata.get(PART)
    return next((image for image in known if str(image.unique_id) == name), part)


def channel_count(layer: Image, reading: Reading) -> int:
    """Return how many channels are used of an image."""
    if reading.channel is not None or "C" not in reading.axes:
        return 1
    return int(pixels(layer).shape[reading.axes.index("C")])


def readings(layer: Image) -> list[Reading]:
    """List the ways to read an image, the likeliest first.

    Parameters
    ----------
    layer : Image
        RGB, two-dimensional, or with up to two axes of planes and channels.

    Returns
    -------
    list of Reading
        More than one where there are, or may be, channels to choose from;
        empty where the image has more axes than can be read.
    """
    shape = finest(layer).shape
    leading = [_letter(label) for label in layer.axis_labels[: layer.ndim - 2]]
    channel = leading.index("C") if "C" in leading else None
    if len(leading) - (channel is not None) > len(_PLANES):
        return []
    if layer.rgb:
        axes = _planes(leading) + "YXC"
        return [Reading("All colours", axes, None), *_channels(axes, shape)]
    if channel is not None:
        rest = _planes(leading[:channel] + leading[channel + 1 :])
        axes = f"{rest[:channel]}C{rest[channel:]}YX"
        return [*_channels(axes, shape), Reading("All channels", axes, None)]
    title = "No channels" if leading else "Single channel"
    plain = Reading(title, _planes(leading) + "YX", None)
    if leading and shape[0] <= _MOST_CHANNELS:
        return [plain, *_channels(f"C{_planes(leading[1:])}YX", shape)]
    return [plain]


def _channels(axes: str, shape: tuple[int, ...]) -> list[Reading]:
    if axes.endswith("C"):
        return [Reading(colour, axes, k) for k, colour in enumerate(_COLOURS)]
    count = shape[axes.index("C")]
    return [Reading(f"Channel {k + 1}", axes, k) for k in range(count)]


def _planes(letters: list[str]) -> str:
    """Name the axes of planes, from the layer's labels where they tell."""
    known = set(letters) <= set(_PLANES) and len(set(letters)) == len(letters)
    return "".join(letters) if known else _PLANES[len(_PLANES) - len(letters) :]


def _letter(label: str) -> str:
    """Return the first letter of a label such as ``channel`` or ``t``."""
    return label.strip()[:1].upper()


def pixel_size(layer: Layer) -> tuple[float, float] | None:
    """Return the size of a pixel in µm, (y, x); None where the unit is no length."""
    sizes = []
    for scale, unit in zip(layer.scale[-2:], layer.units[-2:], strict=True):
        if not unit.is_compatible_with("micrometer"):
            return None
        sizes.append(float(scale) * float((1 * unit).to("micrometer").magnitude))
    y, x = sizes
    return y, x


def z_step(layer: Layer, axes: str) -> float | None:
    """Return the distance between planes in µm; None where it is not told.

    Parameters
    ----------
    layer : Layer
        An image, or labels.
    axes : str
        A letter for each of its axes.
    """
    if "Z" not in axes or axes.index("Z") >= layer.ndim:
        return None
    at = axes.index("Z")
    if not layer.units[at].is_compatible_with("micrometer"):
        return None
    unit = float((1 * layer.units[at]).to("micrometer").magnitude)
    return float(layer.scale[at]) * unit


def offset(layer: Layer, axes: str) -> tuple[float, float, float]:
    """Return where the first pixel lies, in pixels, (z, y, x).

    That of a layer that is turned or sheared has no meaning without the rest, and is 0.

    Parameters
    ----------
    layer : Layer
        An image, or labels.
    axes : str
        A letter for each of its axes.
    """
    affine = np.array(_placement(layer).affine)
    moved = dict.fromkeys("ZYX", 0.0)
    if np.allclose(affine[:-1, :-1], np.eye(layer.ndim)):
        shift = (affine[:-1, -1] / layer.scale).tolist()
        moved |= {a: s for a, s in zip(axes, shift, strict=False) if a in moved}
    return moved["Z"], moved["Y"], moved["X"]


def file_of(layer: Image) -> Path | None:
    """Return an image's file; of one from a session, the file that this tells."""
    path = layer.metadata.get(FILE, layer.source.path)
    return None if path is None else Path(path)


def origin(layer: Image, axes: str) -> Origin:
    """Say where an image comes from, and where it lies.

    Parameters
    ----------
    layer : Image
        The image.
    axes : str
        A letter for each of its axes.
    """
    size, step = pixel_size(layer), z_step(layer, axes)
    return Origin(file_of(layer), size, step, _placement(layer))


def _placement(layer: Layer) -> Placement:
    start = np.array(layer.data_to_world(np.zeros(layer.ndim)))
    columns = [np.array(layer.data_to_world(e)) - start for e in np.eye(layer.ndim)]
    affine = np.eye(layer.ndim + 1)
    affine[:-1, :-1] = np.stack(columns, 1) / layer.scale
    affine[:-1, -1] = start
    return Placement(
        tuple(layer.scale.tolist()),
        tuple(map(str, layer.units)),
        tuple(map(tuple, affine.tolist())),
    )


def placement(layer: Image | Labels, kept: tuple[int, ...]) -> dict[str, Any]:
    """Return where an image lies in the world, for a layer on some of its axes.

    Parameters
    ----------
    layer : Image
        The image.
    kept : tuple of int
        Its axes that the other layer has.

    Returns
    -------
    dict
        Arguments of a layer: scale, translate, rotate, shear, affine, units
        and axis labels.
    """
    axes = [i for i in kept if i < layer.ndim]
    block = np.ix_(axes, axes)
    affine = layer.affine.set_slice(axes)
    return {
        "scale": layer.scale[axes],
        "translate": layer.translate[axes],
        "rotate": layer.rotate[block],
        "shear": _shear_matrix(layer)[block],
        "affine": affine,
        "units": tuple(layer.units[i] for i in axes),
        "axis_labels": tuple(layer.axis_labels[i] for i in axes),
    }


def _shear_matrix(layer: Image | Labels) -> NDArray[np.floating]:
    """Return the shear as a matrix; napari gives a triangular one as a vector."""
    shear = np.asarray(layer.shear, float)
    if shear.ndim == 2:
        return shear
    matrix = np.eye(layer.ndim)
    matrix[np.triu_indices(layer.ndim, 1)] = shear
    return matrix
