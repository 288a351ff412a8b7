"""Images of any size and order of axes, read a window of a plane at a time."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .axes import PLANE_AXES, check_axes, check_values
from .errors import UserError
from .windows import Shape, Window, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

READ_WHOLE = 2**24
"""Numbers up to which an image's intensities are measured on all of it."""

SAMPLES = 64
"""Windows that the intensities of a larger image are measured on."""

SAMPLE_SIDE = 256


class ArrayLike(Protocol):
    """What is asked of an image: NumPy, memory-mapped, zarr and dask arrays have it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""

    @property
    def dtype(self) -> Any:
        """Type of its numbers."""

    def __getitem__(self, key: Any, /) -> Any:
        """Return a part, given an int or a slice for each axis."""


@dataclass(frozen=True)
class PlaneSource:
    """An image as a series of planes with channels, of which nothing is read yet.

    Attributes
    ----------
    array : ArrayLike
        The image.
    axes : str
        One letter an axis.
    channels : range
        Those that are read.
    """

    array: ArrayLike
    axes: str
    channels: range

    @classmethod
    def of(
        cls, array: ArrayLike, *, axes: str | None = None, channel: int | None = None
    ) -> PlaneSource:
        """See an image as planes, after checking its axes; see `as_planes`."""
        shape = tuple(array.shape)
        if min(shape, default=0) == 0:
            check_values(np.empty(0))
        checked = check_axes(shape, axes=axes, channel=channel)
        count = shape[checked.index("C")] if "C" in checked else 1
        first = 0 if channel is None else channel % count
        chosen = range(first, count if channel is None else first + 1)
        return cls(array, checked, chosen)

    @property
    def label_axes(self) -> str:
        """Axes of its labels: those of planes, in the order T, Z, then Y and X."""
        return "".join(a for a in PLANE_AXES if a in self.axes) + "YX"

    @property
    def label_shape(self) -> tuple[int, ...]:
        """Shape of its labels."""
        return tuple(self.array.shape[self.axes.index(a)] for a in self.label_axes)

    @property
    def shape(self) -> Shape:
        """Shape (Y, X) of each plane."""
        return self.label_shape[-2], self.label_shape[-1]

    @property
    def count(self) -> int:
        """Number of planes."""
        return prod(self.label_shape[:-2])

    def place(self, plane: int) -> tuple[int, ...]:
        """Return the index of a plane along the axes before Y and X."""
        return tuple(map(int, np.unravel_index(plane, self.label_shape[:-2])))

    def read(self, plane: int, window: Window) -> NDArray[Any]:
        """Read a window of a plane.

        Returns
        -------
        (C, y, x) array

        Raises
        ------
        UserError
            If it cannot be read, or holds values that are no finite real numbers.
        """
        key: dict[str, int | slice] = {"Y": window[0], "X": window[1]}
        key |= dict(zip(self.label_axes, self.place(plane), strict=False))
        key["C"] = slice(self.channels[0], self.channels[-1] + 1)
        try:
            part = np.asarray(self.array[tuple(key[a] for a in self.axes)])
        except OSError as error:
            raise UserError(
                f"The image cannot be read ({error}); check that it is still there."
            ) from error
        left = [a for a in self.axes if a in "CYX"]
        values = part.transpose([left.index(a) for a in "CYX" if a in left])
        values = values.reshape(-1, *values.shape[-2:])
        check_values(values)
        return values

    def sample(self) -> NDArray[Any]:
        """Read all of an image, or windows spread evenly over a large one.

        Returns
        -------
        (C, ...) array
            At most `READ_WHOLE` numbers in all or, of each channel, some `SAMPLES`
            windows of `SAMPLE_SIDE` px a side.
        """
        height, width = self.shape
        if self.count * len(self.channels) * height * width <= READ_WHOLE:
            windows = [(plane, whole(self.shape)) for plane in range(self.count)]
        else:
            planes = np.unique(np.linspace(0, self.count - 1, 16).astype(int))
            side = max(1, round((SAMPLES / len(planes)) ** 0.5))
            rows, columns = (_spread(n, side) for n in self.shape)
            windows = [(int(p), (y, x)) for p in planes for y in rows for x in columns]
        return np.stack([self.read(*window) for window in windows], 1)


def _spread(length: int, count: int) -> list[slice]:
    side = min(length, SAMPLE_SIDE)
    starts = np.unique(np.linspace(0, length - side, count).astype(int))
    return [slice(int(start), int(start) + side) for start in starts]
