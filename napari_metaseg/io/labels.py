"""Writing label images as TIFF, whole or not at all."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from napari_metaseg.core.errors import UserError

from .files import atomic_file, check_target

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_IMAGEJ_ORDER = "TZYX"
# Classic TIFF holds 4 GiB; the rest is room for the headers.
_CLASSIC_LIMIT = 2**32 - 2**25


def write_labels(
    path: str | Path,
    labels: ArrayLike,
    *,
    axes: str = "YX",
    pixel_size: tuple[float, float] | None = None,
    z_step: float | None = None,
    overwrite: bool = False,
) -> Path:
    """Write instances as a TIFF file that keeps axes and pixel size.

    Up to 65535 the labels are uint16, in an uncompressed ImageJ hyperstack.
    Larger labels are uint32, which ImageJ's own format lacks: these are written
    as zlib-compressed OME-TIFF, as are axes in another order than ImageJ's
    (TZYX), images one pixel wide and files above 4 GB (BigTIFF). Fiji, QuPath
    and napari read both.

    Parameters
    ----------
    path : str or Path
        Name ending in ``.tif`` or ``.tiff``.
    labels : array_like of int
        Instances from 0 (no cell) upwards, in the order of `axes`.
    axes : str
        One letter of ``TZYX`` per axis, ending in ``YX``.
    pixel_size : tuple of float, optional
        Size of a pixel in µm, (y, x).
    z_step : float, optional
        Distance between planes in µm; kept where the size of a pixel is known.
    overwrite : bool
        Whether an existing file is replaced.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    UserError
        If the labels, axes or pixel size make no sense, the file exists, or
        the folder is missing, read-only or full.
    """
    path = Path(path)
    check_labels_path(path, overwrite=overwrite)
    values = as_unsigned(np.asarray(labels))
    check_axes(axes, values.shape)
    if pixel_size is not None:
        check_pixel_size(pixel_size)
    with atomic_file(path, overwrite=overwrite) as file:
        how = _format(values, axes, pixel_size, z_step)
        tifffile.imwrite(file, values, photometric="minisblack", **how)
    return path


def check_labels_path(path: Path, *, overwrite: bool = False) -> None:
    """Check that labels may be written to a file of this name.

    Raises
    ------
    UserError
        If it is no TIFF file, exists, or its folder does not.
    """
    if path.suffix.lower() not in (".tif", ".tiff"):
        raise UserError(f"Label images are TIFF files; let {path.name} end in .tif.")
    check_target(path, overwrite=overwrite)


def as_unsigned(labels: NDArray[Any]) -> NDArray[Any]:
    """Return labels as uint16, or uint32 where they need it.

    Raises
    ------
    UserError
        If they are empty, no whole numbers, negative or above 2^32 - 1.
    """
    if labels.size == 0:
        raise UserError("The label image is empty; there is nothing to write.")
    if labels.dtype.kind not in "biu":
        raise UserError(
            f"Labels are whole numbers, these are {labels.dtype}; convert them first."
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high > 2**32 - 1:
        raise UserError(
            f"Labels are numbers from 0 to {2**32 - 1}, these reach from {low} to "
            f"{high}; renumber them first."
        )
    return labels.astype(np.uint16 if high <= 65_535 else np.uint32, copy=False)


def check_axes(axes: str, shape: tuple[int, ...]) -> None:
    """Check that labels can be written with these axes.

    Parameters
    ----------
    axes : str
        One letter an axis.
    shape : tuple of int
        Shape of the labels.

    Raises
    ------
    UserError
        If they are not T, Z, Y, X in a number and order that a TIFF can state.
    """
    known = set(axes) <= set(_IMAGEJ_ORDER) and len(set(axes)) == len(axes)
    if not known or not axes.endswith("YX") or len(axes) != len(shape):
        raise UserError(
            f"The axes {axes!r} do not describe labels of shape {shape}; give "
            "one letter of T, Z, Y, X for each axis, Y and X last."
        )


def check_pixel_size(pixel_size: tuple[float, float]) -> None:
    """Check that a pixel size, (y, x) in µm, is one.

    Raises
    ------
    UserError
        If it is not positive and finite.
    """
    if not all(math.isfinite(s) and s > 0 for s in pixel_size):
        raise UserError(
            f"The pixel size {pixel_size} is no length; give two positive numbers, "
            "in µm."
        )


def _format(
    labels: NDArray[Any],
    axes: str,
    pixel_size: tuple[float, float] | None,
    z_step: float | None,
) -> dict[str, Any]:
    """Return tifffile's arguments for the kind of file these labels need."""
    large = labels.nbytes > _CLASSIC_LIMIT
    ordered = "".join(sorted(axes, key=_IMAGEJ_ORDER.index)) == axes
    # tifffile mistakes an X axis of length one for colour samples.
    plain = ordered and not large and labels.shape[-1] > 1
    if labels.dtype == np.uint16 and plain:
        return {"imagej": True, **_imagej_metadata(axes, pixel_size, z_step)}
    return ome_options(labels.nbytes, axes, pixel_size, z_step)


def ome_options(
    size: int,
    axes: str,
    pixel_size: tuple[float, float] | None,
    z_step: float | None = None,
) -> dict[str, Any]:
    """Return tifffile's arguments for a compressed OME-TIFF.

    Parameters
    ----------
    size : int
        Of the uncompressed labels, in bytes: large ones need BigTIFF.
    axes : str
        One letter an axis.
    pixel_size : tuple of float or None
        In µm, (y, x).
    z_step : float, optional
        Distance between planes in µm.
    """
    metadata: dict[str, Any] = {"axes": axes}
    if pixel_size is not None:
        lengths = dict(zip("YX", pixel_size, strict=True))
        if z_step is not None and "Z" in axes:
            lengths["Z"] = z_step
        for axis, length in lengths.items():
            metadata[f"PhysicalSize{axis}"] = length
            metadata[f"PhysicalSize{axis}Unit"] = "µm"
    return {
        "ome": True,
        "bigtiff": size > _CLASSIC_LIMIT,
        "compression": "zlib",
        "metadata": metadata,
    }


def _imagej_metadata(
    axes: str, pixel_size: tuple[float, float] | None, z_step: float | None
) -> dict[str, Any]:
    if pixel_size is None:
        return {"metadata": {"axes": axes}}
    y, x = pixel_size
    spacing = {} if z_step is None or "Z" not in axes else {"spacing": z_step}
    return {
        "metadata": {"axes": axes, "unit": "um", **spacing},
        "resolution": (1 / x, 1 / y),
    }
