"""The layouts that are known, told apart by looking at a folder."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_metaseg.core.errors import UserError

from .cellpose import find_cellpose
from .coco_sets import find_coco
from .ctc import find_ctc
from .dsb2018 import find_dsb2018
from .found import list_folders
from .imagej import find_imagej
from .label_images import find_label_images
from .own import find_own
from .qupath import find_qupath
from .stardist import find_stardist

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .found import FoundTask


@dataclass(frozen=True, slots=True)
class Layout:
    """A way to lay out images and masks.

    Attributes
    ----------
    key : str
        Short name.
    title : str
        Name for people.
    looked_for : str
        What its files are called.
    find : callable
        From a folder to the tasks in it, none if the layout does not fit.
    """

    key: str
    title: str
    looked_for: str
    find: Callable[[Path], list[FoundTask]]


LAYOUTS = (
    Layout("own", "Task folders", "TASK/images + TASK/masks", find_own),
    Layout("stardist", "StarDist", "images + masks", find_stardist),
    Layout("dsb2018", "DSB 2018", "ID/images/ID.png + ID/masks", find_dsb2018),
    Layout("ctc", "Cell Tracking Challenge", "01 + 01_GT/SEG", find_ctc),
    Layout("coco", "COCO", "COCO JSON + images", find_coco),
    Layout("cellpose", "Cellpose", "a_img.tif + a_masks.tif", find_cellpose),
    Layout(
        "labels",
        "Label images",
        "a.tif + a_labels.tif or images + labels",
        find_label_images,
    ),
    Layout("imagej", "ImageJ ROIs", "a.tif + a.zip", find_imagej),
    Layout("qupath", "QuPath GeoJSON", "a.tif + a.geojson", find_qupath),
)


def find_tasks(folder: Path) -> list[FoundTask]:
    """Find the tasks of a folder; where it has none, those of the folders in it.

    No image is read. Tasks of one folder in several layouts are told apart by their
    names.

    Parameters
    ----------
    folder : Path
        A data set, or a folder of data sets.

    Returns
    -------
    list of FoundTask

    Raises
    ------
    UserError
        If there is no such folder or no layout fits.
    """
    try:
        if not folder.is_dir():
            raise UserError(f"There is no folder '{folder}'; check its name.")
        tasks = _find_here(folder)
        if not tasks:
            tasks = [t for inner in list_folders(folder) for t in _find_here(inner)]
    except OSError as error:
        raise UserError(
            f"'{error.filename or folder}' cannot be opened; check its permissions."
        ) from error
    if not tasks:
        known = "; ".join(f"{i.title} ({i.looked_for})" for i in LAYOUTS)
        raise UserError(
            f"'{folder}' holds no images with masks in a layout that is known; looked "
            f"for {known}."
        )
    return with_own_names(tasks)


def find_all(folders: Sequence[Path]) -> list[FoundTask]:
    """Find the tasks of several folders; see `find_tasks`."""
    return with_own_names([task for f in folders for task in find_tasks(f)])


def _find_here(folder: Path) -> list[FoundTask]:
    tasks = [task for layout in LAYOUTS for task in layout.find(folder)]
    seen = []
    for task in tasks:
        used = _used(tasks, task)
        skipped = tuple(s for s in task.skipped if s.file not in used)
        seen.append(replace(task, skipped=skipped))
    return seen


def _used(tasks: Sequence[FoundTask], task: FoundTask) -> set[str]:
    """Name the files that other layouts use, so that they are not missing anything."""
    return {
        str(file)
        for other in tasks
        if other.layout != task.layout
        for pair in other.pairs
        for file in (pair.image, *pair.masks.files)
    }


def with_own_names(tasks: Sequence[FoundTask]) -> list[FoundTask]:
    """Give each task a name of its own: with its layout or a number added."""
    count = Counter(task.name.casefold() for task in tasks)
    taken: set[str] = set()
    named = []
    for task in tasks:
        name = task.name
        if count[name.casefold()] > 1 and name.casefold() in taken:
            name = f"{name}_{task.layout}"
        stem, number = name, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        named.append(replace(task, name=name))
    return named
