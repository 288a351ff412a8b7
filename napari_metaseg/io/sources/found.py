"""What is found in a folder: tasks, and pairs of an image and its masks, unread."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from napari_metaseg.io.images import ImageFile

IMAGE_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp")
PARTS = ("train", "training", "val", "valid", "validation", "test", "testing")
"""Names of folders that hold a part of one data set."""


class MaskSource(Protocol):
    """Where the instances of one image are, and how they are read."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that are read."""

    def read(self, image: ImageFile) -> NDArray[np.integer]:
        """Read the instances of this image.

        Returns
        -------
        array of int
            Shape of the image without its channels, if the two belong together;
            0 = no object, below 0 = not an object, as strokes are.

        Raises
        ------
        UserError
            If a file cannot be read or does not fit.
        """


@dataclass(frozen=True, slots=True)
class Pair:
    """An image and its masks.

    Attributes
    ----------
    image : Path
        The image's file.
    masks : MaskSource
        Its instances.
    plane : int or None
        Index along the first axis of the image that the masks are of; None if they
        are of all of it.
    """

    image: Path
    masks: MaskSource
    plane: int | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that is left out.

    Attributes
    ----------
    file : str
        Which image or file.
    why : str
        The reason, to be read after its name.
    """

    file: str
    why: str


@dataclass(frozen=True, slots=True)
class FoundTask:
    """A task as it was found; its pixels have not been read.

    Attributes
    ----------
    name : str
        Fit to be the name of a folder.
    layout : str
        Key of the layout it was found in.
    source : str
        Where it comes from; tasks of one source are sampled as one, and stay on one
        side of a split.
    pairs : tuple of Pair
        Images that have masks.
    skipped : tuple of Skipped
        Files that are left out unread.
    licence : str
        Licence of the images and masks.
    distributable : bool
        Whether weights trained on it may be distributed.
    complete : bool
        Whether every object is annotated.
    structure : str
        What the objects are, for example ``nuclei``; empty if unknown.
    """

    name: str
    layout: str
    source: str
    pairs: tuple[Pair, ...]
    skipped: tuple[Skipped, ...] = ()
    licence: str = "unknown"
    distributable: bool = False
    complete: bool = True
    structure: str = ""


def list_images(folder: Path) -> list[Path]:
    """List the images of a folder by their suffixes, in the order of their names."""
    return [p for p in list_files(folder) if p.suffix.lower() in IMAGE_SUFFIXES]


def list_files(folder: Path) -> list[Path]:
    """List the files of a folder that are not hidden, in the order of their names."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.name[0] != "." and p.is_file())


def list_folders(folder: Path) -> list[Path]:
    """List the folders in a folder that are not hidden, by name."""
    return sorted(p for p in folder.iterdir() if p.name[0] != "." and p.is_dir())


def list_parts(folder: Path) -> Iterator[Path]:
    """Return a folder, and those in it that hold a part of the same data set."""
    yield folder
    yield from (p for p in list_folders(folder) if p.name.lower() in PARTS)


def stem_of(path: Path) -> str:
    """Return the name of a file without its suffix, ``.ome.tif`` as a whole."""
    return re.sub(r"\.ome$", "", path.stem, flags=re.IGNORECASE)


def task_name(text: str) -> str:
    """Turn a text into the name of a folder that every system takes."""
    return re.sub(r"[^\w.-]+", "_", text)[:80].strip("._-") or "task"


def name_and_source(folder: Path) -> tuple[str, str]:
    """Name a data set after its folder.

    Returns
    -------
    name, source : str
        The same, unless the folder holds a part of a data set: that is named after
        the folder it is in.
    """
    folder = folder.resolve()
    if folder.name.lower() in PARTS:
        return f"{folder.parent.name}_{folder.name}", folder.parent.name
    return folder.name, folder.name
