"""The lab's own history: what was annotated or accepted, kept to learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from napari_metaseg.core.annotation import as_annotation
from napari_metaseg.core.axes import as_planes
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.objects import object_diameters
from napari_metaseg.io.files import atomic_file
from napari_metaseg.io.labels import as_unsigned
from napari_metaseg.io.user_folder import user_folder

from .found import task_name
from .library import ORIGIN, failures_told
from .rows import read_rows, write_row
from .sample_files import write_tiff
from .samples import make_sample, unfit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from .samples import Sample

LAYOUT = "history"


@dataclass(frozen=True, slots=True)
class Added:
    """What became of images that were added to a task.

    Attributes
    ----------
    task : Path
        Folder of the task.
    added, replaced, left_out : int
        Planes that are new, planes whose masks were replaced, and planes without a
        cell to learn from.
    images, objects : int
        What the task holds now.
    """

    task: Path
    added: int
    replaced: int
    left_out: int
    images: int
    objects: int


@dataclass(frozen=True, slots=True)
class Held:
    """What a person has added to a library.

    Attributes
    ----------
    folder : Path
        The library.
    tasks : mapping of str to int
        The tasks that can be added to, with the number of their images.
    """

    folder: Path
    tasks: Mapping[str, int]


def task_library() -> Path:
    """Return the person's own library of tasks; it need not exist."""
    return user_folder("tasks")


def held_tasks(library: Path) -> Held:
    """List the tasks of a library that were made by `add_to_library`.

    Raises
    ------
    UserError
        If its table is damaged.
    """
    rows = [r for r in read_rows(library) if r.get("layout") == LAYOUT]
    names = [r["task"] for r in rows if not (library / r["task"] / ORIGIN).exists()]
    counts = {n: len(list((library / n / "images").glob("*.tif"))) for n in names}
    return Held(library, {n: count for n, count in counts.items() if count})


def add_to_library(
    library: Path,
    task: str,
    pairs: Sequence[tuple[NDArray[Any], NDArray[Any]]],
    *,
    complete: bool,
    axes: str | None = None,
    channel: int | None = None,
    licence: str = "unknown",
) -> Added:
    """Add images with their cells to a task of a library; it is made if missing.

    An image that is there already, known by its pixels, gets the new masks. Whatever
    stops this, the task can be read at every moment.

    Parameters
    ----------
    library : Path
        Folder of tasks, such as `task_library`.
    task : str
        Name of the task.
    pairs : sequence of (image, labels)
        Labels have the image's shape without channels: an annotation (k > 0 one cell,
        0 unknown, -1 background) or instances. Each plane with cells is an image of
        the task.
    complete : bool
        Whether every cell of these images is in the labels. If not, as for an
        annotation of a few cells, the whole task counts as incomplete from now on: what
        has no cell is unknown, not background.
    axes : str, optional
        One letter an axis of the images, of T, Z, C, Y, X.
    channel : int, optional
        Channel of the images that is kept; all if missing.
    licence : str
        Licence of the images.

    Returns
    -------
    Added

    Raises
    ------
    UserError
        If image and labels do not fit, nothing can be learned from them, the name
        cannot be one or is that of an imported task, or the library cannot be written.
    """
    if task_name(task) != task:
        raise UserError(
            f"'{task}' cannot name a task; use letters, digits, dots, - and _."
        )
    folder = library / task
    if (folder / ORIGIN).exists():
        raise UserError(
            f"The task '{task}' was imported from other files; choose another name."
        )
    samples, left_out = _samples(pairs, axes, channel)
    if not samples:
        raise UserError(
            "There is no cell to learn from in these labels; paint or accept one first."
        )
    complete &= not any(sample.strokes for sample in samples)
    with failures_told(library):
        for part in ("images", "masks"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        row = next((r for r in read_rows(library) if r["task"] == task), {})
        row = {
            "task": task,
            "layout": LAYOUT,
            "source": task,
            "license": licence,
            "weights_may_be_distributed": False,
            **row,
            "all_objects_annotated": complete
            and row.get("all_objects_annotated", True) is True,
        }
        # First: nothing unknown may be taken for background.
        write_row(library, row)
        replaced = sum(_write(folder, sample) for sample in samples)
        sizes = [
            d
            for path in sorted((folder / "images").glob("*.tif"))
            for d in _diameters(folder / "masks" / path.name)
        ]
        count = len(list((folder / "images").glob("*.tif")))
        row |= {"n_images": count, "n_objects": len(sizes)}
        row |= {"median_diameter_px": round(float(np.median(sizes)), 1)}
        write_row(library, row)
    added = len(samples) - replaced
    return Added(folder, added, replaced, left_out, count, len(sizes))


def _samples(
    pairs: Sequence[tuple[NDArray[Any], NDArray[Any]]],
    axes: str | None,
    channel: int | None,
) -> tuple[list[Sample], int]:
    samples: dict[str, Sample] = {}
    left_out = 0
    for image, labels in pairs:
        planes = as_planes(image, axes=axes, channel=channel, annotated=labels.shape)
        split = planes.split(as_annotation(labels, planes.shape))
        for pixels, masks in zip(planes.data, split, strict=True):
            if unfit(masks):
                left_out += 1
                continue
            sample = make_sample("", pixels, masks)
            samples[sample.image_hash] = sample
    return list(samples.values()), left_out


def _write(folder: Path, sample: Sample) -> bool:
    """Write a plane; tell whether it was there.

    Its file is named after its pixels, so that it is found again. The masks go first:
    an image is never without.
    """
    name = f"{sample.image_hash[:16]}.tif"
    image = folder / "images" / name
    there = image.exists()
    with atomic_file(folder / "masks" / name, overwrite=True) as file:
        write_tiff(file, as_unsigned(sample.masks))
    if not there:
        with atomic_file(image) as file:
            write_tiff(file, sample.image)
    return there


def _diameters(path: Path) -> list[float]:
    masks = np.asarray(tifffile.imread(path)).astype(np.int32)
    return list(object_diameters(masks).values())
