"""What runs in the worker for the review: generators without widgets or layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from . import side_layers

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from numpy.typing import NDArray

    from napari_metaseg.core.confidence import Place
    from napari_metaseg.core.overlay import Numbered
    from napari_metaseg.workflows.adapt import AdaptedModel
    from napari_metaseg.workflows.results import Progress

    from .decoding import Decoded


@dataclass(frozen=True, slots=True)
class Doubt:
    """A cell, and how sure the network is of it.

    Attributes
    ----------
    place : tuple of int
        Its pixel nearest to its centre, as an index of the annotation.
    diameter : float
        Of a disk of its area, in px.
    confidence : float
        In [0, 1].
    """

    place: tuple[int, ...]
    diameter: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Judged:
    """All cells of a result, the least certain first.

    Attributes
    ----------
    planes : tuple of Numbered
        The instances that were judged.
    doubts : tuple of Doubt
        One a cell.
    """

    planes: tuple[Numbered, ...]
    doubts: tuple[Doubt, ...]


def judge(model: AdaptedModel, decoded: Decoded) -> Generator[Progress, None, Judged]:
    """Put the cells in the order of what is known of them."""
    from napari_metaseg.core.confidence import confidences

    yield from ()
    outputs = model.drawn(adapted=decoded.adapted)
    leading = decoded.labels.shape[:-2]
    doubts: list[Doubt] = []
    for i, (output, plane) in enumerate(zip(outputs, decoded.planes, strict=True)):
        sure = confidences(output, plane.instances)
        index = tuple(int(n) for n in np.unravel_index(i, leading)) if leading else ()
        doubts += [
            Doubt((*index, y, x), diameter, float(sure[k]))
            for k, y, x, diameter in _cells(plane.instances)
        ]
    return Judged(decoded.planes, tuple(sorted(doubts, key=lambda d: d.confidence)))


def draw_maps(
    model: AdaptedModel, decoded: Decoded, roles: tuple[str, ...]
) -> Generator[Progress, None, dict[str, NDArray[np.float32]]]:
    """Bring the probability, and how undecided it is, to image scale."""
    from napari_metaseg.core.confidence import uncertainty
    from napari_metaseg.core.scaling import resize_image

    yield from ()
    outputs = model.drawn(adapted=decoded.adapted)
    planes = [resize_image(o.maps[0].astype(np.float32), o.shape) for o in outputs]
    probability = np.clip(np.stack(planes).reshape(decoded.labels.shape), 0, 1)
    return {
        role: uncertainty(probability)
        if role == side_layers.UNCERTAINTY
        else probability
        for role in roles
    }


def suggest(
    model: AdaptedModel, decoded: Decoded, annotation: NDArray[np.int32]
) -> Generator[Progress, None, Place | None]:
    """Choose where to annotate next."""
    from napari_metaseg.core.confidence import suggest_place

    yield from ()
    planes = annotation.copy().reshape(-1, *annotation.shape[-2:])
    return suggest_place(model.drawn(adapted=decoded.adapted), list(planes))


def _cells(labels: NDArray[np.int32]) -> Iterator[tuple[int, int, int, float]]:
    """Yield number, middle pixel (y, x) and diameter of each instance."""
    for k, box in enumerate(ndi.find_objects(labels), start=1):
        if box is not None:
            inside = np.argwhere(labels[box] == k)
            off = ((inside - inside.mean(0)) ** 2).sum(1)
            y, x = inside[off.argmin()]
            diameter = float(np.sqrt(4 * len(inside) / np.pi))
            yield k, int(y) + box[0].start, int(x) + box[1].start, diameter
