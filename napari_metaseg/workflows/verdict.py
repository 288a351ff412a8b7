"""Do no harm: tell whether adapting made things worse."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage as ndi

from napari_metaseg.core.annotation import separate_parts
from napari_metaseg.core.metrics import mask_iou
from napari_metaseg.core.objects import trust
from napari_metaseg.core.settings import DecodeSettings

from .around import judged_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_metaseg.core.plane_output import PlaneOutput

ANY_SIZE = DecodeSettings(min_size=0.0)
"""How cells are found when they are judged: the usual way, the smallest among them."""

TOLERANCE = 0.02
"""Loss of own-cell IoU that is within the noise of a hand-drawn outline."""

FLOOD = 0.95
"""Share of the image from which the foreground covers everything."""

FOUND = 0.5
"""Own-cell IoU from which painted cells are found. In packed tissue and nerves all is
foreground, too, but cut into cells; what adapting had learned of them was thrown away
(cells of a tissue, AP@0.5 0.22, before 0.06; nerve fibres 0.53, before 0.19)."""


def own_iou(
    outputs: Sequence[PlaneOutput],
    annotations: Sequence[NDArray[np.int32]],
    *,
    rules: DecodeSettings = ANY_SIZE,
    at_once: int | None = None,
    equal: bool = False,
) -> float:
    """Score the painted cells: the best instance's IoU, averaged by `mean_iou`.

    Where one region is wanted, its IoU with all that is painted of it on a plane. On a
    large plane only what is around painted cells counts, see `judged_in`.

    Parameters
    ----------
    outputs : sequence of PlaneOutput
        The network's output, plane by plane.
    annotations : sequence of (Y, X) arrays of int32
        What was painted on these planes.
    rules : DecodeSettings
        How the output becomes instances.
    at_once : int, optional
        See `judged_in`.
    equal : bool
        Whether cells count alike: those of a test, which nothing is learned from.

    Returns
    -------
    float
        In [0, 1].
    """
    regions: list[float] = []
    cells: list[Found] = []
    for output, annotation in zip(outputs, annotations, strict=True):
        if (annotation > 0).any():
            found = _found_around(output, annotation, rules, at_once)
            if rules.region:
                regions.append(mask_iou(annotation > 0, found > 0))
            else:
                cells += cells_found(found, annotation)
    if regions:
        return float(np.mean(regions))
    return mean_iou(cells, equal=equal) if cells else 0.0


def _found_around(
    output: PlaneOutput,
    annotation: NDArray[np.int32],
    rules: DecodeSettings,
    at_once: int | None,
) -> NDArray[np.int32]:
    """Return the instances where painted cells are judged; 0 elsewhere."""
    found = np.zeros(output.shape, np.int32)
    for window in judged_in([annotation], output.working, output.diameter, at_once):
        part = output.instances(rules, window)
        found[window] = np.where(part > 0, part + found.max(), 0)
    return found


class Found(NamedTuple):
    """How well a painted cell is found.

    Attributes
    ----------
    iou : float
        With the instance that fits it best.
    number : int
        Its number in the annotation: the order of painting.
    """

    iou: float
    number: int


def mean_iou(cells: Sequence[Found], *, equal: bool = False) -> float:
    """Average over one or more cells.

    Parameters
    ----------
    cells : sequence of Found
        In any order.
    equal : bool
        Whether they count alike; else those painted first above all, see `trust`.
    """
    ordered = sorted(cells, key=attrgetter("number"))
    weights = None if equal else trust(len(ordered))
    return float(np.average([c.iou for c in ordered], weights=weights))


def cells_found(found: NDArray[np.int32], annotation: NDArray[np.int32]) -> list[Found]:
    """Score each painted cell by the instance that fits it best.

    Parameters
    ----------
    found : (Y, X) array of int32
        Instances.
    annotation : (Y, X) array of int32
        What was painted.

    Returns
    -------
    list of Found
        One a painted cell.
    """
    parts, areas = separate_parts(annotation), np.bincount(found.ravel())
    scores: list[Found] = []
    for part, box in enumerate(ndi.find_objects(np.maximum(parts, 0)), start=1):
        cell = parts[box] == part
        shared = np.bincount(found[box][cell], minlength=len(areas))[1:]
        ious = shared / (np.count_nonzero(cell) + areas[1:] - shared)
        number = int(annotation[box][cell].max())
        scores.append(Found(float(ious.max(initial=0)), number))
    return scores


def verdict(
    before: Sequence[PlaneOutput],
    after: Sequence[PlaneOutput],
    annotations: Sequence[NDArray[np.int32]],
    iou_before: float,
    iou_after: float,
) -> str:
    """Say why the adapted result is not kept, if it is not.

    Parameters
    ----------
    before, after : sequence of PlaneOutput
        The network's output before and after adaptation.
    annotations : sequence of (Y, X) arrays of int32
        What was painted.
    iou_before, iou_after : float
        Own-cell scores, see `own_iou`.

    Returns
    -------
    str
        Empty if it is kept; else one sentence.
    """
    if iou_after < iou_before - TOLERANCE:
        return (
            f"Adapting fits your cells worse (IoU {iou_after:.2f} instead of "
            f"{iou_before:.2f}), so the result before adaptation stays; check the "
            "outlines or paint another cell."
        )
    share = _foreground(after)
    if share == 0 and _foreground(before) > 0:
        return (
            "Adapting finds no cells at all, so the result before adaptation stays; "
            "paint another cell."
        )
    painted = max(float((a > 0).mean()) for a in annotations)
    if share > FLOOD and painted < 0.5 and iou_after < FOUND:
        return (
            "Adapting takes everything for cells, so the result before adaptation "
            "stays; paint a background stroke."
        )
    return ""


def _foreground(outputs: Sequence[PlaneOutput]) -> float:
    """Share of pixels taken for cells, of the planes that were drawn."""
    return float(np.mean([np.mean(o.maps[0] > 0.5) for o in outputs if o.drawn]))
