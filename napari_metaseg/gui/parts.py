"""A part of an image that is too large to adapt to becomes a layer of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from . import images, world
from .teller import Teller
from .worker import Runner

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari.components import ViewerModel
    from numpy.typing import NDArray
    from qtpy.QtCore import QObject

    from .desk import Desk
    from .images import Reading
    from .panel_view import PanelView
    from .worker import Tick

MOST_SIDE = 4096
"""Largest side (px) of a part: of more in view, the middle is taken."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of one plane of an image, with all of its channels.

    Attributes
    ----------
    image : Image
        The image.
    key : tuple of int or slice
        Which part of its array.
    kept : tuple of int
        Axes of the array that the part has.
    """

    image: Image
    key: tuple[int | slice, ...]
    kept: tuple[int, ...]

    @property
    def corner(self) -> NDArray[np.int64]:
        """Where the part begins, along the axes it has."""
        parts = (self.key[axis] for axis in self.kept if axis < self.image.ndim)
        return np.array([p.start or 0 for p in parts if isinstance(p, slice)])


class Parts(Teller):
    """Takes what is in view of a large image, to be painted on and adapted to.

    Parameters
    ----------
    viewer : ViewerModel
        Where the part is added.
    desk : Desk
        The chosen image.
    view : PanelView
        Its button, and the chooser that goes over to the part.
    parent : QObject
        Owner.
    """

    def __init__(
        self, viewer: ViewerModel, desk: Desk, view: PanelView, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._viewer, self._desk, self._view = viewer, desk, view
        self._cut: Cut | None = None
        self._runner = Runner("Reading a part", self)
        self._runner.returned.connect(self._on_read)
        self._runner.refused.connect(self.warn)
        self._runner.idle.connect(self._refresh)
        view.part.clicked.connect(self.take)
        for signal in (desk.image_changed, desk.changed):
            signal.connect(self._refresh)
        self._refresh()

    @property
    def needed(self) -> bool:
        """Whether the chosen image is too large to adapt to as a whole."""
        image, reading = self._desk.image, self._desk.reading
        if image is None or reading is None:
            return False
        return bool(images.why_not_whole(image, reading))

    def take(self) -> None:
        """Read what is in view of the chosen image, and add it as a layer."""
        image, reading = self._desk.image, self._desk.reading
        if image is None or reading is None or self._runner.running:
            return
        self._cut = cut_in_view(self._viewer, image, reading)
        if self._cut is None:
            text = f"Nothing of '{image.name}' is in view: bring some of it into view."
            self.warn(text)
            return
        self._runner.start(partial(read, self._cut))
        self._refresh()

    def leave(self) -> None:
        """Take no notice any more of what is being read."""
        self._runner.drop()

    def _refresh(self) -> None:
        self._view.part.setVisible(self.needed)
        self._view.part.setEnabled(not self._runner.running)

    def _on_read(self, pixels: NDArray[Any]) -> None:
        cut, self._cut = self._cut, None
        layer_list = self._viewer.layers
        if cut is not None and cut.image in layer_list:
            part = as_layer(cut, pixels)
            layer_list.insert(layer_list.index(cut.image) + 1, part)
            self._view.source.choose_image(part)


def cut_in_view(viewer: ViewerModel, image: Image, reading: Reading) -> Cut | None:
    """Find what is in view of an image; None if nothing is.

    Parameters
    ----------
    viewer : ViewerModel
        Its sliders say which plane.
    image : Image
        The image.
    reading : Reading
        What its axes are.

    Returns
    -------
    Cut or None
        At most `MOST_SIDE` px a side.
    """
    shape = images.finest(image).shape
    seen = image.corner_pixels.astype(float)
    if image.multiscale:
        # Corners are those in the level that is shown.
        seen = seen * image.downsample_factors[image.data_level][: image.ndim]
    point = image.world_to_data(viewer.dims.point[-image.ndim :])
    key: list[int | slice] = []
    for axis, letter in enumerate(reading.axes):
        if letter in "YX":
            low, high = max(0, seen[0, axis]), min(shape[axis], seen[1, axis] + 1)
            if high - low < 1:
                return None
            middle, side = (low + high) / 2, min(high - low, MOST_SIDE)
            start = int(middle - side / 2)
            key.append(slice(start, start + int(side)))
        elif letter == "C":
            key.append(slice(None))
        else:
            key.append(int(np.clip(round(point[axis]), 0, shape[axis] - 1)))
    kept = tuple(i for i, letter in enumerate(reading.axes) if letter in "CYX")
    return Cut(image, tuple(key), kept)


def read(cut: Cut) -> Generator[Tick, None, NDArray[Any]]:
    """Read a part, in the worker."""
    yield from ()
    return np.asarray(images.finest(cut.image)[cut.key])


def as_layer(cut: Cut, pixels: NDArray[Any]) -> Image:
    """Make a layer of a part that lies where it lies in its image."""
    image = cut.image
    looks = {} if image.rgb else {"colormap": image.colormap, "gamma": image.gamma}
    if not image.rgb:
        looks["contrast_limits"] = image.contrast_limits
    place = world.same_place(image, cut.kept)
    linear = place["rotate"] @ place["shear"] @ np.diag(place["scale"])
    place["translate"] = place["translate"] + linear @ cut.corner
    return Image(
        pixels,
        rgb=image.rgb,
        name=f"{image.name} part",
        metadata={images.PART: str(image.unique_id)},
        **looks,
        **place,
    )
