"""Where masks are: label images, arrays, one file an object, outlines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.annotation import read_annotation
from napari_metaseg.io.files import check_readable
from napari_metaseg.io.images import read_image
from napari_metaseg.io.instances import read_instances

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_metaseg.io.images import ImageFile


@dataclass(frozen=True, slots=True)
class LabelImage:
    """A label image: TIFF, PNG or BMP, one number an object."""

    path: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that are read."""
        return (self.path,)

    def read(self, image: ImageFile) -> NDArray[np.int32]:
        """Read it; see `MaskSource`."""
        return read_annotation(self.path)


@dataclass(frozen=True, slots=True)
class Outlines:
    """ImageJ ROIs, QuPath's GeoJSON, or a COCO file about one image."""

    path: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that are read."""
        return (self.path,)

    def read(self, image: ImageFile) -> NDArray[Any]:
        """Draw them; see `MaskSource`."""
        return read_instances(self.path, image).data


@dataclass(frozen=True, slots=True)
class ArrayFile:
    """A NumPy array of whole numbers, from which no objects are unpickled."""

    path: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that are read."""
        return (self.path,)

    def read(self, image: ImageFile) -> NDArray[Any]:
        """Read it; see `MaskSource`.

        Raises
        ------
        UserError
            If it is a pickle, as Cellpose's own ``_seg.npy``, or damaged.
        """
        check_readable(self.path)
        try:
            # Mapped, so that a header cannot claim more than the file holds.
            values = np.lib.format.open_memmap(self.path, mode="r")
        except (ValueError, OSError, EOFError, SyntaxError) as error:
            raise UserError(
                f"{self.path} is a Python pickle, which may run code when it is "
                "opened, or is damaged; save the masks as PNG or TIFF in Cellpose "
                "(File > Save masks) and keep those beside the image."
            ) from error
        if values.dtype.kind not in "biu" or values.size > image.data.size:
            raise UserError(
                f"{self.path} is no label image of its image; save the masks as PNG "
                "or TIFF."
            )
        return np.array(values)


@dataclass(frozen=True, slots=True)
class ObjectFiles:
    """One file for each object, in which its pixels are not 0."""

    paths: tuple[Path, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that are read."""
        return self.paths

    def read(self, image: ImageFile) -> NDArray[np.int32]:
        """Read all; see `MaskSource`. Where objects overlap, the later is on top."""
        shape = image.data.shape[:2]
        labels = np.zeros(shape, np.int32)
        for number, path in enumerate(self.paths, start=1):
            values = read_image(path).data
            inside = values.any(axis=2) if values.ndim == 3 else values != 0
            if inside.shape != shape:
                raise UserError(
                    f"{path} is {size_words(inside.shape)} but its image "
                    f"{size_words(shape)}; give both the same size."
                )
            labels[inside] = number
        return labels


def size_words(shape: tuple[int, ...]) -> str:
    """Tell a shape, the rows first, in px."""
    return f"{' x '.join(str(n) for n in shape)} px"
