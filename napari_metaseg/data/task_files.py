"""The image and mask files of a task, whatever program has written them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import tifffile
from PIL import Image
from skimage.segmentation import relabel_sequential

from napari_metaseg.core.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIXES = (".png", ".tif", ".tiff")

MOST_CHANNELS = 4
"""Planes before Y and X, up to which they are channels."""

LARGEST_NUMBER = 65_535
"""Objects with larger numbers are numbered anew: work takes time by the largest."""

_DEPTH, _COLOUR = 24, 25
"""Bytes of a PNG that tell its bits a channel, and whether it has colours."""

_OPAQUE = {"LA": "L", "RGBA": "RGB"}
"""What is left of a picture without its transparency, as Pillow names it."""

_ALPHA = ((tifffile.EXTRASAMPLE.ASSOCALPHA,), (tifffile.EXTRASAMPLE.UNASSALPHA,))
"""How a TIFF names it, where it is the only sample beyond gray or colours."""


def image_files(folder: Path) -> list[Path]:
    """List the images of a folder, those that are hidden left out."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )


def mask_file(image: Path, folder: Path) -> Path:
    """Find the masks of an image, by its name.

    Raises
    ------
    UserError
        If there are none.
    """
    same = folder / image.name
    others = (folder / f"{image.stem}{suffix}" for suffix in SUFFIXES)
    for path in (same, *others):
        if path.exists():
            return path
    raise UserError(f"'{image}' has no mask; expected '{same}'.")


def read_masks(path: Path) -> NDArray[np.int32]:
    """Read instances.

    Returns
    -------
    (Y, X) array of int32
        0 = background, -1 = a background stroke.

    Raises
    ------
    UserError
        If the file is damaged, or is no label image.
    """
    masks = _decode(path, indices=True)
    if masks.ndim != 2:
        raise UserError(
            f"'{path}' has {masks.ndim} axes {masks.shape}; masks have two, with a "
            "number for each object: export them as a label image."
        )
    if masks.dtype.kind not in "biu":
        if not (np.isfinite(masks).all() and np.array_equal(masks, np.floor(masks))):
            raise UserError(
                f"'{path}' holds numbers that are not whole; masks have a whole number "
                "for each object: export them as a label image."
            )
        masks = masks.astype(np.int64)
    if masks.max(initial=0) > LARGEST_NUMBER:
        strokes = masks < 0
        masks = np.where(strokes, -1, relabel_sequential(masks * ~strokes)[0])
    return np.maximum(masks.astype(np.int32), -1)


def read_objects(path: Path) -> NDArray[np.int32]:
    """Read instances without background strokes, see `read_masks`."""
    return np.maximum(read_masks(path), 0)


def read_picture(path: Path, *, colour: bool = False) -> NDArray[np.generic]:
    """Read an image.

    Parameters
    ----------
    path : Path
        The file.
    colour : bool
        Whether a gray image is returned as three equal channels.

    Returns
    -------
    (Y, X) or (Y, X, C) array

    Raises
    ------
    UserError
        If the file is damaged, or holds values that are not finite.
    """
    image = _decode(path, indices=False)
    if image.ndim == 3 and image.shape[0] <= MOST_CHANNELS < image.shape[2]:
        image = np.moveaxis(image, 0, -1)
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise UserError(
            f"'{path}' holds values that are not finite (NaN or infinity); replace "
            "them, for example by 0."
        )
    return np.stack([image] * 3, -1) if colour and image.ndim == 2 else image


def _decode(path: Path, *, indices: bool) -> NDArray[Any]:
    try:
        if path.suffix.lower() == ".png":
            image = _decode_png(path, indices=indices)
        else:
            image = _decode_tiff(path)
    except (OSError, ValueError, SyntaxError, RuntimeError) as error:
        raise UserError(f"'{path}' cannot be read; export it again.") from error
    if image.ndim == 3 and 1 in (image.shape[0], image.shape[2]):
        image = image[0] if image.shape[0] == 1 else image[..., 0]
    return image


def _decode_tiff(path: Path) -> NDArray[Any]:
    with tifffile.TiffFile(path) as file:
        image: NDArray[Any] = file.asarray()
        interleaved = image.ndim == 3 and image.shape[2] in (2, 4)
        alpha = interleaved and file.pages.first.extrasamples in _ALPHA
    return image[..., :-1] if alpha else image


def _decode_png(path: Path, *, indices: bool) -> NDArray[np.generic]:
    with path.open("rb") as file:
        start = file.read(_COLOUR + 1)
    if start[_DEPTH:] in (b"\x10\x02", b"\x10\x04", b"\x10\x06"):
        # Pillow would cut 16-bit colours down to 8 bits.
        image: NDArray[np.generic] = imagecodecs.png_decode(path.read_bytes())
        return image[..., 0] if image.shape[2] == 2 else image[..., :3]
    with Image.open(path) as picture:
        if picture.mode in _OPAQUE:
            return np.asarray(picture.convert(_OPAQUE[picture.mode]))
        colours = picture.mode == "P" and not indices
        return np.asarray(picture.convert("RGB") if colours else picture)
