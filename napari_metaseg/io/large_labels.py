"""Labels too large for the memory: OME-Zarr (version 0.5) and tiled BigTIFF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
import zarr

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.windows import grid

from .files import atomic_file, check_target
from .images import ORIGIN, Offset
from .labels import check_axes, check_pixel_size, ome_options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

VERSION = "0.5"
TIFF_TILE = 512
_TYPES = {"T": "time", "Z": "space", "Y": "space", "X": "space"}


def is_zarr(path: Path) -> bool:
    """Tell whether labels of this name are OME-Zarr."""
    return path.suffix.lower() == ".zarr"


def check_output(path: Path, *, overwrite: bool = False) -> None:
    """Check that large labels may be written under this name.

    Raises
    ------
    UserError
        If it is neither OME-Zarr nor TIFF, exists, or its folder does not.
    """
    if not is_zarr(path):
        if path.suffix.lower() not in (".tif", ".tiff"):
            raise UserError(
                f"Labels are OME-Zarr or TIFF; let {path.name} end in .zarr or .tif."
            )
        check_target(path, overwrite=overwrite)
        return
    if not path.parent.is_dir():
        raise UserError(
            f"The folder {path.parent} does not exist; create it or choose another."
        )
    if path.exists() and not overwrite:
        raise UserError(
            f"{path} exists already; choose another name or allow overwriting "
            "it (in the shell --overwrite)."
        )
    if path.exists() and not (path / "zarr.json").is_file():
        raise UserError(f"{path} is no OME-Zarr; choose another name.")


def write_large_labels(
    path: Path,
    labels: Any,
    *,
    axes: str,
    pixel_size: tuple[float, float] | None = None,
    z_step: float | None = None,
    overwrite: bool = False,
) -> None:
    """Write labels as a tiled, compressed OME-TIFF, a tile at a time.

    Parameters
    ----------
    path : Path
        Name ending in ``.tif`` or ``.tiff``.
    labels : array-like of uint16 or uint32
        Of which a row of tiles is read at a time.
    axes : str
        One letter of T, Z, Y, X for each axis, ending in ``YX``.
    pixel_size : tuple of float, optional
        Size of a pixel in µm, (y, x).
    z_step : float, optional
        Distance between planes in µm.
    overwrite : bool
        Whether an existing file is replaced.

    Raises
    ------
    UserError
        If the axes or the pixel size make no sense, or the file cannot be written.
    """
    check_axes(axes, labels.shape)
    if pixel_size is not None:
        check_pixel_size(pixel_size)
    size = int(np.prod(labels.shape, dtype=np.int64)) * labels.dtype.itemsize
    with atomic_file(path, overwrite=overwrite) as file:
        tifffile.imwrite(
            file,
            _tiles(labels),
            shape=labels.shape,
            dtype=labels.dtype,
            tile=(TIFF_TILE, TIFF_TILE),
            photometric="minisblack",
            **ome_options(size, axes, pixel_size, z_step),
        )


def _tiles(labels: Any) -> Iterator[NDArray[Any]]:
    height, width = labels.shape[-2:]
    for plane in np.ndindex(labels.shape[:-2]):
        for rows, _ in grid((height, 1), TIFF_TILE):
            band = np.asarray(labels[(*plane, rows, slice(None))])
            for _, columns in grid((1, width), TIFF_TILE):
                yield band[:, columns]


def describe_labels(
    folder: Path,
    levels: int,
    *,
    axes: str,
    pixel_size: tuple[float, float] | None = None,
    z_step: float | None = None,
    offset: Offset = ORIGIN,
) -> None:
    """Write the metadata of a pyramid of labels.

    Parameters
    ----------
    folder : Path
        Holds the arrays ``0`` (full resolution), ``1`` (every second pixel), ...
    levels : int
        How many there are.
    axes : str
        One letter an axis of T, Z, Y, X.
    pixel_size : tuple of float, optional
        Size of a pixel in µm, (y, x).
    z_step : float, optional
        Distance between planes in µm.
    offset : Offset
        Where the first pixel lies.
    """
    size = dict(zip("YX", pixel_size or (1.0, 1.0), strict=True))
    depth = {} if z_step is None else {"Z": z_step}
    steps = {a: (size | depth).get(a, 1.0) for a in axes}
    # All levels begin with the same pixel.
    shift = dict(zip("ZYX", offset, strict=True))
    moved = [steps[a] * shift.get(a, 0.0) for a in axes]
    place = [{"type": "translation", "translation": moved}] if any(moved) else []
    data_sets = [
        {
            "path": str(level),
            "coordinateTransformations": [
                {
                    "type": "scale",
                    "scale": [steps[a] * 2 ** (level * (a in size)) for a in axes],
                },
                *place,
            ],
        }
        for level in range(levels)
    ]
    named: list[dict[str, Any]] = [{"name": a.lower(), "type": _TYPES[a]} for a in axes]
    if pixel_size is not None:
        for axis in named[-2:]:
            axis["unit"] = "micrometer"
    for axis in named:
        if axis["name"].upper() in depth:
            axis["unit"] = "micrometer"
    description: Any = {
        "version": VERSION,
        "multiscales": [{"name": "cells", "axes": named, "datasets": data_sets}],
        "image-label": {},
    }
    group = zarr.open_group(str(folder), mode="a")
    group.attrs["ome"] = description
