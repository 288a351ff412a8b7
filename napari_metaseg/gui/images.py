"""How an image layer is read: its axes, its channels, its target, its file."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.layers import Image

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
    """Return the image's shape without its channel axis; () if it lacks axes by now."""
    shape = finest(layer).shape
    if max(reading.kept) >= len(shape):
        return ()
    return tuple(int(shape[i]) for i in reading.kept)


def why_not_whole(layer: Image, reading: Reading) -> str:
    """Say why an image cannot be adapted to as a whole; empty if it can be.

    What lies in memory already may be larger than what would have to be read first. Of
    channels within a stack napari would show the planes of an annotation, which has no
    such axis, under the channels; a part of one plane has them first.
    """
    if 0 < reading.axes.find("C") < len(reading.axes) - 1:
        return (
            f"'{layer.name}' has channels within a stack: bring a few of its cells "
            "into view and press 'Work on the part in view'."
        )
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


def file_of(layer: Image) -> Path | None:
    """Return an image's file; of one from a session, the file that this tells."""
    path = layer.metadata.get(FILE, layer.source.path)
    return None if path is None else Path(path)
