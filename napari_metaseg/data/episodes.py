"""Episodes: a sparse support as a person would paint it, and a dense query.

An episode goes through the functions that serve a real annotation: the painted
cells set the scale, the same crops are cut and the same targets drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from napari_metaseg.core.evidence import draw_evidence, network_input
from napari_metaseg.core.losses import Dense
from napari_metaseg.core.objects import object_diameters
from napari_metaseg.core.scaling import (
    WORKING_DIAMETER,
    resize_image,
    resize_labels,
    scaled_shape,
)
from napari_metaseg.core.support import make_support

from .augment import Appearance, apply_appearance, draw_appearance
from .colours import Image, draw_mix, show
from .painter import add_strokes, choose_cells, paint_cells, reject_objects
from .queries import Sight, choose_images, cut_query, painted_pixels
from .relabel import PARTS, draw_rule

if TYPE_CHECKING:
    from napari_metaseg.core.inner_loop import Support
    from napari_metaseg.core.targets import DenseTarget

    from .folders import TaskFolder

Labels = NDArray[np.int32]


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
        What should be found: on other images of the task, and in a share of the crops
        (`queries.PAINTED_SHARE`, or all if there is no other image) on the painted
        one, where what is painted is not scored.
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
    order = rng.permutation(len(task.images)).tolist()
    first = order[0]
    mix = draw_mix(task.images[first], rng)
    image, every = show(task.images[first], mix), task.masks[first]
    gray = image.mean(0)
    rule = draw_rule(rng, gray, every) if rng.random() < settings.rule_chance else None
    labels, others = every, np.zeros_like(every)
    if rule is not None:
        labels, unknown = rule.apply(gray, every)
        if rule.kind != "core":
            others = np.where(unknown | (labels > 0), 0, every)
    cells = choose_cells(labels, task.diameters[first], rng)
    if not cells:
        return None
    diameters = task.diameters[first]
    if rule is not None and rule.kind in PARTS:
        diameters = object_diameters(np.where(np.isin(labels, cells), labels, 0))
    zoom = _draw_zoom([diameters[k] for k in cells], rng)
    shape = scaled_shape(labels.shape, zoom)
    painted = paint_cells(resize_labels(labels, shape), cells, rng)
    everything = resize_labels(labels, shape)
    if task.info.complete and rng.random() < settings.stroke_chance:
        painted = add_strokes(painted, everything, rng)
    if task.info.complete and rng.random() < settings.reject_chance:
        painted = reject_objects(painted, everything, resize_labels(others, shape), rng)
    views = [(resize_image(image, shape), painted)]
    known = painted_pixels(every, cells, painted)
    spare = bool(((labels > 0) & ~known).any())
    chosen = choose_images(order, settings.query_crops, rng, spare=spare)
    sight = Sight(mix, rule, zoom)
    queries = [
        cut_query(
            task,
            which,
            sight,
            settings.query_size,
            rng,
            # Where nothing else is left to be found, the painted cells are.
            painted=known if which == first and spare else None,
        )
        for which in chosen
    ]
    return _assemble(task.name, views, queries, draw_appearance(rng), rng)


def _draw_zoom(diameters: list[float], rng: np.random.Generator) -> float:
    """Bring the painted cells to about the working diameter."""
    zoom = WORKING_DIAMETER / float(np.median(diameters))
    return float(np.clip(zoom * np.exp(rng.normal(0, 0.1)), 0.1, 4.0))


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
