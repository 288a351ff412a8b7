"""Label images: ``a.tif`` with ``a_labels.tif``, or ``images`` and ``labels``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .beside import find_beside
from .found import (
    FoundTask,
    list_images,
    list_parts,
    name_and_source,
    stem_of,
    task_name,
)
from .masks import LabelImage
from .stardist import same_names

if TYPE_CHECKING:
    from pathlib import Path

    from .found import MaskSource

_ENDINGS = ("_labels", "_label", "_mask")


def find_label_images(folder: Path) -> list[FoundTask]:
    """Find one task in a folder and its parts."""
    pairs, skipped = [], []
    for part in list_parts(folder):
        more, missing = same_names(part, "labels")
        pairs += more
        skipped += missing
    if not pairs:
        return find_beside(folder, "labels", _masks)
    name, source = name_and_source(folder)
    return [FoundTask(task_name(name), "labels", source, tuple(pairs), tuple(skipped))]


def _masks(folder: Path) -> dict[str, MaskSource]:
    masks: dict[str, MaskSource] = {}
    for path in list_images(folder):
        stem = stem_of(path)
        for ending in _ENDINGS:
            if stem.endswith(ending):
                masks[stem.removesuffix(ending)] = LabelImage(path)
    return masks
