"""Where a layer lies in the world, and how large its pixels are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.placement import Placement

from .images import file_of
from .request import Origin

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Layer
    from numpy.typing import NDArray


PLACE = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
"""What of a layer tells where it lies, along which axes; each has its own event."""


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


def same_place(layer: Image | Labels, kept: tuple[int, ...]) -> dict[str, Any]:
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


def lay(layer: Labels, image: Image | Labels, kept: tuple[int, ...]) -> None:
    """Lay a layer where an image lies, see `same_place`."""
    for name, value in same_place(image, kept).items():
        setattr(layer, name, value)


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


def _shear_matrix(layer: Image | Labels) -> NDArray[np.floating]:
    """Return the shear as a matrix; napari gives a triangular one as a vector."""
    shear = np.asarray(layer.shear, float)
    if shear.ndim == 2:
        return shear
    matrix = np.eye(layer.ndim)
    matrix[np.triu_indices(layer.ndim, 1)] = shear
    return matrix
