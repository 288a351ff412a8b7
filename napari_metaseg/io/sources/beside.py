"""Masks that lie beside their images in one folder, told apart by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .found import (
    FoundTask,
    Pair,
    Skipped,
    list_images,
    list_parts,
    name_and_source,
    stem_of,
    task_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .found import MaskSource

MADE = ("_masks", "_mask", "_labels", "_label", "_flows", "_outlines", "_cp_output")
"""Endings of files that are made of an image."""


def find_beside(
    folder: Path,
    layout: str,
    find_masks: Callable[[Path], dict[str, MaskSource]],
    image_endings: tuple[str, ...] = ("",),
) -> list[FoundTask]:
    """Find one task in a folder and its parts.

    Parameters
    ----------
    folder : Path
        The folder.
    layout : str
        Key of the layout.
    find_masks : callable
        From a folder to the masks in it, by the name of their image.
    image_endings : tuple of str
        What an image's name may have more than that.

    Returns
    -------
    list of FoundTask
        None or one.
    """
    pairs: list[Pair] = []
    skipped: list[Skipped] = []
    for part in list_parts(folder):
        images = {stem_of(p): p for p in list_images(part)}
        masks = find_masks(part)
        taken = set()
        for stem, mask in masks.items():
            names = [stem + e for e in image_endings if stem + e in images]
            if names:
                pairs.append(Pair(images[names[0]], mask))
                taken.add(names[0])
            else:
                skipped.append(
                    Skipped(str(mask.files[0]), "has no image of its name beside it")
                )
        skipped += [
            Skipped(str(path), "has no masks beside it")
            for stem, path in images.items()
            if stem not in taken and not stem.lower().endswith(MADE)
        ]
    if not pairs:
        return []
    name, source = name_and_source(folder)
    return [FoundTask(task_name(name), layout, source, tuple(pairs), tuple(skipped))]
