"""An image by its path, shape and hash, instead of its pixels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.placement import Placement
from napari_metaseg.io.open_images import read_any_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_metaseg.io.images import ImageFile

_BLOCK = 2**26


@dataclass(frozen=True, slots=True)
class ImageReference:
    """Which image it was.

    Attributes
    ----------
    path : str
        Where it was; empty for one that was never a file.
    shape : tuple of int
        Of all its axes.
    dtype : str
        Type of its pixels.
    sha256 : str
        Hash of its pixels, see `hash_pixels`.
    axes : str or None
        A letter for each axis, where they are known.
    pixel_size : tuple of float or None
        Size of a pixel in µm, (y, x).
    z_step : float or None
        Distance between planes in µm.
    placement : Placement or None
        Where its layer lay in the viewer.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    sha256: str
    axes: str | None = None
    pixel_size: tuple[float, float] | None = None
    z_step: float | None = None
    placement: Placement | None = None

    @classmethod
    def of(cls, image: ImageFile, path: str | Path | None = None) -> ImageReference:
        """Refer to an image.

        Parameters
        ----------
        image : ImageFile
            The image, with the axes by which it was read.
        path : str or Path, optional
            Its file.
        """
        data = image.data
        where = "" if path is None else str(Path(path).resolve())
        shape = tuple(map(int, data.shape))
        kind = np.dtype(data.dtype).newbyteorder("<").str
        sha256 = hash_pixels(data)
        return cls(
            where,
            shape,
            kind,
            sha256,
            image.axes,
            image.pixel_size,
            image.z_step,
            _placement(image),
        )

    @property
    def name(self) -> str:
        """Name of its file, on whichever system it was."""
        windows = "\\" in self.path
        return (PureWindowsPath if windows else PurePosixPath)(self.path).name

    def find(self, beside: Path, given: Path | None = None) -> Path:
        """Find its file: as given, where it was, or beside another file.

        Parameters
        ----------
        beside : Path
            File in whose folder to look.
        given : Path, optional
            Where it is now.

        Raises
        ------
        UserError
            If there is none.
        """
        places = [Path(self.path), beside.parent / self.name] if self.name else []
        for place in [given] if given is not None else places:
            if place.exists() or given is not None:
                return place
        named = self.path or "The image, which was no file,"
        raise UserError(f"{named} is not there any more; say where it is with --image.")

    def read(self, path: Path) -> NDArray[Any]:
        """Read its pixels, if they are the same.

        Raises
        ------
        UserError
            If they are others.
        """
        data = read_any_image(path).data
        # Axes of length one come and go with the reader.
        if _without_ones(data.shape) == _without_ones(self.shape):
            data = data.reshape(self.shape)
            if hash_pixels(data) == self.sha256:
                return data
        raise UserError(
            f"{path} holds other pixels than the image of the session; choose the file "
            "that was adapted to."
        )


def _placement(image: ImageFile) -> Placement | None:
    """Return where an image lies of which its file says that it is not the origin."""
    if image.axes is None or not any(image.offset):
        return None
    lengths = dict(zip("YX", image.pixel_size or (), strict=False))
    if image.z_step is not None:
        lengths["Z"] = image.z_step
    moved = dict(zip("ZYX", image.offset, strict=True))
    affine = np.eye(len(image.axes) + 1)
    affine[:-1, -1] = [lengths.get(a, 1.0) * moved.get(a, 0.0) for a in image.axes]
    return Placement(
        tuple(lengths.get(a, 1.0) for a in image.axes),
        tuple("um" if a in lengths else "pixel" for a in image.axes),
        tuple(map(tuple, affine.tolist())),
    )


def _without_ones(shape: tuple[int, ...]) -> list[int]:
    return [n for n in shape if n != 1]


def hash_pixels(image: NDArray[Any]) -> str:
    """Hash the type and the pixels of an image, little-endian, the last axis fastest.

    Parameters
    ----------
    image : array
        Any array that can be sliced; it is read in blocks.

    Returns
    -------
    str
        SHA-256, in hexadecimal digits.
    """
    kind = np.dtype(image.dtype).newbyteorder("<")
    known = hashlib.sha256(kind.str.encode())
    row = max(1, int(np.prod(image.shape[1:], dtype=np.int64)) * kind.itemsize)
    step = max(1, _BLOCK // row)
    for start in range(0, image.shape[0], step):
        block = np.ascontiguousarray(image[start : start + step], kind)
        known.update(block.data)
    return known.hexdigest()
