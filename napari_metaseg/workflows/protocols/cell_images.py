"""Images of cells whose classes are known, by rules or by two kinds of masks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from skimage.measure import regionprops_table

from napari_metaseg.core.cell_crops import cell_areas, find_cells, typical_diameter
from napari_metaseg.core.cell_measures import MEASURES, measure_cells, standardise
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.scaling import resize_image, resize_labels
from napari_metaseg.data.cell_kinds import as_channels, bands, rank_cells
from napari_metaseg.data.folders import read_tasks

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_metaseg.data.folders import TaskFolder

LEAST = 30
"""Cells that an image must have."""

SAME = 0.95
"""Correlation from which on two pictures show the same field."""

_SHAPE = (
    "area",
    "perimeter",
    "eccentricity",
    "axis_major_length",
    "axis_minor_length",
    "solidity",
    "extent",
)
_INTENSITY = ("intensity_mean", "intensity_min", "intensity_max", "intensity_std")


@dataclass(frozen=True, slots=True)
class Kinds:
    """Classes of the cells of an image.

    Attributes
    ----------
    name : str
        By what they are told apart.
    classes : (N,) array of int
        Class of each cell, -1 for one that is left out.
    ordered : bool
        Whether they have an order.
    """

    name: str
    classes: NDArray[np.int64] = field(repr=False)
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class CellImage:
    """The cells of one image.

    Attributes
    ----------
    name : str
        Of the task and the image.
    crops : (N, 4, SIDE, SIDE) tensor of float32
        See `CellPlane.crops`.
    sizes : (N,) tensor of float32
        See `CellPlane.sizes`.
    measures : (N, M) tensor of float32
        See `napari_metaseg.core.cell_measures.standardise`.
    features : (N, F) array of float
        What the random forest is told: scikit-image's region properties, and the same
        measurements, as they are.
    kinds : tuple of Kinds
        Classes of these cells.
    """

    name: str
    crops: torch.Tensor = field(repr=False)
    sizes: torch.Tensor = field(repr=False)
    measures: torch.Tensor = field(repr=False)
    features: NDArray[np.float64] = field(repr=False)
    kinds: tuple[Kinds, ...]


def read_cell_images(
    folder: Path,
    names: Sequence[str] | None = None,
    *,
    images: int,
    pair: Sequence[str] | None = None,
) -> Generator[str, None, list[CellImage]]:
    """Read images, and make classes within each.

    Parameters
    ----------
    folder : Path
        Folder of tasks.
    names : sequence of str, optional
        Names of the tasks wanted; all if missing.
    images : int
        Images of each task, at most, spread over it.
    pair : sequence of (str, str), optional
        Two tasks that show the same fields with masks of another kind of object each.

    Yields
    ------
    str
        What is being read.

    Returns
    -------
    list of CellImage
        Those with `LEAST` cells, with classes by `MEASURES`; then the fields of the
        pair, whose classes are the two kinds.

    Raises
    ------
    UserError
        If there is none.
    """
    found = []
    for task in read_tasks(folder, names, measured=False):
        yield f"reading {task.name}"
        enough = [k for k, m in enumerate(task.masks) if len(cell_areas(m)) >= LEAST]
        for k in np.unique(np.linspace(0, len(enough) - 1, images).astype(int)):
            if enough:
                image, masks = task.images[enough[k]], task.masks[enough[k]]
                name = f"{task.name}/{enough[k]}"
                found.append(_cell_image(name, image, masks, None))
    if pair:
        yield f"pairing {' and '.join(pair)}"
        found += _pairs(*read_tasks(folder, pair, measured=False))[:images]
    if not found:
        raise UserError(f"No image in '{folder}' has {LEAST} cells; use other tasks.")
    return found


def _cell_image(
    name: str,
    image: NDArray[np.generic],
    masks: NDArray[np.int32],
    classes: NDArray[np.int64] | None,
) -> CellImage:
    channels = as_channels(image)
    plane = find_cells(channels, masks, typical_diameter(cell_areas(masks)))
    measured = measure_cells(channels, masks)
    kinds: list[Kinds] = []
    if classes is not None:
        kinds.append(Kinds("kind of object", classes))
    else:
        for column, measure in enumerate(MEASURES):
            thirds = bands(rank_cells(measured[:, column]), 3)
            extremes = np.where(thirds == 1, -1, thirds // 2)
            kinds.append(Kinds(measure, extremes))
            kinds.append(Kinds(f"three by {measure}", thirds, ordered=True))
    return CellImage(
        name,
        plane.crops(slice(None)),
        torch.from_numpy(plane.sizes),
        torch.from_numpy(standardise(measured)),
        np.column_stack([_properties(image, masks), measured]),
        tuple(kinds),
    )


def _properties(
    image: NDArray[np.generic], masks: NDArray[np.int32]
) -> NDArray[np.float64]:
    colours = image if image.ndim == 3 else image[..., None]
    table = regionprops_table(masks, colours, properties=(*_SHAPE, *_INTENSITY))
    columns = [np.asarray(column, float) for column in table.values()]
    return np.asarray(np.nan_to_num(np.column_stack(columns)))


def _pairs(first: TaskFolder, second: TaskFolder) -> list[CellImage]:
    """Join the masks of two tasks, field by field, at the scale of the second."""
    ways = [_thumbnail(image) for image in second.images]
    found = []
    for k, image in enumerate(first.images):
        likeness = [float(np.mean(_thumbnail(image) * way)) for way in ways]
        best = int(np.argmax(likeness))
        if likeness[best] < SAME:
            continue
        masks = second.masks[best]
        other = resize_labels(first.masks[k], masks.shape)
        # Where both claim a pixel, the larger kind of object lies around the other.
        joined = np.where(masks > 0, masks, np.where(other > 0, other + masks.max(), 0))
        kind = (np.unique(joined)[1:] > masks.max()).astype(np.int64)
        if min(np.bincount(kind, minlength=2)) > 4 and len(kind) >= LEAST:
            name = f"{first.name} and {second.name}/{best}"
            found.append(
                _cell_image(name, second.images[best], joined.astype(np.int32), kind)
            )
    return found


def _thumbnail(image: NDArray[np.generic]) -> NDArray[np.float64]:
    gray = as_channels(image).astype(np.float32).mean(0, keepdims=True)
    small = resize_image(gray, (64, 64))[0].astype(float)
    return np.asarray((small - small.mean()) / max(small.std(), 1e-9))
