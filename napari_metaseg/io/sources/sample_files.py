"""The files in which a task library keeps images and masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import tifffile

from napari_metaseg.io.labels import as_unsigned

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from .samples import Sample


def write_sample(folder: Path, number: int, sample: Sample) -> None:
    """Write image and masks under a number."""
    name = file_name(number)
    write_tiff(folder / "images" / name, sample.image)
    write_tiff(folder / "masks" / name, as_unsigned(sample.masks))


def file_name(number: int) -> str:
    """Return how the file of a number is called."""
    return f"{number:05}.tif"


def write_tiff(file: Path | BinaryIO, array: NDArray[Any]) -> None:
    """Write an image or masks of a library."""
    tifffile.imwrite(
        file,
        array,
        photometric="rgb" if array.ndim == 3 else "minisblack",
        compression="zlib",
        metadata=None,
    )


def colour(path: Path) -> None:
    """Give a gray image three channels: episodes mix images of one number of them."""
    gray = tifffile.imread(path)
    write_tiff(path, np.stack([gray] * 3, axis=-1))
