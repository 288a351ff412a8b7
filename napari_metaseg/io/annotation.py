"""Reading annotations from files.

An annotation is int32: 0 = unknown, k > 0 = one whole cell, -1 = background.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.errors import UserError

from .images import image_format, read_image, read_indices

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LARGEST = 2**31 - 1
_SAVE_AS = "save it as a TIFF of whole numbers"


def read_annotation(
    path: str | Path, background: str | Path | None = None
) -> NDArray[np.int32]:
    """Read a label image as an annotation.

    Parameters
    ----------
    path : str or Path
        TIFF, PNG or BMP of whole numbers: 0 = unknown, k > 0 = one whole cell
        and, in a signed type, -1 = background.
    background : str or Path, optional
        Second label image, whose non-zero pixels are background. For files
        that cannot hold -1.

    Returns
    -------
    NDArray of int32
        Shape of the file's image; axes of length one are dropped.

    Raises
    ------
    UserError
        If a file cannot be read, holds other values, or the two disagree.
    """
    path = Path(path)
    annotation = check_numbers(_read_whole_numbers(path), path)
    if background is not None:
        _mark_background(annotation, path, Path(background))
    return annotation


def check_numbers(labels: NDArray[Any], path: Path) -> NDArray[np.int32]:
    """Return whole numbers as an annotation.

    Parameters
    ----------
    labels : array of numbers
        From a file.
    path : Path
        Its name, for the message.

    Raises
    ------
    UserError
        If one is below -1 or above 2^31 - 1.
    """
    low, high = labels.min(), labels.max()
    if low < -1:
        raise UserError(
            f"{path} holds the value {low}; use 0 for unknown, -1 for background and "
            "positive numbers for cells."
        )
    if high > _LARGEST:
        raise UserError(
            f"{path} holds the value {high}, above {_LARGEST}; number the cells from 1 "
            "and save background (-1) in a signed type."
        )
    return labels.astype(np.int32)


def _mark_background(annotation: NDArray[np.int32], path: Path, other: Path) -> None:
    mask = _read_whole_numbers(other) != 0
    if mask.shape != annotation.shape:
        raise UserError(
            f"{other} has the shape {mask.shape} and {path} {annotation.shape}; both "
            "must have the image's shape."
        )
    overlap = int(np.count_nonzero(mask & (annotation > 0)))
    if overlap:
        raise UserError(
            f"{overlap} pixels are a cell in {path} and background in {other}; erase "
            "them in one of the two."
        )
    annotation[mask] = -1


def _read_whole_numbers(path: Path) -> NDArray[Any]:
    kind = image_format(path)
    if kind == "JPEG":
        raise UserError(f"{path} is a JPEG, which alters labels; {_SAVE_AS}.")
    if kind == "TIFF":
        image = read_image(path)
        values, colour = image.data, "C" in (image.axes or "")
    else:
        values = read_indices(path, kind)
        colour = values.ndim != 2
    if colour:
        raise UserError(
            f"{path} has colour channels instead of one number per cell; {_SAVE_AS}."
        )
    if values.dtype.kind == "f" and np.array_equal(values, np.trunc(values)):
        # float64 holds every accepted value; infinite ones fail the range check.
        return values.astype(np.float64, copy=False)
    if values.dtype.kind not in "biu":
        raise UserError(f"{path} holds values that are not whole numbers; {_SAVE_AS}.")
    return values.astype(np.uint8) if values.dtype.kind == "b" else values
