"""Opening images of any size and many formats, without reading them."""

from __future__ import annotations

import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import zarr

from napari_metaseg.core.errors import UserError

from .images import (
    ImageFile,
    damage_told,
    further_images,
    has_alpha,
    image_format,
    read_image,
)
from .lazy import MappedFile, OpenedImage, open_arrays
from .ome_zarr import open_ome_zarr
from .pixel_size import tiff_pixel_size, tiff_z_step

VENDORS = (".czi", ".lif", ".nd2")
"""Formats of microscopes that are read through bioio."""


def open_image(path: str | Path) -> OpenedImage:
    """Open an image; its pixels are read when they are asked for.

    TIFF files are mapped where they are plain, and read in strips or tiles where they
    are compressed; of OME-Zarr and pyramidal TIFF all levels are opened. PNG, JPEG and
    BMP can only be read whole. CZI, LIF and ND2 are opened through bioio.

    Parameters
    ----------
    path : str or Path
        A file, or the folder of an OME-Zarr.

    Returns
    -------
    OpenedImage
        Its data have a shape, a type and can be sliced.

    Raises
    ------
    UserError
        If the file is missing, empty, damaged or not an image.
    """
    path = Path(path)
    if path.is_dir():
        return open_ome_zarr(path)
    if path.suffix.lower() in VENDORS and path.exists():
        return _open_with_bioio(path)
    if image_format(path) == "TIFF":
        with damage_told(path):
            return _open_tiff(path)
    file = read_image(path)
    return OpenedImage(file.data, file.axes, file.pixel_size, z_step=file.z_step)


def read_any_image(path: str | Path) -> ImageFile:
    """Read all of an image, of whatever format; see `open_image`.

    Raises
    ------
    UserError
        If it is missing, damaged or no image.
    """
    path = Path(path)
    if not path.is_dir() and path.suffix.lower() not in VENDORS:
        return read_image(path)
    image = open_image(path)
    return ImageFile(
        np.asarray(image.data),
        image.axes,
        image.pixel_size,
        image.z_step,
        image.offset,
        image.further,
    )


def _open_tiff(path: Path) -> OpenedImage:
    with tifffile.TiffFile(path) as tif:
        series = tif.series[0]
        axes = series.axes.replace("S", "C")
        alpha = has_alpha(series)
        size, step = tiff_pixel_size(tif), tiff_z_step(tif)
        further = further_images(tif)
        levels = len(series.levels)
        arrays: list[Any]
        if levels == 1 and series.dataoffset is not None:
            dtype = np.dtype(tif.byteorder + series.dtype.char)
            arrays = [MappedFile(path, series.dataoffset, series.shape, dtype)]
        else:
            arrays = [_tiff_level(path, level) for level in range(levels)]
    opened = open_arrays(path, arrays, axes, size, alpha=alpha, z_step=step)
    return replace(opened, further=further)


def _tiff_level(path: Path, level: int) -> Any:
    store: Any = tifffile.imread(path, aszarr=True, level=level)
    array = zarr.open_array(store, mode="r")
    # The store keeps the file open for as long as the array lives.
    weakref.finalize(array, store.close)
    return array


def _open_with_bioio(path: Path) -> OpenedImage:
    try:
        from bioio import BioImage
    except ImportError:
        raise UserError(
            f"{path} needs a further package to be read; install it with "
            "'pip install napari-metaseg[bioio]', or save the image as OME-TIFF."
        ) from None
    with damage_told(path):
        image = BioImage(path)
        size = image.physical_pixel_sizes
        axes = image.dims.order.replace("C", "" if "S" in image.dims.order else "C")
        data = image.dask_data
        if "S" in image.dims.order:
            data = data[:, 0]
            axes = axes.replace("S", "C")
        plane = None if size.Y is None or size.X is None else (size.Y, size.X)
        opened = open_arrays(path, [data], axes, plane, z_step=size.Z)
        return replace(opened, further=len(image.scenes) - 1)
