"""Arrays in files, of which only the parts that are asked for are read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .images import ORIGIN, Offset, damage_told, trusted_axes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_metaseg.core.plane_source import ArrayLike


@dataclass(frozen=True, slots=True)
class OpenedImage:
    """What an image file says, of which no pixel has been read.

    Attributes
    ----------
    data : ArrayLike
        Has a shape and a type and can be sliced.
    axes : str or None
        One letter of ``TZCYX`` per axis; None if the file does not tell.
    pixel_size : tuple of float or None
        Size of a pixel in µm, (y, x), if the file tells.
    coarser : tuple of ArrayLike
        The same image at lower resolutions, if the file holds them.
    z_step : float or None
        Distance between planes of a stack in µm, if the file tells.
    offset : Offset
        Where its first pixel lies, if the file tells.
    further : int
        How many more images, such as other scenes, the file holds.
    """

    data: ArrayLike
    axes: str | None
    pixel_size: tuple[float, float] | None
    coarser: tuple[ArrayLike, ...] = ()
    z_step: float | None = None
    offset: Offset = ORIGIN
    further: int = 0


def open_arrays(
    path: Path,
    arrays: Sequence[Any],
    axes: str,
    pixel_size: tuple[float, float] | None,
    *,
    alpha: bool = False,
    z_step: float | None = None,
    offset: Offset = ORIGIN,
) -> OpenedImage:
    """Describe arrays in a file as an image.

    Parameters
    ----------
    path : Path
        To name in messages.
    arrays : sequence of array-like
        Levels, the finest first.
    axes : str
        One letter an axis.
    pixel_size : tuple of float or None
        In µm, (y, x).
    alpha : bool
        Whether the last channel is one of transparency.
    z_step : float, optional
        Distance between planes in µm.
    offset : Offset
        Where the first pixel lies.
    """
    guard = partial(damage_told, path)
    images = [LazyImage.of(a, axes, guard, alpha=alpha) for a in arrays]
    finest, letters = images[0]
    coarser = tuple(image for image, kept in images[1:] if kept == letters)
    axes_known = trusted_axes(letters)
    return OpenedImage(finest, axes_known, pixel_size, coarser, z_step, offset)


@dataclass(frozen=True)
class LazyImage:
    """An array in a file, without its axes of length one.

    Attributes
    ----------
    array : array-like
        Whatever can be sliced.
    lengths : tuple of int
        How much of each of its axes is shown: all, or less where there is an alpha
        channel.
    kept : tuple of bool
        Which of its axes are shown at all.
    guard : callable
        Returns a context that tells of damage in one sentence.
    """

    array: Any
    lengths: tuple[int, ...]
    kept: tuple[bool, ...]
    guard: Callable[[], AbstractContextManager[None]]

    @classmethod
    def of(
        cls,
        array: Any,
        axes: str,
        guard: Callable[[], AbstractContextManager[None]],
        *,
        alpha: bool = False,
    ) -> tuple[LazyImage, str]:
        """Wrap an array.

        Parameters
        ----------
        array : array-like
            Whatever has a shape and can be sliced.
        axes : str
            One letter an axis.
        guard : callable
            Returns a context for each read.
        alpha : bool
            Whether the last channel is one of transparency, and left out.

        Returns
        -------
        LazyImage
        str
            Its axes; those of length one are dropped, unless they are Y or X.
        """
        lengths = tuple(
            n - (alpha and a == "C") for n, a in zip(array.shape, axes, strict=True)
        )
        kept = tuple(n > 1 or a in "YX" for n, a in zip(lengths, axes, strict=True))
        letters = "".join(a for a, shown in zip(axes, kept, strict=True) if shown)
        return cls(array, lengths, kept, guard), letters

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        pairs = zip(self.lengths, self.kept, strict=True)
        return tuple(n for n, shown in pairs if shown)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers, in native byte order."""
        native: np.dtype[Any] = np.dtype(self.array.dtype).newbyteorder("=")
        return native

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Read a part.

        Parameters
        ----------
        key : int, slice or tuple of them
            Axes that are not named are read whole.
        """
        given = list(key) if isinstance(key, tuple) else [key]
        given += [slice(None)] * (self.ndim - len(given))
        whole: list[int | slice] = []
        for length, shown in zip(self.lengths, self.kept, strict=True):
            part = given.pop(0) if shown else 0
            if isinstance(part, slice):
                whole.append(slice(*part.indices(length)))
            else:
                whole.append(range(length)[part])
        with self.guard():
            return np.asarray(self.array[tuple(whole)]).astype(self.dtype, copy=False)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Read all of it."""
        return self[()].astype(dtype or self.dtype, copy=False)


@dataclass(frozen=True, slots=True)
class MappedFile:
    """Numbers that lie uncompressed and in order in a file.

    It is mapped anew for each part: the pages of a lasting map would count as this
    process's memory, up to the size of the file.

    Attributes
    ----------
    path : Path
        The file.
    offset : int
        Where the numbers begin.
    shape : tuple of int
        Length of each axis.
    dtype : dtype
        Type of the numbers.
    """

    path: Path
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Copy a part."""
        mapped = np.memmap(
            self.path, self.dtype, mode="r", offset=self.offset, shape=self.shape
        )
        return np.array(mapped[key])
