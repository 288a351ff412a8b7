"""Scores of classes that were found against those that are true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ClassScores:
    """How well classes were found.

    Attributes
    ----------
    balanced : float
        Balanced accuracy: the mean over classes of the share that was found.
    f1 : float
        Macro-F1: the mean over classes of the harmonic mean of precision and recall.
    kappa : float
        Quadratic weighted kappa (Cohen 1968), for classes in order; 0 by chance.
    """

    balanced: float
    f1: float
    kappa: float


def score_classes(
    true: NDArray[np.integer], found: NDArray[np.integer], count: int
) -> ClassScores:
    """Score classes.

    Parameters
    ----------
    true, found : (N,) array of int
        Classes from 0; all of them are among the true ones.
    count : int
        How many there are.
    """
    table = np.zeros((count, count))
    np.add.at(table, (true, found), 1)
    hits, truly, said = table.diagonal(), table.sum(1), table.sum(0)
    away = np.subtract.outer(np.arange(count), np.arange(count)) ** 2
    chance = np.outer(truly, said) / table.sum()
    expected = float((away * chance).sum())
    # Without any spread there is nothing to agree on.
    kappa = 1 - float((away * table).sum()) / expected if expected else 0.0
    return ClassScores(
        float(np.mean(hits / truly)), float(np.mean(2 * hits / (truly + said))), kappa
    )
