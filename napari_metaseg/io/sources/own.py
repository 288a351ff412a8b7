"""Our own layout: ``TASK/images/001.png`` beside ``TASK/masks/001.png``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .found import PARTS, FoundTask, list_folders, task_name
from .rows import read_rows
from .stardist import same_names

if TYPE_CHECKING:
    from pathlib import Path


def find_own(folder: Path) -> list[FoundTask]:
    """Find a task in each folder that has images and masks of the same names."""
    found = {}
    for task in list_folders(folder):
        pairs, skipped = same_names(task, "masks")
        if pairs:
            found[task.name] = pairs, skipped
    # Those are parts of one data set, not tasks.
    if all(name.lower() in PARTS for name in found):
        return []
    known = {row["task"]: row for row in read_rows(folder)}
    tasks = []
    for name, (pairs, skipped) in found.items():
        row = known.get(name, {})
        complete = row.get("all_objects_annotated", True)
        tasks.append(
            FoundTask(
                task_name(name),
                "own",
                str(row.get("source", name)),
                tuple(pairs),
                tuple(skipped),
                licence=str(row.get("license", "unknown")),
                distributable=row.get("weights_may_be_distributed") is True,
                complete=complete is True or str(complete).startswith("yes"),
                structure=str(row.get("structure", "")),
            )
        )
    return tasks
