"""Images of lesions with masks of foreground, in the layouts that they come in.

Kvasir-SEG, CVC-ClinicDB, ISIC, and plain folders ``images`` and ``masks``. Masks say
where a lesion is, not which: these are no tasks of instances.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.images import read_image

from .found import list_folders, list_images, stem_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

LAYOUTS = {
    "images": "masks",
    "Original": "Ground Truth",
    "TIF/Original": "TIF/Ground Truth",
    "PNG/Original": "PNG/Ground Truth",
}
"""Folders of images, and those of their masks, with the same names."""

_ISIC = re.compile(r"ISIC.*_(Data|Input)")
_ISIC_MASKS = re.compile(r"ISIC.*_(Part1_|Task1_)?GroundTruth")


@dataclass(frozen=True, slots=True)
class LesionSet:
    """A set of images with masks of foreground.

    Attributes
    ----------
    name : str
        Name of its folder.
    pairs : tuple of (Path, Path)
        Image and mask.
    """

    name: str
    pairs: tuple[tuple[Path, Path], ...] = field(repr=False)

    def read(
        self, index: int, side: int
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Read an image and its mask as squares.

        Parameters
        ----------
        index : int
            Which pair.
        side : int
            Of the squares, px; images are stretched to it.

        Returns
        -------
        image : (3, side, side) array
            Red, green and blue from -1 to 1.
        mask : (side, side) array
            Where the lesion is: above half of the largest possible value in masks of
            black and white, which JPEG blurs, and not 0 in others.

        Raises
        ------
        UserError
            If a file cannot be read, or the two differ in size.
        """
        image_path, mask_path = self.pairs[index]
        image, mask = _bytes(image_path), _bytes(mask_path)
        if image.shape[:2] != mask.shape[:2]:
            raise UserError(
                f"'{mask_path}' has another size than its image; give both the same."
            )
        if image.ndim == 2:
            image = np.stack([image] * 3, -1)
        mask = mask.max(2) if mask.ndim == 3 else mask
        inside = mask > (127 if mask.max() > 127 else 0)
        small = Image.fromarray(image[..., :3]).resize(
            (side, side), Image.Resampling.BILINEAR
        )
        drawn = Image.fromarray(inside).resize((side, side), Image.Resampling.NEAREST)
        colours = np.asarray(small, np.float32) / 127.5 - 1
        return np.ascontiguousarray(colours.transpose(2, 0, 1)), np.asarray(drawn, bool)


def find_lesions(folder: Path) -> list[LesionSet]:
    """Find the sets in a folder, or else in the folders in it.

    Parameters
    ----------
    folder : Path
        A data set as it is published, or a folder of data sets.

    Returns
    -------
    list of LesionSet
        By name.

    Raises
    ------
    UserError
        If there is no such folder or it holds no set.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder '{folder}'; check its name.")
    found = list(_find(folder))
    if not found:
        found = [s for inner in list_folders(folder) for s in _find(inner)]
    if not found:
        raise UserError(
            f"'{folder}' holds no images of lesions with masks; looked for Kvasir-SEG "
            "(images + masks), CVC-ClinicDB (Original + Ground Truth) and ISIC "
            "(..._Data or ..._Input + ..._GroundTruth)."
        )
    return found


def _find(folder: Path) -> Iterator[LesionSet]:
    for images, masks in LAYOUTS.items():
        if (folder / images).is_dir() and (folder / masks).is_dir():
            pairs = _pairs(folder / images, folder / masks)
            if pairs:
                yield LesionSet(folder.resolve().name, pairs)
                return
    inner = list_folders(folder)
    pictures = [p for p in inner if _ISIC.fullmatch(p.name)]
    truths = [p for p in inner if _ISIC_MASKS.fullmatch(p.name)]
    pairs = tuple(q for p in pictures for t in truths for q in _pairs(p, t))
    if pairs:
        yield LesionSet(folder.resolve().name, pairs)


def _pairs(images: Path, masks: Path) -> tuple[tuple[Path, Path], ...]:
    """Pair files by name, of which ISIC's masks have an ending."""
    known = {stem_of(p).removesuffix("_segmentation"): p for p in list_images(masks)}
    return tuple(
        (path, known[stem_of(path)])
        for path in list_images(images)
        if stem_of(path) in known
    )


def _bytes(path: Path) -> NDArray[np.uint8]:
    """Read an image of (Y, X) or (Y, X, C) as 8 bits."""
    data: NDArray[Any] = read_image(path).data
    if data.ndim == 3 and data.shape[0] <= 4 < data.shape[2]:
        data = np.moveaxis(data, 0, -1)
    if data.ndim not in (2, 3):
        raise UserError(f"'{path}' is no plain image; export it again.")
    if data.dtype == bool:
        return np.asarray(data * 255, np.uint8)
    return np.asarray(np.clip(data, 0, 255), np.uint8)
