"""ImageJ: ``a.tif`` with its ROIs in ``a.zip``, ``a_RoiSet.zip`` or ``a.roi``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .beside import MADE, find_beside
from .found import list_files, list_images, stem_of
from .masks import Outlines

if TYPE_CHECKING:
    from pathlib import Path

    from .found import FoundTask, MaskSource

_ROI_SET = re.compile(
    r"^roi[ _-]?set[ _-]?|[ _-]?roi[ _-]?set$|[ _-]rois?$", re.IGNORECASE
)


def find_imagej(folder: Path) -> list[FoundTask]:
    """Find one task in a folder and its parts."""
    return find_beside(folder, "imagej", _masks)


def _masks(folder: Path) -> dict[str, MaskSource]:
    masks: dict[str, MaskSource] = {}
    images = [stem_of(p) for p in list_images(folder)]
    originals = [stem for stem in images if not stem.lower().endswith(MADE)]
    for path in list_files(folder):
        if path.suffix.lower() not in (".zip", ".roi"):
            continue
        stem = stem_of(path) if path.stem in images else _image_name(path)
        # A set without a name belongs to the one image that is there.
        if not stem and len(originals) == 1:
            stem = originals[0]
        masks.setdefault(stem or path.stem, Outlines(path))
    return masks


def _image_name(path: Path) -> str:
    """Return what is left of a name without ``RoiSet`` and the image's own suffix."""
    name = _ROI_SET.sub("", path.stem, count=1)
    return re.sub(r"(\.ome)?\.(tiff?|png|jpe?g|bmp)$", "", name, flags=re.IGNORECASE)
