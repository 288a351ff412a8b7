"""Reading instances from whatever file holds them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.core.errors import UserError

from .annotation import check_numbers, read_annotation
from .coco import read_coco
from .geojson import read_geojson
from .imagej_rois import read_rois
from .images import ImageFile, image_format, read_image
from .ome_zarr import open_ome_zarr

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import NDArray

_OUTLINES: dict[str, Callable[..., NDArray[Any]]] = {
    ".zip": read_rois,
    ".roi": read_rois,
    ".geojson": read_geojson,
}


def read_instances(path: str | Path, image: ImageFile | None = None) -> ImageFile:
    """Read a label image, a label OME-Zarr, ImageJ ROIs, QuPath's GeoJSON or COCO JSON.

    Parameters
    ----------
    path : str or Path
        Told apart by suffix: ``.zip``, ``.roi``, ``.geojson``, ``.json``; all others
        are label images, folders are OME-Zarr.
    image : ImageFile, optional
        The image they belong to, with its axes. Needed for outlines, whose files do
        not hold its size.

    Returns
    -------
    ImageFile
        Labels, with axes and pixel size as far as the file tells.

    Raises
    ------
    UserError
        If the file cannot be read.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in _OUTLINES:
        shape, axes = _plane_axes(path, image)
        return ImageFile(_OUTLINES[suffix](path, shape, axes=axes), axes, None)
    if suffix == ".json":
        return read_coco(path)
    if path.is_dir():
        return _read_zarr(path)
    labels = read_annotation(path)
    if image_format(path) != "TIFF":
        return ImageFile(labels, "YX", None)
    stated = read_image(path)
    return ImageFile(labels, stated.axes, stated.pixel_size, stated.z_step)


def _read_zarr(path: Path) -> ImageFile:
    opened = open_ome_zarr(path)
    if np.dtype(opened.data.dtype).kind not in "iu" or "C" in (opened.axes or ""):
        raise UserError(f"{path} is an image; name an OME-Zarr of labels.")
    labels = np.asarray(opened.data)
    checked = check_numbers(labels, path)
    return ImageFile(
        checked, opened.axes, opened.pixel_size, opened.z_step, opened.offset
    )


def _plane_axes(path: Path, image: ImageFile | None) -> tuple[tuple[int, ...], str]:
    """Return shape and axes of an image without its channels."""
    if image is None:
        raise UserError(
            f"{path} does not hold the size of its image; name the image as well."
        )
    if image.axes is None or len(image.axes) != image.data.ndim:
        raise UserError(
            f"It is not clear what the axes of the image of {path} are; say so, one "
            "letter of T, Z, C, Y, X each."
        )
    sizes = zip(image.axes, image.data.shape, strict=True)
    kept = [(letter, n) for letter, n in sizes if letter != "C"]
    return tuple(n for _, n in kept), "".join(letter for letter, _ in kept)
