"""QuPath: ``a.tif`` with ``a.geojson`` or ``a.tif.geojson``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .beside import find_beside
from .found import list_files
from .masks import Outlines

if TYPE_CHECKING:
    from pathlib import Path

    from .found import FoundTask, MaskSource

_SUFFIX = re.compile(r"(\.ome)?(\.(tiff?|png|jpe?g|bmp))?$", re.IGNORECASE)


def find_qupath(folder: Path) -> list[FoundTask]:
    """Find one task in a folder and its parts."""
    return find_beside(folder, "qupath", _masks)


def _masks(folder: Path) -> dict[str, MaskSource]:
    return {
        _SUFFIX.sub("", path.stem): Outlines(path)
        for path in list_files(folder)
        if path.suffix.lower() == ".geojson"
    }
