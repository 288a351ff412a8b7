"""Methods whose results are known beforehand."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_metaseg.data.folders import TaskFolder
    from napari_metaseg.workflows.benchmark import Curve, Row
    from napari_metaseg.workflows.benchmark.draws import Painted


@dataclass
class Oracle:
    """Finds nothing before, and after it the true objects but the first ``misses``."""

    name: str = "oracle"
    fingerprint: str = "one"
    origin: str = "oracle"
    starts: tuple[str, ...] = ("scratch",)
    misses: int = 0
    reverts: bool = False
    fits: list[Painted] = field(default_factory=list)
    starts_seen: list[bool] = field(default_factory=list)

    def fit(self, painted: Painted, *, previous: object = None) -> Answer:
        self.fits.append(painted)
        self.starts_seen.append(previous is not None)
        return Answer(painted.task, self.misses, self.reverts)


@dataclass
class Doomed(Oracle):
    """Ends the process that asks it."""

    name: str = "doomed"

    def fit(self, painted: Painted, *, previous: object = None) -> Answer:
        os._exit(1)


@dataclass
class Proud(Oracle):
    """Must not be asked."""

    def fit(self, painted: Painted, *, previous: object = None) -> Answer:
        raise AssertionError(painted)


@dataclass
class Answer:
    """What the oracle says."""

    task: TaskFolder
    misses: int
    reverted: bool
    seconds: float = 2.0

    def truth(self, image: np.ndarray) -> np.ndarray:
        images = self.task.images
        return self.task.masks[next(i for i, x in enumerate(images) if x is image)]

    def before(self, image: np.ndarray) -> np.ndarray:
        return np.zeros_like(self.truth(image))

    def after(self, image: np.ndarray) -> np.ndarray:
        masks = self.truth(image)
        numbers = np.unique(masks[masks > 0])
        return np.where(np.isin(masks, numbers[: self.misses]), 0, masks)


class Student:
    """Finds exactly the objects that were painted, and on other images their share."""

    name = fingerprint = origin = "student"
    starts = ("scratch", "warm")

    def fit(self, painted: Painted, *, previous: object = None) -> Memory:
        return Memory(painted)


@dataclass
class Memory:
    painted: Painted
    seconds: float = 0.0
    reverted: bool = False

    def before(self, image: np.ndarray) -> None:
        return None

    def after(self, image: np.ndarray) -> np.ndarray:
        task = self.painted.task
        index = next(i for i, x in enumerate(task.images) if x is image)
        masks = task.masks[index]
        count = self.painted.n_cells
        known = self.painted.on(index)
        if known is None:
            return np.where(masks <= count, masks, 0)
        return np.where(known > 0, known, 0)


def timeless(rows: Iterable[Row | Curve]) -> list[dict[str, object]]:
    """Return what does not depend on the machine."""
    lines = [r.as_dict() for r in rows]
    for line in lines:
        for name in ("adapt_seconds", "segment_seconds", "memory"):
            line.pop(name, None)
    return lines
