"""Classes of cells: which class each cell has, and how likely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

MOST = 9
"""Classes at most: as many as there are keys for them."""

OVERLAP = 0.5
"""IoU from which on a cell is taken for one of an earlier result."""


@dataclass(frozen=True, slots=True)
class CellClass:
    """The class of one cell.

    Attributes
    ----------
    name : str
        Name of the class.
    probability : float
        How likely it is; 1 for an example.
    example : bool
        Whether a person gave it.
    """

    name: str
    probability: float
    example: bool = False


@dataclass(frozen=True, slots=True)
class Classes:
    """The class of every cell.

    Attributes
    ----------
    names : tuple of str
        Names of the classes.
    numbers : (N,) array of int
        Numbers of the cells, ascending.
    probabilities : (N, K) array of float32
        How likely each class is for each cell; 1 for an example's own.
    steps : int
        Fine-tuning steps that were taken.
    """

    names: tuple[str, ...]
    numbers: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    steps: int

    @property
    def chosen(self) -> NDArray[np.intp]:
        """The likeliest class of each cell, by its place in `names`."""
        return np.asarray(self.probabilities.argmax(1))

    @property
    def certainty(self) -> NDArray[np.float32]:
        """Probability of the likeliest class of each cell."""
        highest: NDArray[np.float32] = self.probabilities.max(1)
        return highest

    def by_number(self) -> dict[int, CellClass]:
        """Return the class of each cell, by its number."""
        rows = zip(self.numbers, self.chosen, self.certainty, strict=True)
        return {int(n): CellClass(self.names[k], float(p)) for n, k, p in rows}


def find_again(
    before: NDArray[np.integer], now: NDArray[np.integer], numbers: Collection[int]
) -> dict[int, int]:
    """Find cells of an earlier result again, whatever their numbers are now.

    Parameters
    ----------
    before, now : arrays of int, of one shape
        Instances, then and now.
    numbers : collection of int
        Which of the earlier ones are sought.

    Returns
    -------
    dict of int to int
        Earlier number of those that still exist, by the number of now: their IoU with
        one cell is more than `OVERLAP`, so that there is but one.
    """
    inside = np.isin(before, sorted(numbers))
    pairs, shared = np.unique(
        np.stack([before[inside], now[inside]]), axis=1, return_counts=True
    )
    olds, news = _areas(before), _areas(now)
    return {
        int(new): int(old)
        for (old, new), both in zip(pairs.T, shared, strict=True)
        if new > 0 and both > OVERLAP * (olds[old] + news[new] - both)
    }


def _areas(labels: NDArray[np.integer]) -> dict[int, int]:
    numbers, counts = np.unique(labels[labels > 0], return_counts=True)
    return dict(zip(numbers.tolist(), counts.tolist(), strict=True))
