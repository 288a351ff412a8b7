"""Folders of tasks: ``<task>/images/NNN.png`` beside ``<task>/masks/NNN.png``."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.objects import object_diameters, without_objects
from napari_metaseg.core.pixel_hash import pixel_hash

from .decoded import Decoded, Files
from .task_files import image_files, mask_file, read_masks, read_objects, read_picture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

CACHE = 2**30
"""Bytes of decoded images and masks that are kept; smaller data are read once."""


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """What is known of a task beside its pixels.

    Attributes
    ----------
    source : str
        Where it comes from; tasks of one source are sampled as one.
    licence : str
        Licence of the images and masks.
    distributable : bool
        Whether weights trained on it may be distributed.
    complete : bool
        Whether every object is annotated.
    nuclei : bool
        Whether the objects are nuclei, which public data have in excess.
    """

    source: str = ""
    licence: str = "unknown"
    distributable: bool = False
    complete: bool = True
    nuclei: bool = False


@dataclass(frozen=True, slots=True)
class TaskFolder:
    """One visually coherent kind of image with one notion of object.

    Attributes
    ----------
    name : str
        Name of the folder.
    images : sequence of arrays
        Each (Y, X) or (Y, X, 3), any integer type. From a folder they are decoded when
        they are looked at, so that data need not fit into memory.
    masks : sequence of (Y, X) arrays of int32
        Instances, 0 = background.
    diameters : tuple of dict
        Diameter (px) of every object of each image; none where not measured.
    info : TaskInfo
        Source and licence.
    hashes : tuple of (str, str)
        Of the pixels of each image and of its masks, for tasks from a folder.
    """

    name: str
    images: Sequence[NDArray[np.generic]]
    masks: Sequence[NDArray[np.int32]]
    diameters: tuple[dict[int, float], ...] = field(repr=False)
    info: TaskInfo
    hashes: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def sha256(self) -> str:
        """One hash of all images and masks."""
        lines = (f"{image} {masks}\n" for image, masks in self.hashes)
        return sha256("".join(lines).encode()).hexdigest()


def read_tasks(
    folder: Path, names: Sequence[str] | None = None, *, measured: bool = True
) -> list[TaskFolder]:
    """Read all (or the named) tasks below a folder.

    Parameters
    ----------
    folder : Path
        Holds one folder per task; a ``tasks.json`` in it or in its parent, if
        there is one, tells sources and licences.
    names : sequence of str, optional
        Names of the tasks wanted.
    measured : bool
        Whether the objects' diameters are measured, which takes most of the time.

    Returns
    -------
    list of TaskFolder
        In the order of their names.

    Raises
    ------
    UserError
        If there are no tasks, a named one is missing, or an image has no mask of
        its shape.
    """
    found = sorted(p.parent.name for p in folder.glob("*/images") if p.is_dir())
    if not found:
        raise UserError(
            f"'{folder}' holds no tasks; expected folders like "
            "'TASK/images/001.png' with 'TASK/masks/001.png'."
        )
    missing = sorted(set(names or ()) - set(found))
    if missing:
        raise UserError(
            f"There is no task '{missing[0]}' in '{folder}'; it has {', '.join(found)}."
        )
    infos = _read_infos(folder)
    kept = Decoded(CACHE)
    return [
        read_task(
            folder / name,
            infos.get(name, TaskInfo(source=name)),
            kept,
            measured=measured,
        )
        for name in (found if names is None else sorted(set(names)))
    ]


def read_task(
    folder: Path, info: TaskInfo, kept: Decoded, *, measured: bool = True
) -> TaskFolder:
    """Look through the images and masks of one task.

    Each is read once, to be checked and hashed, and again when it is used, unless it is
    still kept by then.

    Raises
    ------
    UserError
        If a file cannot be read, or a mask is missing, of another shape than its
        image, or one of foreground.
    """
    paths = image_files(folder / "images")
    if not paths:
        raise UserError(f"'{folder / 'images'}' holds no PNG or TIFF image.")
    mask_paths = [mask_file(path, folder / "masks") for path in paths]
    masks = Files(mask_paths, read_masks, kept)
    images = Files(paths, read_picture, kept)
    dimensions, diameters, hashes, strokes = set(), [], [], False
    for index, path in enumerate(paths):
        image, mask = images[index], masks[index]
        if image.shape[:2] != mask.shape:
            raise UserError(
                f"'{path}' is {image.shape[:2]} px but its mask {mask.shape} px; "
                "give both the same size."
            )
        if why := without_objects(mask):
            raise UserError(f"'{mask_paths[index]}' {why}.")
        strokes = strokes or bool((mask < 0).any())
        dimensions.add(image.ndim)
        diameters.append(object_diameters(mask) if measured else {})
        hashes.append((pixel_hash(_one_gray(image)), pixel_hash(mask)))
    if strokes:
        # What is neither an object nor struck is unknown.
        info = replace(info, complete=False)
        masks = Files(mask_paths, read_objects, kept)
    if len(dimensions) > 1:
        images = Files(paths, partial(read_picture, colour=True), kept)
    return TaskFolder(folder.name, images, masks, tuple(diameters), info, tuple(hashes))


def _one_gray(image: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return one of three equal channels: the same image, though stored in colour."""
    if image.ndim == 3 and not (image != image[..., :1]).any():
        return image[..., 0]
    return image


def _read_infos(folder: Path) -> dict[str, TaskInfo]:
    for path in (folder / "tasks.json", folder.parent / "tasks.json"):
        if path.exists():
            try:
                rows = json.loads(path.read_text(encoding="utf-8"))
                return {row["task"]: _read_info(row) for row in rows}
            except (OSError, ValueError, TypeError, KeyError) as error:
                raise UserError(
                    f"'{path}' is damaged; it should be a list with one object for "
                    "each task, which names its 'task'."
                ) from error
    return {}


def _read_info(row: dict[str, object]) -> TaskInfo:
    complete = row.get("all_objects_annotated", True)
    return TaskInfo(
        source=str(row.get("source", row["task"])),
        licence=str(row.get("license", "unknown")),
        distributable=row.get("weights_may_be_distributed") is True,
        complete=complete is True or str(complete).startswith("yes"),
        nuclei="nuclei" in str(row.get("structure", "")),
    )
