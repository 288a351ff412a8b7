"""Images with any order of axes, seen as planes with channels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

PLANE_AXES = "TZPQI"
"""Axes along which an image is a series of planes."""


@dataclass(frozen=True, slots=True)
class Planes:
    """A view of an image as P planes of (Y, X) with C channels.

    Attributes
    ----------
    data : (P, C, Y, X) array
        A view where possible; not copied.
    shape : tuple of int
        Shape of the image without its channel axis: that of its labels.
    order : tuple of int
        Axes of the labels in the order planes, Y, X.
    """

    data: NDArray[np.generic]
    shape: tuple[int, ...]
    order: tuple[int, ...]

    def split(self, labels: NDArray[np.int32]) -> NDArray[np.int32]:
        """See labels of `shape` as (P, Y, X)."""
        turned = labels.transpose(self.order)
        return turned.reshape(-1, *turned.shape[-2:])

    def join(self, labels: NDArray[np.int32]) -> NDArray[np.int32]:
        """Bring labels (P, Y, X) to `shape`."""
        turned = labels.reshape([self.shape[i] for i in self.order])
        return np.ascontiguousarray(turned.transpose(np.argsort(self.order)))

    def place(self, plane: int, rows: slice, columns: slice) -> tuple[int | slice, ...]:
        """Return where a part of one plane lies in labels of `shape`."""
        sizes = [self.shape[i] for i in self.order[:-2]]
        leading = [int(i) for i in np.unravel_index(plane, sizes)]
        parts: tuple[int | slice, ...] = (*leading, rows, columns)
        return tuple(parts[self.order.index(i)] for i in range(len(parts)))

    def without_data(self) -> Planes:
        """Return how labels are split and joined, without the image."""
        return replace(self, data=np.empty((0, *self.data.shape[1:]), np.uint8))


def guess_axes(shape: tuple[int, ...], annotated: tuple[int, ...] | None) -> str:
    """Guess the axes of an image from its shape and that of its annotation.

    Parameters
    ----------
    shape : tuple of int
        Shape of the image.
    annotated : tuple of int or None
        Shape of the annotation: the image's without the channel axis.

    Returns
    -------
    str
        One letter an axis.

    Raises
    ------
    UserError
        If there is more than one reading.
    """
    n = len(shape)
    if n == 2:
        return "YX"
    if annotated is not None:
        if annotated == shape and n >= 3:
            return "TZPQI"[: n - 2] + "YX"
        fits = [i for i in range(n) if shape[:i] + shape[i + 1 :] == annotated]
        if len(fits) == 1:
            plane = "TZPQI"[: n - 3] + "YX"
            return plane[: fits[0]] + "C" + plane[fits[0] :]
    if n == 3 and shape[-1] in (3, 4) and min(shape[:2]) > 4:
        return "YXC"
    raise UserError(
        f"The image has {n} axes {shape} and it is not clear what they are; say so "
        "with axes, for example 'CYX', 'TYX' or 'YXC'."
    )


def as_planes(
    image: NDArray[np.generic],
    *,
    axes: str | None = None,
    channel: int | None = None,
    annotated: tuple[int, ...] | None = None,
) -> Planes:
    """See an image as planes with channels, after checking it.

    Parameters
    ----------
    image : array
        Any number of axes, any real type.
    axes : str, optional
        One letter an axis, of T, Z, C, Y, X; guessed if missing.
    channel : int, optional
        Channel to use; all if missing.
    annotated : tuple of int, optional
        Shape of the annotation, which helps to guess.

    Returns
    -------
    Planes

    Raises
    ------
    UserError
        If the image is empty, complex or not finite, or the axes or the channel
        do not fit it.
    """
    image = np.asarray(image)
    check_values(image)
    axes = check_axes(image.shape, axes=axes, channel=channel, annotated=annotated)
    order = [axes.index(a) for a in axes if a in PLANE_AXES]
    y, x = axes.index("Y"), axes.index("X")
    if "C" in axes:
        c = axes.index("C")
        data = image.transpose(*order, c, y, x)
        if channel is not None:
            data = data[..., [channel], :, :]
    else:
        data = image.transpose(*order, y, x)[..., None, :, :]
    spatial = axes.replace("C", "")
    return Planes(
        data.reshape(-1, *data.shape[-3:]),
        tuple(image.shape[axes.index(a)] for a in spatial),
        tuple(spatial.index(axes[i]) for i in (*order, y, x)),
    )


def in_order(
    image: NDArray[np.generic], axes: str | None, wanted: str
) -> tuple[NDArray[np.generic], str | None]:
    """Bring the planes of an image in the order of its labels' planes.

    Parameters
    ----------
    image : array
        An image.
    axes : str or None
        Its axes, if they are known.
    wanted : str
        Axes of its labels.

    Returns
    -------
    array
        A view, or the image itself where its axes are not those of the labels.
    str or None
        The axes of that.
    """
    known = (axes or "").upper()
    if sorted(known.replace("C", "")) != sorted(wanted) or len(known) != image.ndim:
        return image, axes
    further = [letter for letter in known if letter not in wanted[:-2]]
    ordered = wanted[:-2] + "".join(further)
    return image.transpose([known.index(a) for a in ordered]), ordered


def check_axes(
    shape: tuple[int, ...],
    *,
    axes: str | None = None,
    channel: int | None = None,
    annotated: tuple[int, ...] | None = None,
) -> str:
    """Check what is said of the axes of an image, or guess them.

    Parameters
    ----------
    shape : tuple of int
        Shape of the image.
    axes, channel, annotated
        As in `as_planes`.

    Returns
    -------
    str
        One letter an axis, Y and X among them.

    Raises
    ------
    UserError
        If the axes or the channel do not fit the image.
    """
    axes = guess_axes(shape, annotated) if axes is None else axes.upper()
    if (
        len(axes) != len(shape)
        or len(set(axes)) != len(axes)
        or not {"Y", "X"} <= set(axes)
        or not set(axes) <= set("CYX" + PLANE_AXES)
    ):
        raise UserError(
            f"The axes '{axes}' do not describe an image with {len(shape)} axes "
            f"{shape}; give one letter an axis, Y and X among them."
        )
    channels = shape[axes.index("C")] if "C" in axes else 1
    if "C" not in axes and channel not in (None, 0):
        raise UserError(f"There is no channel {channel}; the image has a single one.")
    if channel is not None and not -channels <= channel < channels:
        raise UserError(
            f"There is no channel {channel}; the image has {channels} "
            f"(0 to {channels - 1})."
        )
    return axes


def check_values(image: NDArray[np.generic]) -> None:
    """Check that an image, or a part of it, holds finite real numbers.

    Raises
    ------
    UserError
        If it is empty, complex or not finite.
    """
    if image.size == 0:
        raise UserError("The image is empty; choose another one.")
    if image.dtype.kind not in "biuf":
        raise UserError(
            f"The image has type {image.dtype}; convert it to real numbers, for "
            "example its magnitude."
        )
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise UserError(
            "The image holds values that are not finite (NaN or infinity); replace "
            "them, for example by 0."
        )
