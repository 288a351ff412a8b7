"""StarDist: ``images/`` and ``masks/`` with the same names, in parts or not."""

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
from .masks import LabelImage

if TYPE_CHECKING:
    from pathlib import Path


def find_stardist(folder: Path) -> list[FoundTask]:
    """Find one task in ``images`` and ``masks`` of a folder and of its parts."""
    pairs, skipped = [], []
    for part in list_parts(folder):
        more, missing = same_names(part, "masks")
        pairs += more
        skipped += missing
    if not pairs:
        return []
    name, source = name_and_source(folder)
    return [
        FoundTask(task_name(name), "stardist", source, tuple(pairs), tuple(skipped))
    ]


def same_names(folder: Path, masks: str) -> tuple[list[Pair], list[Skipped]]:
    """Pair files of the same name, whatever their suffix.

    Parameters
    ----------
    folder : Path
        Holds the folders ``images`` and `masks`.
    masks : str
        Name of the folder of label images.

    Returns
    -------
    list of Pair, list of Skipped
        Pairs; images without masks and masks without images.
    """
    images = {stem_of(p): p for p in list_images(folder / "images")}
    labels = {stem_of(p): p for p in list_images(folder / masks)}
    both = [stem for stem in images if stem in labels]
    pairs = [Pair(images[stem], LabelImage(labels[stem])) for stem in both]
    skipped = [
        Skipped(str(path), f"has no mask of its name in '{masks}'")
        for stem, path in images.items()
        if stem not in labels
    ]
    skipped += [
        Skipped(str(path), "has no image of its name in 'images'")
        for stem, path in labels.items()
        if stem not in images
    ]
    return pairs, skipped
