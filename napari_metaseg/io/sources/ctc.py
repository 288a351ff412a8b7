"""Cell Tracking Challenge: ``01/t000.tif`` with ``01_GT/SEG/man_seg000.tif``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .found import (
    FoundTask,
    Pair,
    Skipped,
    list_folders,
    list_images,
    name_and_source,
    task_name,
)
from .masks import LabelImage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SEQUENCE = re.compile(r"\d\d")
_FRAME = re.compile(r"t(\d{3,4})")
# In movies of stacks gold truth is often one plane: frame, then plane.
_MASK = re.compile(r"man_seg_?(\d{3,4})(?:_(\d{3,4}))?")


def find_ctc(folder: Path) -> list[FoundTask]:
    """Find a task of gold truth, and one of silver truth in the frames that lack it.

    Gold truth, by people, covers few of the cells; silver truth, by a vote of
    algorithms, most. They come from one source.
    """
    gold: list[Pair] = []
    silver: list[Pair] = []
    skipped: dict[str, list[Skipped]] = {"GT": [], "ST": []}
    for sequence in list_folders(folder):
        if not _SEQUENCE.fullmatch(sequence.name):
            continue
        frames = _frames(sequence)
        gold += _pairs(sequence, "GT", frames, skipped["GT"])
        done = {pair.image for pair in gold}
        more = _pairs(sequence, "ST", frames, skipped["ST"])
        silver += [pair for pair in more if pair.image not in done]
    name, source = name_and_source(folder)
    tasks = [
        FoundTask(
            task_name(name),
            "ctc",
            source,
            tuple(gold),
            tuple(skipped["GT"]),
            complete=False,
        ),
        FoundTask(
            task_name(f"{name}_ST"), "ctc", source, tuple(silver), tuple(skipped["ST"])
        ),
    ]
    return [task for task in tasks if task.pairs]


def _frames(sequence: Path) -> dict[int, Path]:
    found = ((_FRAME.fullmatch(p.stem), p) for p in list_images(sequence))
    return {int(match[1]): path for match, path in found if match}


def _pairs(
    sequence: Path, truth: str, frames: dict[int, Path], skipped: list[Skipped]
) -> Iterator[Pair]:
    for path in list_images(sequence.parent / f"{sequence.name}_{truth}" / "SEG"):
        match = _MASK.fullmatch(path.stem)
        if not match:
            continue
        image = frames.get(int(match[1]))
        if image is None:
            why = f"has no frame 't{match[1]}' in '{sequence.name}'"
            skipped.append(Skipped(str(path), why))
        else:
            plane = None if match[2] is None else int(match[2])
            yield Pair(image, LabelImage(path), plane)
