"""What is shown: decoded instances with the annotation, as it is now, put in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .instances import keep_numbers, left_free, one_region, respect_annotation
from .numbering import unused_numbers

Labels: TypeAlias = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Numbered:
    """Instances of one plane, and the numbers under which they are shown.

    Attributes
    ----------
    instances : (Y, X) array of int32
        As decoded, 1..n, whatever is painted.
    numbers : (n + 1 or more,) array of int32
        The number of each; 0 for 0. Beyond, those of what strokes have cut off.
    region : bool
        Whether they are one region, which has the number 1.
    """

    instances: Labels
    numbers: Labels
    region: bool = False

    def under(self, annotation: Labels) -> Labels:
        """Put an annotation in verbatim.

        What hides, reshapes or cuts an instance is `left_free`. An instance keeps its
        number while no painted cell takes it, so that taking back a stroke brings the
        same picture back.

        Parameters
        ----------
        annotation : (Y, X) array of int32
            0 = unknown, k > 0 = one whole cell, -1 = background stroke.

        Returns
        -------
        (Y, X) array of int32
        """
        if self.region:
            return one_region(self.instances, annotation)
        free = left_free(self.instances, annotation)
        painted = np.unique(annotation[annotation > 0])
        numbers = _avoiding(self.numbers, painted)
        more = max(0, int(free.max(initial=0)) + 1 - len(numbers))
        fresh = unused_numbers(np.append(numbers, painted), more)
        numbers = np.append(numbers, fresh)
        shown = np.where(free > 0, numbers[free], np.maximum(annotation, 0))
        return shown.astype(np.int32)


def number(
    instances: Labels,
    annotation: Labels,
    previous: Labels | None = None,
    *,
    region: bool = False,
) -> Numbered:
    """Give instances the numbers that they had before, where they match.

    Parameters
    ----------
    instances : (Y, X) array of int32
        As decoded, 1..n.
    annotation : (Y, X) array of int32
        The annotation.
    previous : (Y, X) array of int32, optional
        What was shown before.
    region : bool
        Whether they are one region, which needs no numbers.

    Returns
    -------
    Numbered
    """
    if region:
        return Numbered(instances, np.arange(2, dtype=np.int32), region=True)
    shown = respect_annotation(instances, annotation)
    if previous is not None:
        shown = keep_numbers(shown, previous, annotation)
    free = left_free(instances, annotation)
    count = max(int(instances.max(initial=0)), int(free.max(initial=0)))
    numbers = np.zeros(count + 1, np.int32)
    numbers[free[free > 0]] = shown[free > 0]
    hidden = np.flatnonzero(numbers[1:] == 0) + 1
    painted = np.unique(annotation[annotation > 0])
    numbers[hidden] = unused_numbers(np.append(numbers, painted), len(hidden))
    return Numbered(instances, numbers)


def _avoiding(numbers: Labels, painted: Labels) -> Labels:
    """Replace numbers that painted cells have by new ones."""
    clash = np.isin(numbers, painted)
    if not clash.any():
        return numbers
    result = numbers.copy()
    fresh = unused_numbers(np.append(numbers, painted), int(clash.sum()))
    result[clash] = fresh
    return result
