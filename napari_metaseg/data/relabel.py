"""Tasks that only the annotation defines, made from tasks that pictures define.

Of the objects in a real task only the large, small, bright or dim ones become the
target, or only the core of each. The same picture then carries several tasks, and
nothing but the painted cells tells which one is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind = Literal["large", "small", "bright", "dim", "core"]
KINDS: tuple[Kind, ...] = ("large", "small", "bright", "dim", "core")

LEAST_CONTRAST = 1.35
"""Ratio between the upper and the lower third of objects below which a rule by size
or brightness would be arbitrary."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Which objects, or which part of each, are the target.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    low, high : float
        Objects whose value lies between belong to neither side: they are unknown.
    """

    kind: Kind
    low: float = 0.0
    high: float = 0.0

    def apply(
        self, image: NDArray[np.floating], labels: NDArray[np.int32]
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Relabel one image.

        Parameters
        ----------
        image : (Y, X) array of float
            Normalised image.
        labels : (Y, X) array of int32
            All objects.

        Returns
        -------
        labels : (Y, X) array of int32
            Target objects.
        unknown : (Y, X) array of bool
            Pixels of objects that are neither target nor not.
        """
        if self.kind == "core":
            return _cores(labels), np.zeros(labels.shape, bool)
        values = _values(self.kind, image, labels)
        wanted = values >= self.high if self.kind in _UPPER else values <= self.low
        unsure = (values > self.low) & (values < self.high)
        wanted[0] = unsure[0] = False
        return np.where(wanted[labels], labels, 0).astype(np.int32), unsure[labels]


_UPPER = ("large", "bright")


def draw_rule(
    rng: np.random.Generator, image: NDArray[np.floating], labels: NDArray[np.int32]
) -> Rule | None:
    """Draw a rule that divides the objects of an image, if one does.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    image : (Y, X) array of float
        Normalised image.
    labels : (Y, X) array of int32
        All objects.

    Returns
    -------
    Rule or None
        None if the objects are too alike, or fewer than six.
    """
    kind = KINDS[rng.integers(len(KINDS))]
    if kind == "core":
        return Rule("core")
    present = np.unique(labels)[1:]
    if len(present) < 6:
        return None
    values = _values(kind, image, labels)[present]
    low, high = np.quantile(values, [0.4, 0.6])
    if high + 1e-6 < LEAST_CONTRAST ** (1 if kind in ("large", "small") else 0.5) * low:
        return None
    return Rule(kind, float(low), float(high))


def _values(
    kind: Kind, image: NDArray[np.floating], labels: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Area (px) or mean intensity of each label, indexed by label."""
    area = np.bincount(labels.ravel()).astype(np.float64)
    if kind in ("large", "small"):
        return area
    total = np.bincount(labels.ravel(), image.ravel())
    return np.maximum(total, 0) / np.maximum(area, 1)


def _cores(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Keep what lies deeper than 0.4 of each object's greatest depth."""
    cores = np.zeros_like(labels)
    for k, box in enumerate(ndi.find_objects(labels), start=1):
        if box is None:
            continue
        own = labels[box] == k
        depth = ndi.distance_transform_edt(np.pad(own, 1))[1:-1, 1:-1]
        cores[box][depth > 0.4 * depth.max()] = k
    return cores
