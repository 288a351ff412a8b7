"""Episodes: a sparse support as a person would paint it, and a dense query.

An episode goes through the functions that serve a real annotation: the painted
cells set the scale, the same crops are cut and the same targets drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_metaseg.core.evidence import draw_evidence, network_input
from napari_metaseg.core.intensity import measure_range
from napari_metaseg.core.losses import Dense
from napari_metaseg.core.scaling import (
    WORKING_DIAMETER,
    resize_image,
    resize_labels,
    scaled_shape,
)
from napari_metaseg.core.support import make_support
from napari_metaseg.core.targets import DenseTarget, dense_target

from .augment import Appearance, apply_appearance, draw_appearance
from .painter import add_strokes, choose_cells, paint_cells, reject_objects
from .relabel import Rule, draw_rule

if TYPE_CHECKING:
    from napari_metaseg.core.inner_loop import Support

    from .folders import TaskFolder

N = TypeVar("N", bound=np.generic)
Image = NDArray[np.float32]
Labels = NDArray[np.int32]
Mix = NDArray[np.float32]
"""Red, green and blue (3) in each of the channels (C) that are shown."""


class Query(NamedTuple):
    """Crops in which every object is known.

    Attributes
    ----------
    inputs : (N, IN_CHANNELS, Y, X) tensor
        Normalised crops at working scale, with the support's evidence.
    target : Dense
        Their targets, each (N, Y, X).
    """

    inputs: torch.Tensor
    target: Dense


class Episode(NamedTuple):
    """One task as meta-training sees it.

    Attributes
    ----------
    name : str
        Name of the task.
    support : Support
        What was painted.
    query : Query
        What should be found, on other crops and mostly on other images.
    """

    name: str
    support: Support
    query: Query


@dataclass(frozen=True, slots=True)
class EpisodeSettings:
    """How episodes are drawn.

    Attributes
    ----------
    query_size : int
        Side (px at working scale) of a query crop.
    query_crops : int
        Number of query crops.
    stroke_chance : float
        Share of episodes with background strokes.
    reject_chance : float
        Share of episodes in which false objects are rejected.
    rule_chance : float
        Share of episodes in which a rule narrows the target down.
    """

    query_size: int = 128
    query_crops: int = 3
    stroke_chance: float = 0.4
    reject_chance: float = 0.2
    rule_chance: float = 0.25


def draw_episode(
    task: TaskFolder,
    rng: np.random.Generator,
    settings: EpisodeSettings | None = None,
) -> Episode | None:
    """Draw an episode from a task.

    Parameters
    ----------
    task : TaskFolder
        Images and masks.
    rng : numpy.random.Generator
        Source of chance.
    settings : EpisodeSettings, optional
        How.

    Returns
    -------
    Episode or None
        None if the image that was drawn has no cell a person would paint.
    """
    settings = settings or EpisodeSettings()
    order = rng.permutation(len(task.images))
    first = int(order[0])
    mix = _draw_mix(task.images[first], rng)
    image, labels = _look(task.images[first], mix), task.masks[first]
    gray = image.mean(0)
    rule = draw_rule(rng, gray, labels) if rng.random() < settings.rule_chance else None
    others = np.zeros_like(labels)
    if rule is not None:
        every = labels
        labels, unknown = rule.apply(gray, every)
        if rule.kind != "core":
            others = np.where(unknown | (labels > 0), 0, every)
    cells = choose_cells(labels, task.diameters[first], rng)
    if not cells:
        return None
    shrink = 0.6 if rule is not None and rule.kind == "core" else 1.0
    sizes = [task.diameters[first][k] * shrink for k in cells]
    zoom = (
        WORKING_DIAMETER / float(np.median(sizes)) * float(np.exp(rng.normal(0, 0.1)))
    )
    zoom = float(np.clip(zoom, 0.1, 4.0))
    shape = scaled_shape(labels.shape, zoom)
    painted = paint_cells(resize_labels(labels, shape), cells, rng)
    everything = resize_labels(labels, shape)
    if task.info.complete and rng.random() < settings.stroke_chance:
        painted = add_strokes(painted, everything, rng)
    if task.info.complete and rng.random() < settings.reject_chance:
        painted = reject_objects(painted, everything, resize_labels(others, shape), rng)
    views = [(resize_image(image, shape), painted)]
    queries = []
    for n in range(settings.query_crops):
        which = int(order[(1 + n) % len(order)] if rng.random() < 0.8 else first)
        queries.append(_query_crop(task, which, mix, rule, zoom, settings, rng))
    return _assemble(task.name, views, queries, draw_appearance(rng), rng)


def _assemble(
    name: str,
    views: list[tuple[Image, Labels]],
    queries: list[tuple[Image, DenseTarget]],
    appearance: Appearance,
    rng: np.random.Generator,
) -> Episode:
    originals = [v[0] for v in views] + [q[0] for q in queries]
    channels = [
        apply_appearance(appearance, list(channel), rng)
        for channel in zip(*originals, strict=True)
    ]
    pictures = [np.stack(picture) for picture in zip(*channels, strict=True)]
    support = make_support([(p, v[1]) for p, v in zip(pictures, views, strict=False)])
    crops = [
        _turn(rng, p, q[1])
        for p, q in zip(pictures[len(views) :], queries, strict=True)
    ]
    images, *target = (
        torch.from_numpy(np.stack(maps)) for maps in zip(*crops, strict=True)
    )
    inputs = network_input(images, draw_evidence(support.evidence, images))
    return Episode(name, support, Query(inputs, Dense(*target)))


def _turn(
    rng: np.random.Generator, image: Image, target: DenseTarget
) -> list[NDArray[np.float32]]:
    """Turn and flip an image with its targets."""
    turns, flip = int(rng.integers(4)), rng.random() < 0.5
    maps = [np.rot90(m, turns, (-2, -1)) for m in (image, *target)]
    return [np.ascontiguousarray(m[..., ::-1, :] if flip else m) for m in maps]


def _draw_mix(image: NDArray[np.generic], rng: np.random.Generator) -> Mix | None:
    """Draw what a colour image is shown as: itself, other colours, or gray."""
    if image.ndim == 2:
        return None
    match rng.choice(["colours", "mixed", "gray"], p=[0.5, 0.25, 0.25]):
        case "colours":
            return np.eye(3, dtype=np.float32)
        case "mixed":
            return rng.dirichlet(np.ones(3), 3).T.astype(np.float32)
        case _:
            return rng.dirichlet(np.ones(3), 1).T.astype(np.float32)


def _look(
    image: NDArray[np.generic],
    mix: Mix | None,
    window: tuple[slice, ...] = (slice(None), slice(None)),
) -> Image:
    """Mix and normalise, each channel by its range over the whole image."""
    if mix is None:
        return measure_range(image, at_most=60_000).apply(image[window])[None]
    step = max(1, int(np.sqrt(image.shape[0] * image.shape[1] / 60_000)))
    sample = image[::step, ::step, :3].astype(np.float32) @ mix
    shown = image[window][..., :3].astype(np.float32) @ mix
    return np.stack(
        [
            measure_range(sample[..., c]).apply(shown[..., c])
            for c in range(mix.shape[1])
        ]
    )


def _query_crop(
    task: TaskFolder,
    which: int,
    mix: Mix | None,
    rule: Rule | None,
    zoom: float,
    settings: EpisodeSettings,
    rng: np.random.Generator,
) -> tuple[Image, DenseTarget]:
    """Cut a crop at working scale, with dense targets."""
    size = settings.query_size
    image, labels = task.images[which], task.masks[which]
    every = labels
    unknown = np.zeros(labels.shape, bool)
    if rule is not None:
        labels, unknown = rule.apply(_look(image, mix).mean(0), labels)
    side = max(2, round(size / zoom))
    centre = _query_centre(labels, rng)
    window = tuple(
        slice(lo, lo + side)
        for lo in (
            int(np.clip(c - side // 2, 0, max(0, n - side)))
            for c, n in zip(centre, labels.shape, strict=True)
        )
    )
    shown = _look(image, mix, window)
    crop = resize_image(_fit(shown, side, "edge"), (size, size))
    target = dense_target(
        resize_labels(_fit(labels[window], side, "constant"), (size, size))
    )
    known = ~unknown[window]
    if not task.info.complete:
        known &= ndi.binary_dilation(
            every[window] > 0, iterations=max(1, round(8 / zoom))
        )
    known = _fit(known.astype(np.int32), side, "constant")
    weight = target.weight * resize_labels(known, (size, size))
    return crop, target._replace(weight=weight.astype(np.float32))


def _query_centre(labels: Labels, rng: np.random.Generator) -> NDArray[np.integer]:
    inside = np.flatnonzero(labels) if rng.random() < 0.75 else np.empty(0, int)
    if not len(inside):
        return rng.integers(0, labels.shape)
    return np.array(np.unravel_index(inside[rng.integers(len(inside))], labels.shape))


def _fit(array: NDArray[N], side: int, mode: Literal["edge", "constant"]) -> NDArray[N]:
    """Pad an array that is smaller than its crop; padding is unknown."""
    ends = [(0, 0)] * (array.ndim - 2) + [(0, side - n) for n in array.shape[-2:]]
    return np.pad(array, ends, mode=mode) if any(e for _, e in ends) else array
