"""Moving the camera to a pixel of a layer, and telling what is in view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Labels, Layer

_LEAST = 80  # px of the canvas that a cell should be wide


def look_at(
    viewer: ViewerModel, layer: Labels, place: tuple[int, ...], diameter: float
) -> None:
    """Move the sliders and the camera to a pixel; zoom in only on what is tiny.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer, showing planes.
    layer : Labels
        A layer in it.
    place : tuple of int
        Index of the pixel.
    diameter : float
        Size of what is there, in px of the layer; 0 leaves the zoom as it is.
    """
    dims, world = viewer.dims, np.asarray(layer.data_to_world(place))
    beyond = dims.ndim - layer.ndim
    for axis in dims.not_displayed:
        if axis >= beyond:
            dims.set_point(axis, world[axis - beyond])
    y, x = (axis - beyond for axis in dims.displayed[-2:])
    camera = viewer.scene.camera
    camera.center = (*camera.center[:-2], world[y], world[x])
    width = diameter * float(np.abs(layer.scale[-1]))
    if width > 0:
        camera.zoom = max(camera.zoom, _LEAST / width)


def in_view(viewer: ViewerModel, layer: Labels, place: tuple[int, ...]) -> bool:
    """Whether a pixel is in what the window shows; without a window, always."""
    index = np.asarray(layer.world_to_data(viewer.dims.point[-layer.ndim :]))
    if not np.array_equal(np.round(index[:-2]), place[:-2]):
        return False
    low, high = layer.corner_pixels[:, -2:]
    shown = bool((high > low).all())
    return not shown or bool(((low <= place[-2:]) & (place[-2:] <= high)).all())


def visible_plane(viewer: ViewerModel, layer: Layer) -> tuple[int, ...]:
    """Return the index of the plane that the sliders point to, or the nearest one."""
    sizes = layer.data.shape[:-2]
    place = np.round(layer.world_to_data(viewer.dims.point)[: len(sizes)]).astype(int)
    index = np.clip(place, 0, np.array(sizes, int) - 1)
    return tuple(map(int, index))
