"""From the network's maps at working scale to instances at image scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from skimage.segmentation import clear_border, expand_labels

from .decode import Decoded, decode
from .metrics import iou_matrix
from .scaling import resize_image, resize_labels

if TYPE_CHECKING:
    from .settings import DecodeSettings

Labels = NDArray[np.int32]

SAME = 0.25
"""IoU from which an instance is the one of the last round and keeps its number."""


@dataclass(frozen=True, slots=True)
class PlaneOutput:
    """What the network drew of one plane.

    Attributes
    ----------
    maps : (2, y, x) array of float16
        Probabilities of foreground and cue at working scale.
    shape : (int, int)
        Shape (Y, X) of the plane at image scale.
    diameter : float
        Working diameter (px at working scale).
    """

    maps: NDArray[np.float16]
    shape: tuple[int, int]
    diameter: float

    def instances(self, settings: DecodeSettings) -> Labels:
        """Decode, bring to image scale, and apply size and border rules.

        Parameters
        ----------
        settings : DecodeSettings
            All of its rules are applied.

        Returns
        -------
        (Y, X) array of int32
        """
        foreground, cue = self.maps.astype(np.float32)
        smallest = settings.min_size * np.pi / 4 * self.diameter**2
        decoded = decode(foreground, cue, settings, min_area=smallest)
        labels = _to_image_scale(decoded, foreground, self.shape)
        if settings.clear_border:
            labels = clear_border(labels).astype(np.int32)
        return labels


def _to_image_scale(
    decoded: Decoded, foreground: NDArray[np.float32], shape: tuple[int, int]
) -> Labels:
    """Enlarge instances; their outline follows the enlarged probability map."""
    labels, outline = decoded
    if labels.shape == shape:
        return labels
    if shape[0] * shape[1] <= labels.size:
        return resize_labels(labels, shape)
    wide = resize_labels(expand_labels(labels, 1).astype(np.int32), shape)
    inside = resize_image(foreground, shape) > outline[wide]
    return np.where(inside, wide, 0).astype(np.int32)


def respect_annotation(labels: Labels, annotation: Labels) -> Labels:
    """Put the painted cells in verbatim, and keep strokes free.

    An instance that lies mostly on painted cells or on strokes is the same object,
    or a rejected one, and goes; others only lose the pixels that were painted.

    Parameters
    ----------
    labels : (Y, X) array of int32
        Instances.
    annotation : (Y, X) array of int32
        0 = unknown, k > 0 = one whole cell, -1 = background stroke.

    Returns
    -------
    (Y, X) array of int32
        Painted cells carry their numbers k; the others get numbers above.
    """
    if not annotation.any():
        return labels
    area = np.bincount(labels.ravel())
    taken = np.bincount(labels[annotation != 0], minlength=len(area))
    free = (labels > 0) & (annotation == 0) & ~(2 * taken > area)[labels]
    numbers = np.append(0, unused_numbers(annotation, len(area) - 1))
    result = np.where(free, numbers[labels], 0)
    return np.where(annotation > 0, annotation, result).astype(np.int32)


def keep_numbers(labels: Labels, previous: Labels, fixed: Labels) -> Labels:
    """Give each instance the number it had in the last round.

    Parameters
    ----------
    labels : array of int32
        New instances; those that carry a positive number in ``fixed`` keep it.
    previous : array of int32, of the same shape
        Instances of the last round.
    fixed : array of int32, of the same shape
        The annotation: painted cells.

    Returns
    -------
    array of int32
        The same instances, with numbers of matching ones (one to one, IoU at
        least `SAME`) carried over and unused numbers for the rest.
    """
    held = np.unique(fixed[fixed > 0])
    ids = np.setdiff1d(np.unique(labels), np.append(held, 0))
    if not len(ids):
        return labels
    old = np.setdiff1d(np.unique(previous), np.append(held, 0))
    free = np.where(np.isin(labels, ids), labels, 0)
    iou = iou_matrix(np.where(np.isin(previous, old), previous, 0), free)
    rows, columns = linear_sum_assignment(-iou)
    new = dict.fromkeys(ids.tolist(), 0)
    for row, column in zip(rows, columns, strict=True):
        if iou[row, column] >= SAME:
            new[int(ids[column])] = int(old[row])
    homeless = [key for key, value in new.items() if not value]
    unused = unused_numbers(np.append(old, held), len(homeless))
    new.update(zip(homeless, unused.tolist(), strict=True))
    numbers = np.array(list(new.values()), np.int32)
    result = labels.copy()
    result[free > 0] = numbers[np.searchsorted(ids, free[free > 0])]
    return result


def unused_numbers(taken: Labels, count: int) -> NDArray[np.int64]:
    """Return numbers above those taken, or gaps where int32 ends.

    Parameters
    ----------
    taken : array of int32
        Numbers in use.
    count : int
        How many are wanted.

    Returns
    -------
    (count,) array of int64
    """
    top = max(0, int(taken.max(initial=0)))
    if top + count <= np.iinfo(np.int32).max:
        return np.arange(top + 1, top + 1 + count)
    used = np.unique(taken)
    return np.setdiff1d(np.arange(1, len(used) + count + 1), used)[:count]
