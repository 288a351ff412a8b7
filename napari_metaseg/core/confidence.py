"""How sure the network is: of each pixel, of each instance, and where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage as ndi

from .scaling import resize_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .plane_output import PlaneOutput


class Place(NamedTuple):
    """A pixel of a stack of planes, at image scale."""

    plane: int
    y: int
    x: int


def uncertainty(probability: NDArray[np.floating]) -> NDArray[np.float32]:
    """Measure how undecided each pixel is.

    Parameters
    ----------
    probability : array of float
        In [0, 1].

    Returns
    -------
    array of float32
        Entropy in bits: 0 where the probability is 0 or 1, and 1 where it is 0.5.
    """
    p = np.asarray(probability, np.float32)
    q = 1 - p
    # x log x goes to 0 with x.
    tiny = np.finfo(np.float32).tiny
    bits = p * np.log2(np.maximum(p, tiny)) + q * np.log2(np.maximum(q, tiny))
    return np.asarray(np.clip(-bits, 0, 1), np.float32)


def confidences(
    output: PlaneOutput, labels: NDArray[np.integer]
) -> NDArray[np.float32]:
    """Measure how sure the network is of each instance.

    The mean foreground probability of its pixels: low where the network doubts that
    there is a cell, and where it doubts how far the cell reaches.

    Parameters
    ----------
    output : PlaneOutput
        What the network drew.
    labels : (Y, X) array of int
        Instances 1..n at image scale, 0 = background.

    Returns
    -------
    (n + 1,) array of float32
        Confidence in [0, 1] of each instance, by its number; 0 for the background
        and for an instance too small to be seen at working scale.
    """
    foreground = output.maps[0].astype(np.float32)
    shape = foreground.shape[0], foreground.shape[1]
    seen = resize_labels(np.asarray(labels, np.int32), shape).ravel()
    count = int(labels.max(initial=0)) + 1
    area = np.bincount(seen, minlength=count)
    total = np.bincount(seen, foreground.ravel(), minlength=count)
    mean = total / np.maximum(area, 1)
    mean[0] = 0
    return np.asarray(np.clip(mean, 0, 1), np.float32)


def suggest_place(
    outputs: Sequence[PlaneOutput], annotations: Sequence[NDArray[np.int32]]
) -> Place | None:
    """Choose where to annotate next: the object of which the least is known.

    Parameters
    ----------
    outputs : sequence of PlaneOutput
        What the network drew of each plane.
    annotations : sequence of (Y, X) arrays of int32
        What is annotated there; 0 = unknown.

    Returns
    -------
    Place or None
        None if everything is annotated.
    """
    best: tuple[float, Place] | None = None
    for plane, (output, annotation) in enumerate(
        zip(outputs, annotations, strict=True)
    ):
        found = _least_known(output, annotation)
        if found is not None and (best is None or found[0] > best[0]):
            best = found[0], Place(plane, *found[1])
    return None if best is None else best[1]


def _least_known(
    output: PlaneOutput, annotation: NDArray[np.int32]
) -> tuple[float, tuple[int, int]] | None:
    """Return the largest uncertainty of an object's size, and where that object is."""
    foreground = output.maps[0].astype(np.float32)
    shape = foreground.shape[0], foreground.shape[1]
    known = resize_labels(annotation, shape) != 0
    reach = output.diameter / 2
    if known.any():
        known = ndi.distance_transform_edt(~known) < reach
    if known.all():
        return None
    # A Gaussian that is about as wide at half its height as an object.
    blurred = ndi.gaussian_filter(uncertainty(foreground), output.diameter / 2.4)
    at = np.unravel_index(np.argmax(np.where(known, -1, blurred)), shape)
    place = _onto_object(foreground, known, (int(at[0]), int(at[1])), round(reach))
    y, x = (
        min(int((i + 0.5) * full / small), full - 1)
        for i, full, small in zip(place, output.shape, shape, strict=True)
    )
    return float(blurred[at]), (y, x)


def _onto_object(
    foreground: NDArray[np.float32],
    known: NDArray[np.bool_],
    place: tuple[int, int],
    reach: int,
) -> tuple[int, int]:
    """Move a place to the likeliest pixel of an unknown object near it."""
    top, left = (max(i - reach, 0) for i in place)
    window = slice(top, place[0] + reach + 1), slice(left, place[1] + reach + 1)
    smooth = ndi.gaussian_filter(foreground[window], 1)
    inside = np.where(known[window], -1, smooth)
    y, x = np.unravel_index(inside.argmax(), inside.shape)
    return top + int(y), left + int(x)
