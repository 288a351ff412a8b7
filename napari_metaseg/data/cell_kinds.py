"""Episodes of classification: kinds of cells within images, made by rules.

No class is told by the image that a cell comes from: every class has cells in all
images of an episode, or the ground around them would give it away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_metaseg.core.cell_crops import cell_areas, find_cells, typical_diameter
from napari_metaseg.core.cell_fit import KnownCells
from napari_metaseg.core.cell_measures import MEASURES, measure_cells, standardise

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from .folders import TaskFolder

FEWEST = 10
"""Cells that an image must have for bands to mean something."""

FIXED = 2 ** len(MEASURES)
"""Classes of `draw_fixed`."""


@dataclass(frozen=True, slots=True)
class CellPool:
    """The cells of a task.

    Attributes
    ----------
    task, source : str
        Names of the task and of where it comes from.
    crops : (N, 4, SIDE, SIDE) tensor of float16
        See `CellPlane.crops`.
    sizes : (N,) tensor of float32
        See `CellPlane.sizes`.
    measures : (N, M) tensor of float32
        See `napari_metaseg.core.cell_measures.standardise`; over its image.
    ranks : (N, 4) array of float
        Rank of each cell among those of its image by each of `MEASURES`, in [0, 1).
    """

    task: str
    source: str
    crops: torch.Tensor
    sizes: torch.Tensor
    measures: torch.Tensor
    ranks: NDArray[np.float64]


def as_channels(image: NDArray[np.generic]) -> NDArray[np.generic]:
    """See (Y, X) or (Y, X, C) as (C, Y, X)."""
    return image[None] if image.ndim == 2 else image.transpose(2, 0, 1)


def pool_cells(tasks: Iterable[TaskFolder], *, per_image: int = 60) -> list[CellPool]:
    """Cut out the cells of tasks, once.

    Parameters
    ----------
    tasks : iterable of TaskFolder
        Tasks without an image of `FEWEST` cells are left out.
    per_image : int
        Cells at most of one image, spread over it.

    Returns
    -------
    list of CellPool
    """
    pools = []
    for task in tasks:
        crops, sizes, measures, ranks = [], [], [], []
        for image, masks in zip(task.images, task.masks, strict=True):
            areas = cell_areas(masks)
            if len(areas) < FEWEST:
                continue
            channels = as_channels(image)
            plane = find_cells(channels, masks, typical_diameter(areas))
            count = min(per_image, len(areas))
            chosen = np.arange(count) * len(areas) // count
            crops.append(plane.crops(chosen).half())
            sizes.append(torch.from_numpy(plane.sizes[chosen]))
            measured = measure_cells(channels, masks)
            measures.append(torch.from_numpy(standardise(measured)[chosen]))
            ranks.append(rank_cells(measured[:, : len(MEASURES)])[chosen])
        if crops:
            pools.append(
                CellPool(
                    task.name,
                    task.info.source,
                    torch.cat(crops),
                    torch.cat(sizes),
                    torch.cat(measures),
                    np.concatenate(ranks),
                )
            )
    return pools


def rank_cells(measures: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank cells by each measurement, in [0, 1)."""
    return np.argsort(np.argsort(measures, axis=0), axis=0) / len(measures)


def draw_episode(
    pools: Sequence[CellPool], rng: np.random.Generator, ways: int, shots: int
) -> KnownCells:
    """Draw cells of several classes from one task.

    Classes are bands of one measurement or, half the time, of two that are crossed.

    Parameters
    ----------
    pools : sequence of CellPool
        Where to draw from; tasks of one source are drawn as one.
    rng : Generator
        Source of chance.
    ways, shots : int
        Classes, and cells of each; fewer where there are fewer.

    Returns
    -------
    KnownCells
        Whose classes are numbered in random order.
    """
    pool = _pool(pools, rng)
    kinds = _kinds(pool.ranks, rng, ways)
    chosen, classes = [], []
    for number, kind in enumerate(rng.permutation(np.unique(kinds))[:ways]):
        members = np.flatnonzero(kinds == kind)
        members = rng.permutation(members)[:shots]
        chosen.append(members)
        classes.append(np.full(len(members), number))
    picked = np.concatenate(chosen)
    crops = _varied(pool.crops[picked].float(), rng)
    return KnownCells(
        crops,
        pool.sizes[picked],
        pool.measures[picked],
        torch.from_numpy(np.concatenate(classes)),
    )


def draw_fixed(
    pools: Sequence[CellPool], rng: np.random.Generator, count: int
) -> KnownCells:
    """Draw cells of one task with classes that are always the same.

    Parameters
    ----------
    pools : sequence of CellPool
        Where to draw from; tasks of one source are drawn as one.
    rng : Generator
        Source of chance.
    count : int
        Cells; fewer where there are fewer.

    Returns
    -------
    KnownCells
        Of `FIXED` classes: above or below the median of its image in each of
        `MEASURES`.
    """
    pool = _pool(pools, rng)
    picked = rng.permutation(len(pool.ranks))[:count]
    above = bands(pool.ranks[picked], 2)
    return KnownCells(
        _turned(pool.crops[picked].float(), rng),
        pool.sizes[picked],
        pool.measures[picked],
        torch.from_numpy(above @ (1 << np.arange(len(MEASURES)))),
    )


def _pool(pools: Sequence[CellPool], rng: np.random.Generator) -> CellPool:
    source = rng.choice(sorted({pool.source for pool in pools}))
    own = [pool for pool in pools if pool.source == source]
    return own[rng.integers(len(own))]


def bands(ranks: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Cut ranks in [0, 1) into equal bands, 0 the lowest."""
    return np.minimum(ranks * count, count - 1).astype(np.int64)


def _kinds(
    ranks: NDArray[np.float64], rng: np.random.Generator, ways: int
) -> NDArray[np.int64]:
    first, second = rng.permutation(len(MEASURES))[:2]
    if rng.random() < 0.5:
        return bands(ranks[:, first], ways)
    columns = (ways + 1) // 2
    return bands(ranks[:, first], 2) * columns + bands(ranks[:, second], columns)


def _turned(crops: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    turned = [
        torch.rot90(crop.flip(-1) if turn > 3 else crop, int(turn) % 4, (-2, -1))
        for crop, turn in zip(crops, rng.integers(8, size=len(crops)), strict=True)
    ]
    return torch.stack(turned)


def _varied(crops: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Turn each crop, and change the contrast of all alike, negative at times."""
    varied = _turned(crops, rng)
    gain = float(np.exp(rng.uniform(-0.4, 0.4)) * rng.choice([-1, 1], p=[0.3, 0.7]))
    varied[:, :-1] *= gain
    return varied
