"""Crops in which all that should be found is known, beside what is painted."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_metaseg.core.scaling import resize_image, resize_labels
from napari_metaseg.core.targets import DenseTarget, dense_target

from .colours import Image, Mix, show

if TYPE_CHECKING:
    from .folders import TaskFolder
    from .relabel import Rule

N = TypeVar("N", bound=np.generic)
Labels = NDArray[np.int32]

PAINTED_SHARE = 0.2
"""Share of query crops from the painted image, of which people want the rest first;
the others are from other images, where there are any."""


class Sight(NamedTuple):
    """How the images of an episode are seen.

    Attributes
    ----------
    mix : (3, C) array of float32 or None
        From `colours.draw_mix`.
    rule : Rule or None
        What narrows the target down.
    zoom : float
        Working scale over image scale.
    """

    mix: Mix | None
    rule: Rule | None
    zoom: float


def choose_images(
    order: list[int], number: int, rng: np.random.Generator, *, spare: bool
) -> list[int]:
    """Choose the images of the query crops.

    Parameters
    ----------
    order : list of int
        All images of the task, the painted one first.
    number : int
        Number of crops.
    rng : numpy.random.Generator
        Source of chance.
    spare : bool
        Whether the painted image has target objects beside the painted ones.

    Returns
    -------
    list of int
        The other images in turn, but for `PAINTED_SHARE`; the painted one alone if
        there are no others.
    """
    painted, *others = order
    if not others:
        return [painted] * number
    turns = cycle(others)
    return [
        painted if spare and rng.random() < PAINTED_SHARE else next(turns)
        for _ in range(number)
    ]


def painted_pixels(
    every: Labels, cells: list[int], annotation: Labels
) -> NDArray[np.bool_]:
    """Find what the support tells already, which a query must not ask for.

    Parameters
    ----------
    every : (Y, X) array of int32
        All objects of the painted image.
    cells : list of int
        The painted ones.
    annotation : (y, x) array of int32
        What was painted, at working scale.

    Returns
    -------
    (Y, X) array of bool
        The painted objects as a whole, and strokes.
    """
    known = np.isin(every, cells)
    known |= resize_labels(annotation, known.shape) != 0
    return known


def cut_query(
    task: TaskFolder,
    which: int,
    sight: Sight,
    size: int,
    rng: np.random.Generator,
    painted: NDArray[np.bool_] | None = None,
) -> tuple[Image, DenseTarget]:
    """Cut a crop at working scale, with dense targets.

    Parameters
    ----------
    task : TaskFolder
        Images and masks.
    which : int
        Number of the image.
    sight : Sight
        How it is seen.
    size : int
        Side (px at working scale) of the crop.
    rng : numpy.random.Generator
        Source of chance.
    painted : (Y, X) array of bool, optional
        Pixels that are not scored, from `painted_pixels`.

    Returns
    -------
    image : (C, size, size) array of float32
    target : DenseTarget
        Unknown and painted pixels have no weight.
    """
    image, labels = task.images[which], task.masks[which]
    every = labels
    unknown = np.zeros(labels.shape, bool)
    if sight.rule is not None:
        gray = show(image, sight.mix).mean(0)
        labels, unknown = sight.rule.apply(gray, labels)
    wanted = labels
    if painted is not None:
        wanted, unknown = np.where(painted, 0, labels), unknown | painted
    side = max(2, round(size / sight.zoom))
    centre = _centre(wanted, rng)
    window = tuple(
        slice(lo, lo + side)
        for lo in (
            int(np.clip(c - side // 2, 0, max(0, n - side)))
            for c, n in zip(centre, labels.shape, strict=True)
        )
    )
    shown = show(image, sight.mix, window)
    crop = resize_image(_fit(shown, side, "edge"), (size, size))
    target = dense_target(
        resize_labels(_fit(labels[window], side, "constant"), (size, size))
    )
    known = ~unknown[window]
    if not task.info.complete:
        known &= ndi.binary_dilation(
            every[window] > 0, iterations=max(1, round(8 / sight.zoom))
        )
    known = _fit(known.astype(np.int32), side, "constant")
    weight = target.weight * resize_labels(known, (size, size))
    return crop, target._replace(weight=weight.astype(np.float32))


def _centre(wanted: Labels, rng: np.random.Generator) -> NDArray[np.integer]:
    """Draw the centre of a crop, mostly on what is wanted."""
    inside = np.flatnonzero(wanted) if rng.random() < 0.75 else np.empty(0, int)
    if not len(inside):
        return rng.integers(0, wanted.shape)
    return np.array(np.unravel_index(inside[rng.integers(len(inside))], wanted.shape))


def _fit(array: NDArray[N], side: int, mode: Literal["edge", "constant"]) -> NDArray[N]:
    """Pad an array that is smaller than its crop; padding is unknown."""
    ends = [(0, 0)] * (array.ndim - 2) + [(0, side - n) for n in array.shape[-2:]]
    return np.pad(array, ends, mode=mode) if any(e for _, e in ends) else array
