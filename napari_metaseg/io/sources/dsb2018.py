"""DSB 2018: ``ID/images/ID.png`` with ``ID/masks/*.png``, one file an object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .found import (
    FoundTask,
    Pair,
    Skipped,
    list_folders,
    list_images,
    list_parts,
    name_and_source,
    stem_of,
    task_name,
)
from .masks import ObjectFiles

if TYPE_CHECKING:
    from pathlib import Path


def find_dsb2018(folder: Path) -> list[FoundTask]:
    """Find one task in folders that each hold one image and a file for each object."""
    pairs, skipped = [], []
    for part in list_parts(folder):
        for one in list_folders(part):
            images = [p for p in list_images(one / "images") if stem_of(p) == one.name]
            objects = list_images(one / "masks")
            if not images or any(stem_of(p) == one.name for p in objects):
                continue
            if objects:
                pairs.append(Pair(images[0], ObjectFiles(tuple(objects))))
            else:
                skipped.append(Skipped(str(images[0]), "has no files of objects"))
    if not pairs:
        return []
    name, source = name_and_source(folder)
    return [FoundTask(task_name(name), "dsb2018", source, tuple(pairs), tuple(skipped))]
