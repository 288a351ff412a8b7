"""Which cells of which image are painted, and on which other images that is scored."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.segmentation import relabel_sequential

from napari_metaseg.core.annotation import (
    LEAST_AREA,
    MOST_OF_IMAGE,
    diameter_of,
    painted_sizes,
    separate_parts,
)
from napari_metaseg.core.scaling import WORKING_DIAMETER
from napari_metaseg.data.painter import add_strokes, choose_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_metaseg.data.folders import TaskFolder

Labels = NDArray[np.int32]

CELLS_ONLY = "cells"
WITH_STROKES = "strokes"
REGIMES = (CELLS_ONLY, WITH_STROKES)
"""Painted cells alone, and the same cells with two short background strokes."""

SPREAD = "spread"
"""As many painted cells, dealt out to `AT_HAND` images."""

WHOLE = "whole"
"""The same cells first, and then all that there is on their image."""

ALL_REGIMES = (*REGIMES, SPREAD, WHOLE)

AT_HAND = 4
"""Images of a task that a person goes through, the painted one first. On twelve
validation tasks ten cells of one image gave a mean AP@0.5 of 0.549, and 0.580 where
they were dealt out to four (iMAML, two draws)."""


@dataclass(frozen=True)
class Painted:
    """What a method may learn from: a task's images and what was painted on them.

    Attributes
    ----------
    task : TaskFolder
        The task. Its masks are not for methods, the supervised ceiling excepted.
    annotations : tuple of (int, (Y, X) array of int32)
        Index of each painted image, and what was painted on it: 0 unknown, k > 0 one
        whole cell, -1 background stroke.
    scored : tuple of int
        Indices of the images that are scored.
    seed : int
        Fixes what a method leaves to chance, as it has fixed the draw.
    """

    task: TaskFolder = field(repr=False)
    annotations: tuple[tuple[int, Labels], ...] = field(repr=False)
    scored: tuple[int, ...]
    seed: int = 0

    @property
    def images(self) -> list[NDArray[np.generic]]:
        """The painted images."""
        return [self.task.images[index] for index, _ in self.annotations]

    @property
    def n_cells(self) -> int:
        """Number of painted cells."""
        return sum(len(np.unique(a[a > 0])) for _, a in self.annotations)

    @property
    def diameter(self) -> float:
        """Diameter (px) of the painted cells, as adaptation measures it."""
        pairs = ((separate_parts(a), a) for _, a in self.annotations)
        return diameter_of(size for pair in pairs for size in painted_sizes(*pair))

    def on(self, index: int) -> Labels | None:
        """Return what was painted on an image, if anything was."""
        return next((a for i, a in self.annotations if i == index), None)


@dataclass(frozen=True)
class Draw:
    """One choice of cells of one image.

    Attributes
    ----------
    task : TaskFolder
        The task.
    cells, number, seed : int
        Number of cells that was wanted; number of the draw, and its seed.
    image : int
        Index of the painted image.
    cells_only, with_strokes : (Y, X) arrays of int32
        The annotation in either regime, with the same cells.
    others : tuple of int
        Indices of the task's other images, in an order of chance. If there is only
        one image it is scored itself, without the painted cells.
    """

    task: TaskFolder = field(repr=False)
    cells: int
    number: int
    seed: int
    image: int
    cells_only: Labels = field(repr=False)
    with_strokes: Labels = field(repr=False)
    others: tuple[int, ...]

    def painted(self, regime: str, images: int) -> Painted:
        """Return what is learned from in a regime, and the images that are scored.

        Parameters
        ----------
        regime : str
            One of `ALL_REGIMES`.
        images : int
            At most so many images are scored.
        """
        if regime == SPREAD:
            annotations = self._spread(self.at_hand(images))
        elif regime == WHOLE:
            annotations = ((self.image, self._whole()),)
        else:
            only = regime == CELLS_ONLY
            painted = self.cells_only if only else self.with_strokes
            annotations = ((self.image, painted),)
        return Painted(self.task, annotations, self.others[:images], self.seed)

    def has(self, regime: str) -> bool:
        """Whether something is left to score in a regime: not where all is painted."""
        return regime != WHOLE or self.image not in self.others

    def spare(self, images: int) -> tuple[int, ...]:
        """Return the images that are neither painted nor scored."""
        return self.others[images:]

    def at_hand(self, images: int) -> tuple[int, ...]:
        """Return the painted image and what else may be painted, see `AT_HAND`."""
        return self.image, *self.spare(images)[: AT_HAND - 1]

    def _whole(self) -> Labels:
        """Paint every cell of the image, those of the draw first, and what is none."""
        masks, own = self.task.masks[self.image], self.cells_only
        rest = np.setdiff1d(masks[masks > 0], own).tolist()
        more = _paintable(whole_cells(masks, rest))
        first, _, _ = relabel_sequential(own)
        more, _, _ = relabel_sequential(more, int(first.max()) + 1)
        ground = -1 if self.task.info.complete else 0
        painted = np.where(own > 0, first, more)
        return np.where(masks > 0, painted, ground).astype(np.int32)

    def _spread(self, at_hand: tuple[int, ...]) -> tuple[tuple[int, Labels], ...]:
        """Deal the cells out to images, numbered in the order of painting."""
        own = np.unique(self.cells_only[self.cells_only > 0]).tolist()
        annotations: list[tuple[int, Labels]] = []
        painted = 0
        for place, index in enumerate(at_hand):
            masks, wanted = self.task.masks[index], len(own[place :: len(at_hand)])
            if not wanted:
                break
            # The seed is last: NumPy takes a 0 there for nothing, so that draws of seed
            # 0 are those of before there were seeds.
            rng = np.random.default_rng([self.cells, self.number, index, self.seed])
            chosen = (
                own[:wanted]
                if index == self.image
                else choose_cells(masks, self.task.diameters[index], rng, number=wanted)
            )
            annotation = _paintable(whole_cells(masks, chosen))
            if not annotation.any():
                continue
            annotation = relabel_sequential(annotation, painted + 1)[0].astype(np.int32)
            annotations.append((index, annotation))
            painted = int(annotation.max())
        return tuple(annotations)


def make_draw(task: TaskFolder, cells: int, number: int, seed: int) -> Draw | None:
    """Draw an image and cells of it, the same for every method and in both regimes.

    The first image, in an order of chance, that has as many whole cells as wanted; or
    the one with most of them.

    Parameters
    ----------
    task : TaskFolder
        The task.
    cells : int
        Number of cells wanted.
    number : int
        Number of the draw.
    seed : int
        With ``cells`` and ``number`` it fixes all that is random.

    Returns
    -------
    Draw or None
        None if no image has a whole cell that can be painted.
    """
    rng = np.random.default_rng([seed, cells, number])
    image, chosen = _choose(task, cells, rng)
    masks = task.masks[image]
    cells_only = _paintable(whole_cells(masks, chosen))
    chosen = np.unique(cells_only[cells_only > 0]).tolist()
    if not chosen:
        return None
    # A generator of their own, so that strokes change nothing else.
    strokes_rng = copy.deepcopy(rng)
    size = float(np.median([task.diameters[image][k] for k in chosen]))
    with_strokes = add_strokes(
        cells_only, masks, strokes_rng, number=2, scale=size / WORKING_DIAMETER
    )
    others = [int(i) for i in rng.permutation(len(task.images)) if i != image]
    return Draw(
        task,
        cells,
        number,
        seed,
        image,
        cells_only,
        with_strokes,
        tuple(others or [image]),
    )


def _choose(
    task: TaskFolder, cells: int, rng: np.random.Generator
) -> tuple[int, list[int]]:
    best: tuple[int, list[int]] = (0, [])
    for index in rng.permutation(len(task.images)):
        diameters = task.diameters[index]
        found = choose_cells(task.masks[index], diameters, rng, number=cells)
        if len(found) > len(best[1]):
            best = int(index), found
        if len(found) == cells:
            break
    return best


def _paintable(annotation: Labels) -> Labels:
    """Leave out what adaptation would refuse: specks, and what fills the image."""
    area = np.bincount(annotation.ravel())
    fits = (area >= LEAST_AREA) & (area <= MOST_OF_IMAGE * annotation.size)
    return np.where(fits[annotation], annotation, 0)


def whole_cells(masks: Labels, chosen: Sequence[int]) -> Labels:
    """Paint objects as a person would: of each, its largest part.

    Parameters
    ----------
    masks : (Y, X) array of int32
        Instances.
    chosen : sequence of int
        Numbers of the objects to paint.

    Returns
    -------
    (Y, X) array of int32
        0 where none of them is.
    """
    result = np.zeros_like(masks)
    for k in chosen:
        parts, _ = ndi.label(masks == k, np.ones((3, 3)))
        main = 1 + int(np.bincount(parts.ravel())[1:].argmax())
        result[parts == main] = k
    return result
