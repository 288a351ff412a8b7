"""Measurements of instances, in pixels and in µm, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from skimage.measure import regionprops_table

from napari_metaseg.core.axes import as_planes, in_order
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.nesting import find_parents
from napari_metaseg.io.labels import as_unsigned, check_axes, check_pixel_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

# Names of scikit-image and of the columns; those in pixels have a twin in µm.
_LENGTHS = {
    "centroid-0": "centroid_y",
    "centroid-1": "centroid_x",
    "area": "area",
    "perimeter": "perimeter",
    "axis_major_length": "axis_major",
    "axis_minor_length": "axis_minor",
}
_SHAPES = {
    "eccentricity": "eccentricity",
    "orientation": "orientation_rad",
    "solidity": "solidity",
}
_INTENSITIES = ("mean", "min", "max", "std")
_GEOMETRY = (
    "centroid",
    "area",
    "axis_major_length",
    "axis_minor_length",
    "eccentricity",
    "orientation",
)


def measure(
    labels: ArrayLike,
    *,
    axes: str = "YX",
    pixel_size: tuple[float, float] | None = None,
    image: NDArray[Any] | None = None,
    image_axes: str | None = None,
    channel: int | None = None,
    channel_names: Sequence[str] | None = None,
    outer: ArrayLike | None = None,
) -> pd.DataFrame:
    """Measure every instance in every plane.

    Parameters
    ----------
    labels : array_like of int
        Instances from 0 (no cell) upwards, in the order of `axes`.
    axes : str
        One letter of ``TZYX`` per axis, ending in ``YX``.
    pixel_size : tuple of float, optional
        Size of a pixel in µm, (y, x).
    image : array, optional
        Image with the planes of the labels, and channels, for intensities.
    image_axes : str, optional
        Its axes; guessed from the labels if missing.
    channel : int, optional
        Channel to measure; all if missing.
    channel_names : sequence of str, optional
        One a channel measured; ``c0``, ``c1`` and so on if missing.
    outer : array_like of int, optional
        Instances of another target, such as the cells around nuclei.

    Returns
    -------
    DataFrame
        A row for each instance and plane: ``label``; ``t`` and ``z``, where there
        are such axes, from 0; ``centroid_y_px``, ``centroid_x_px`` (0 is the centre
        of the first pixel), ``area_px2``, ``perimeter_px``, ``axis_major_px``,
        ``axis_minor_px`` and, with a pixel size, the same in ``um`` and ``um2``;
        ``eccentricity``, ``orientation_rad`` (between the y axis and the major axis,
        counter-clockwise), ``solidity``; ``intensity_mean``, ``_min``, ``_max`` and
        ``_std``, followed by the channel's name where there are several. Where pixels
        are not square, ``perimeter_um`` is empty, and eccentricity and orientation
        are those of the cell, not of its picture. With outer instances, ``parent``:
        the one that holds most of this one in this plane, 0 if none does, and
        ``parent_share``: the part of it that it holds.

    Raises
    ------
    UserError
        If labels, axes, image or pixel size make no sense together.
    """
    values = as_unsigned(np.asarray(labels))
    check_axes(axes, values.shape)
    if pixel_size is not None:
        check_pixel_size(pixel_size)
    stack = values.reshape(-1, *values.shape[-2:])
    pictures, names = None, [""]
    if image is not None:
        image, image_axes = in_order(image, image_axes, axes)
        pictures = _channels(image, image_axes, channel, values.shape)
        names = _names(pictures.shape[1], channel_names)
    around = None if outer is None else _around(outer, values.shape)
    tables = []
    for k, place in enumerate(np.ndindex(values.shape[:-2])):
        picture = None if pictures is None else pictures[k]
        table = _measure_plane(stack[k], picture, names, pixel_size)
        for position, (letter, index) in enumerate(zip(axes[:-2], place, strict=True)):
            table.insert(1 + position, letter.lower(), index)
        if around is not None:
            parents = find_parents(stack[k], around[k])
            table["parent"], table["parent_share"] = parents.outer, parents.share
        tables.append(table)
    # Concatenating empty tables would lose the type of the columns.
    filled = [table for table in tables if len(table)] or tables[:1]
    return pd.concat(filled, ignore_index=True)


def _around(outer: ArrayLike, shape: tuple[int, ...]) -> NDArray[Any]:
    """See the outer instances as planes."""
    around = as_unsigned(np.asarray(outer))
    if around.shape != shape:
        raise UserError(
            f"The outer objects have the shape {around.shape} and the inner ones "
            f"{shape}; link two targets of one image."
        )
    return around.reshape(-1, *shape[-2:])


def _channels(
    image: NDArray[Any],
    axes: str | None,
    channel: int | None,
    shape: tuple[int, ...],
) -> NDArray[Any]:
    """See the image as planes, channels, Y, X."""
    planes = as_planes(image, axes=axes, channel=channel, annotated=shape)
    if planes.shape != shape:
        raise UserError(
            f"The image has the shape {planes.shape} without channels and the labels "
            f"{shape}; choose the image that was segmented."
        )
    return planes.data


def _names(count: int, given: Sequence[str] | None) -> list[str]:
    """Return what the columns of each channel end in."""
    if given is None:
        if count == 1:
            return [""]
        return [f"_c{k}" for k in range(count)]
    if len(given) != count or len(set(given)) != count:
        raise UserError(
            f"{count} channels are measured; give each a name of its own, not "
            f"{list(given)}."
        )
    return [f"_{name}" for name in given]


def _measure_plane(
    labels: NDArray[Any],
    channels: NDArray[Any] | None,
    names: list[str],
    pixel_size: tuple[float, float] | None,
) -> pd.DataFrame:
    # scikit-image takes time and memory by the largest number.
    numbers, compact = np.unique(np.append(0, labels), return_inverse=True)
    compact = compact[1:].reshape(labels.shape)
    shapes = (*_GEOMETRY, "perimeter", "solidity")
    found = regionprops_table(compact, properties=("label", *shapes))
    columns = {"label": numbers[found["label"]]}
    spaced, factor = found, 1.0
    if pixel_size is not None:
        spaced = regionprops_table(compact, properties=_GEOMETRY, spacing=pixel_size)
        square = np.isclose(*pixel_size, rtol=1e-6, atol=0)
        factor = pixel_size[0] if square else np.nan
        spaced["perimeter"] = found["perimeter"] * factor
    for name, title in _LENGTHS.items():
        power = "2" if name == "area" else ""
        columns[f"{title}_px{power}"] = found[name]
        if pixel_size is not None:
            columns[f"{title}_um{power}"] = spaced[name]
    for name, title in _SHAPES.items():
        columns[title] = spaced.get(name, found[name])
    if channels is not None:
        columns |= _intensities(compact, channels, names)
    return pd.DataFrame(columns)


def _intensities(
    compact: NDArray[np.intp], channels: NDArray[Any], names: list[str]
) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {}
    for channel, name in zip(channels, names, strict=True):
        found = regionprops_table(
            compact,
            channel.astype(np.float64),
            properties=[f"intensity_{what}" for what in _INTENSITIES],
        )
        columns |= {f"{title}{name}": values for title, values in found.items()}
    return columns
