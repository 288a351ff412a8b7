"""A COCO file about many images: what it says, kept small, read once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.coco import draw_mask
from napari_metaseg.io.json_files import read_json

from .masks import size_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_metaseg.io.images import ImageFile

_KEYS = ("annotations", "segmentation", "categories")
_DAMAGE = (AttributeError, LookupError, OverflowError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class CocoImage:
    """An image that a COCO file names.

    Attributes
    ----------
    id : int or str
        Its number in the file.
    file_name : str
        Name of its file, as the file says it.
    shape : (int, int)
        Y and X, px.
    """

    id: int | str
    file_name: str
    shape: tuple[int, int]


@dataclass(frozen=True, slots=True)
class CocoObject:
    """One object.

    Attributes
    ----------
    category : str
        Name of its category.
    mask : dict or list of arrays
        Run lengths, or polygons as x, y, x, y, ... in px.
    """

    category: str
    mask: Any


@dataclass(frozen=True, slots=True)
class CocoContent:
    """What a COCO file says.

    Attributes
    ----------
    images : tuple of CocoImage
        In the order of the file.
    objects : mapping of id to tuple of CocoObject
        Objects of each image; crowds are left out.
    crowds : frozenset
        Images in which objects are not told apart somewhere.
    licence : str
        The one that is named; empty if there is none or there are several.
    stack : bool
        Whether the images are planes of one stack, as our own exports can be.
    """

    images: tuple[CocoImage, ...]
    objects: Mapping[int | str, tuple[CocoObject, ...]]
    crowds: frozenset[int | str]
    licence: str
    stack: bool


@dataclass(frozen=True, slots=True)
class CocoMasks:
    """The masks of one image in a COCO file, all or those of one category."""

    path: Path
    image_id: int | str
    shape: tuple[int, int]
    category: str | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that are read."""
        return (self.path,)

    def read(self, image: ImageFile) -> NDArray[Any]:
        """Draw them; see `MaskSource`. Where objects overlap, the later is on top."""
        # Checked first: a number in a file must not decide how much is allocated.
        if self.shape != (shape := _plane_shape(image)):
            raise UserError(
                f"{self.path} says that the image is {size_words(self.shape)}, it is "
                f"{size_words(shape)}; use the images that were annotated."
            )
        labels = np.zeros(self.shape, np.uint32)
        number = 0
        for one in read_content(self.path).objects.get(self.image_id, ()):
            if self.category in (None, one.category):
                number += 1
                try:
                    draw_mask(labels, one.mask, number)
                except _DAMAGE as error:
                    raise UserError(
                        f"{self.path} holds a damaged mask of this image; export it "
                        "again."
                    ) from error
        return labels


def _plane_shape(image: ImageFile) -> tuple[int, ...]:
    if image.axes is None:
        # Colours of a TIFF that does not name its axes may come first or last.
        shape = image.data.shape
        return shape[1:] if len(shape) == 3 and shape[0] <= 4 else shape[:2]
    axes = zip(image.axes, image.data.shape, strict=True)
    return tuple(n for letter, n in axes if letter != "C")


def is_coco(path: Path) -> bool:
    """Tell whether a JSON file names images with annotations, damaged or not."""
    try:
        with path.open("rb") as file:
            head = file.read(2**16)
            file.seek(max(0, path.stat().st_size - 2**16))
            text = head + file.read()
    except OSError:
        return False
    return any(f'"{key}"'.encode() in text for key in _KEYS)


def read_content(path: Path) -> CocoContent:
    """Read a COCO file, once as long as it does not change.

    Raises
    ------
    UserError
        If it is damaged.
    """
    return _read(path, path.stat().st_mtime_ns)


# LIVECell has three files with 1.6 million cells; several are read in turn.
@lru_cache(maxsize=4)
def _read(path: Path, _changed: int) -> CocoContent:
    content = read_json(path, "COCO")
    try:
        images = content["images"]
        objects, crowds = _objects(content)
        licences = {str(row["name"]) for row in content.get("licenses") or ()}
        return CocoContent(
            tuple(_image(row) for row in images),
            objects,
            crowds,
            licences.pop() if len(licences) == 1 else "",
            any("plane" in row for row in images),
        )
    except _DAMAGE as error:
        raise UserError(
            f"{path} is no COCO file of instances, or is damaged; export it again."
        ) from error


def _image(row: dict[str, Any]) -> CocoImage:
    shape = (int(row["height"]), int(row["width"]))
    if not isinstance(row["file_name"], str) or not isinstance(row["id"], int | str):
        raise TypeError(row)
    return CocoImage(row["id"], row["file_name"], shape)


def _objects(
    content: dict[str, Any],
) -> tuple[dict[int | str, tuple[CocoObject, ...]], frozenset[int | str]]:
    names = {c["id"]: str(c["name"]) for c in content.get("categories") or ()}
    rows = content["annotations"]
    # Some of LIVECell's files have an object with the annotations' numbers as keys.
    if isinstance(rows, dict):
        rows = rows.values()
    objects: defaultdict[int | str, list[CocoObject]] = defaultdict(list)
    crowds = set()
    for row in _with_masks(rows):
        if row.get("iscrowd"):
            crowds.add(row["image_id"])
            continue
        number = row.get("category_id", 0)
        mask = _compact(row["segmentation"])
        objects[row["image_id"]].append(
            CocoObject(names.get(number, str(number)), mask)
        )
    return {k: tuple(v) for k, v in objects.items()}, frozenset(crowds)


def _with_masks(rows: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """Leave out what is only a box."""
    return (row for row in rows if row.get("segmentation"))


def _compact(mask: Any) -> Any:
    """Keep numbers as arrays: a tenth of the memory of lists."""
    if isinstance(mask, list):
        return [np.asarray(ring, np.float32) for ring in mask]
    counts = mask["counts"]
    if not isinstance(counts, str):
        counts = np.asarray(counts)
    return {"size": list(mask["size"]), "counts": counts}
