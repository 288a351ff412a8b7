"""Cellpose: ``a_img.tif`` or ``a.tif`` with ``a_masks.tif``, or ``a_seg.npy``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .beside import find_beside
from .found import list_files, list_images, stem_of
from .masks import ArrayFile, LabelImage

if TYPE_CHECKING:
    from pathlib import Path

    from .found import FoundTask, MaskSource


def find_cellpose(folder: Path) -> list[FoundTask]:
    """Find one task in a folder and in its ``train`` and ``test``."""
    return find_beside(folder, "cellpose", _masks, ("_img", ""))


def _masks(folder: Path) -> dict[str, MaskSource]:
    masks: dict[str, MaskSource] = {}
    for path in list_images(folder):
        stem = stem_of(path)
        if stem.endswith("_masks"):
            image = stem.removesuffix("_masks").removesuffix("_cp")
            masks[image.removesuffix("_img")] = LabelImage(path)
    for path in list_files(folder):
        if path.name.endswith("_seg.npy"):
            image = path.name.removesuffix("_seg.npy").removesuffix("_img")
            masks.setdefault(image, ArrayFile(path))
    return masks
