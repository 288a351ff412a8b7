"""Tasks that only the annotation defines, made from tasks that pictures define.

Of the objects in a real task only the large, small, bright or dim ones become the
target, or only the core of each, or its rim. The core stands for what lies within: a
nucleus in its cell, the lumen of a tube; the rim for what lies around it: cytoplasm, a
wall, a sheath. The same picture then carries several tasks, and nothing but the painted
cells tells which one is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from .parts import divide

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind = Literal["large", "small", "bright", "dim", "core", "rim"]
KINDS: tuple[Kind, ...] = ("large", "small", "bright", "dim", "core", "rim")
PARTS: tuple[Kind, ...] = ("core", "rim")
"""Kinds whose targets are parts of objects, and so of another size than these."""

LEAST_CONTRAST = 1.35
"""Ratio between the upper and the lower third of objects below which a rule by size
or brightness would be arbitrary."""

THIN = 2.0
"""Thickness (px of the image) below which a rim cannot be seen."""

USUAL_RIM = 12.0
"""Thickness (px) of the usual rim at working scale, to which the rims that are painted
are brought: half of what `core.objects` measures of the rim of a disk."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Which objects, or which part of each, are the target.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    low, high : float
        Objects whose value (area, brightness, thickness of the rim) lies between
        belong to neither side: they are unknown. So are those of which core and rim
        are not clear, where one of these is the target.
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
        if self.kind in PARTS:
            return self._part(labels)
        values = _values(self.kind, image, labels)
        wanted = values >= self.high if self.kind in _UPPER else values <= self.low
        unsure = (values > self.low) & (values < self.high)
        wanted[0] = unsure[0] = False
        return np.where(wanted[labels], labels, 0).astype(np.int32), unsure[labels]

    def _part(
        self, labels: NDArray[np.int32]
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        parts = divide(labels)
        sure = (parts.clear & (parts.thickness >= self.high))[labels]
        wanted = sure & (parts.core == (self.kind == "core"))
        return np.where(wanted, labels, 0).astype(np.int32), (labels > 0) & ~sure


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
        None if the objects are too alike, fewer than six, or too small for a rim.
    """
    kind = KINDS[rng.integers(len(KINDS))]
    if kind == "core":
        return Rule("core")
    if kind == "rim":
        return _rim_rule(labels)
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


def _rim_rule(labels: NDArray[np.int32]) -> Rule | None:
    """Make a rule of the rims that can be seen here, and at working scale."""
    parts = divide(labels)
    rims = parts.thickness[parts.clear]
    usual = float(np.median(rims)) if len(rims) else 0.0
    if usual < THIN:
        return None
    return Rule("rim", high=max(THIN, THIN / USUAL_RIM * usual))
