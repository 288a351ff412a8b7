"""Instances as they are shown: decoded, with the annotation put in, and linked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_metaseg.core.linking import keep_linked, link_labels
from napari_metaseg.core.overlay import number

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_metaseg.core.overlay import Numbered
    from napari_metaseg.core.settings import DecodeSettings
    from napari_metaseg.workflows.adapt import AdaptedModel
    from napari_metaseg.workflows.results import Progress


class Link(NamedTuple):
    """Whether cells keep their number from plane to plane.

    Attributes
    ----------
    axes : str
        A letter for each axis of the cells.
    name : str
        Along which, one of `LINKS`; ``"none"`` for none.
    """

    axes: str = ""
    name: str = "none"


UNLINKED = Link()


@dataclass(frozen=True, slots=True)
class Decoded:
    """Instances, and how they came about.

    Attributes
    ----------
    labels : array of int32
        As they are shown: of the annotation's shape, and with it put in.
    cells : int
        How many there are.
    planes : tuple of Numbered
        The instances of each plane, whatever is annotated.
    annotation : array of int32
        The annotation that was put in.
    settings : DecodeSettings
        How the network's output was decoded.
    adapted : bool
        Whether it was the output after adaptation, or the one before.
    link : Link
        How the labels are numbered through planes.
    """

    labels: NDArray[np.int32]
    cells: int
    planes: tuple[Numbered, ...]
    annotation: NDArray[np.int32]
    settings: DecodeSettings
    adapted: bool = True
    link: Link = UNLINKED


@dataclass(frozen=True, slots=True)
class Followed:
    """Instances into which another annotation was put, or that were linked.

    Attributes
    ----------
    decoded : Decoded
        The same instances, with the annotation as it is now.
    pixels : tuple of array of int
        Where they are shown otherwise than before, one array an axis.
    """

    decoded: Decoded
    pixels: tuple[NDArray[np.intp], ...]


def decode(
    model: AdaptedModel,
    settings: DecodeSettings,
    annotation: NDArray[np.int32],
    previous: NDArray[np.int32] | None,
    *,
    adapted: bool = True,
) -> Generator[Progress, None, Decoded]:
    """Decode the stored network output; numbers stay as in `previous`."""
    yield from ()
    annotation = annotation.copy()
    found, drawn = model.found(settings, adapted=adapted), as_planes(annotation)
    numbered = partial(number, region=settings.region)
    if previous is None or previous.shape != found.shape:
        planes = tuple(map(numbered, as_planes(found), drawn))
    else:
        planes = tuple(map(numbered, as_planes(found), drawn, as_planes(previous)))
    return put_in(planes, annotation, settings, adapted=adapted)


def put_in(
    planes: tuple[Numbered, ...],
    annotation: NDArray[np.int32],
    settings: DecodeSettings,
    *,
    adapted: bool = True,
) -> Decoded:
    """Put an annotation into numbered instances."""
    drawn = zip(planes, as_planes(annotation), strict=True)
    shown = np.stack([p.under(a) for p, a in drawn]).reshape(annotation.shape)
    return Decoded(shown, _count(shown), planes, annotation, settings, adapted)


def follow(
    decoded: Decoded,
    annotation: NDArray[np.int32],
    link: Link = UNLINKED,
    previous: NDArray[np.int32] | None = None,
) -> Generator[Progress, None, Followed | None]:
    """Put in the annotation as it is now, and link; None where nothing has changed.

    Only planes that have changed are looked at, and nothing is decoded.

    Parameters
    ----------
    decoded : Decoded
        Instances as they are shown.
    annotation : array of int32
        What is painted now.
    link : Link
        How they are to be numbered.
    previous : array of int32, optional
        Whose numbers linked instances keep; by default those that are shown.
    """
    yield from ()
    drawn, known = as_planes(annotation), as_planes(decoded.annotation)
    pairs = enumerate(zip(drawn, known, strict=True))
    changed = [i for i, pair in pairs if not np.array_equal(*pair)]
    if link != decoded.link:
        changed = list(range(len(drawn)))
    if not changed:
        return None
    labels, now = decoded.labels.copy(), decoded.annotation.copy()
    for i in changed:
        as_planes(now)[i] = drawn[i]
        as_planes(labels)[i] = decoded.planes[i].under(as_planes(now)[i])
    if link != UNLINKED and not decoded.settings.region:
        linked = link_labels(labels, *link)
        labels = keep_linked(linked, decoded.labels if previous is None else previous)
    after = replace(
        decoded, labels=labels, cells=_count(labels), annotation=now, link=link
    )
    return Followed(after, np.nonzero(labels != decoded.labels))


def as_planes(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """See labels, whose last two axes are Y and X, as (P, Y, X)."""
    return labels.reshape(-1, *labels.shape[-2:])


def _count(labels: NDArray[np.int32]) -> int:
    return int(np.count_nonzero(np.bincount(labels.ravel())[1:]))
