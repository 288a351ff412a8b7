"""Checking found tasks before they are used: a row each, and what is left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.alignment import Shift, common_shift, mask_shift
from napari_metaseg.core.objects import object_diameters

from .found import Skipped
from .samples import Known, Sample, read_samples

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from .found import FoundTask

TINY = 4.0
"""Diameter (px) below which an object is more likely a slip of the mouse."""


@dataclass(frozen=True, slots=True)
class SourceProgress:
    """How far reading has come.

    Attributes
    ----------
    task : str
        Task that is being read.
    step, total : int
        Images read, of those of all tasks.
    message : str
        The same in words.
    """

    task: str
    step: int
    total: int
    message: str


@dataclass(frozen=True, slots=True)
class TaskRow:
    """What is known of a task once it has been read.

    Attributes
    ----------
    task, layout, source, licence : str
        As `FoundTask` has them.
    images, objects : int
        How many will be used.
    diameter : float or None
        Median diameter of the objects, px.
    problems : tuple of str
        What is odd about what will be used.
    skipped : tuple of Skipped
        What will not be used, and why.
    hashes : frozenset of str
        Hashes of the images, by which a split tells that two tasks share some.
    complete : bool
        Whether every object is annotated, as far as the masks themselves tell.
    """

    task: str
    layout: str
    source: str
    licence: str
    images: int
    objects: int
    diameter: float | None
    problems: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    hashes: frozenset[str] = field(default=frozenset(), repr=False)
    complete: bool = True


def check_tasks(
    tasks: Sequence[FoundTask],
) -> Generator[SourceProgress, None, list[TaskRow]]:
    """Read tasks without keeping or writing anything.

    Parameters
    ----------
    tasks : sequence of FoundTask
        From `find_tasks`.

    Yields
    ------
    SourceProgress
        After each image.

    Returns
    -------
    list of TaskRow
        One for each task. `import_tasks` of the same tasks uses and skips the same.
    """
    known, rows = Known(), []
    counter = StepCounter(tasks)
    for task in tasks:
        tally = Tally(task)
        for pair in task.pairs:
            for item in read_samples(task, pair, known):
                tally.add(item, known)
            yield counter.step(task)
        rows.append(tally.row())
    return rows


class StepCounter:
    """Counts images over all tasks."""

    def __init__(self, tasks: Iterable[FoundTask]) -> None:
        self.total = sum(len(task.pairs) for task in tasks)
        self.done = 0

    def step(self, task: FoundTask, count: int = 1) -> SourceProgress:
        """Count images of a task."""
        self.done += count
        message = f"{task.name}: {self.done} of {self.total} images"
        return SourceProgress(task.name, self.done, self.total, message)


class Tally:
    """Sums up one task while it is read."""

    def __init__(self, task: FoundTask) -> None:
        self.task = task
        self.skipped = list(task.skipped)
        self.diameters: list[float] = []
        self.hashes: list[str] = []
        self.shifts: list[Shift] = []
        self.odd: Counter[str] = Counter()
        self.strokes = False
        self.gray: list[int] = []

    def add(self, item: Any, known: Known) -> None:
        """Add a `Sample` or `Skipped`."""
        if isinstance(item, Skipped):
            self.skipped.append(item)
            return
        sample: Sample = item
        sizes = list(object_diameters(sample.masks).values())
        self.diameters += sizes
        self.shifts.append(
            mask_shift(sample.image, sample.masks, float(np.median(sizes)))
        )
        self.hashes.append(sample.image_hash)
        if sample.image.ndim == 2:
            self.gray.append(len(self.hashes) - 1)
        if sample.channels > 3:
            self.odd[f"of {sample.channels} channels the first three are used"] += 1
        if sample.strokes:
            self.strokes = True
            self.odd["background strokes: not every object is annotated"] += 1
        for other in sorted(known.shared(self.task.name, sample.image_hash)):
            self.odd[f"the same images as '{other}', with other masks"] += 1

    @property
    def gray_among_colours(self) -> list[int]:
        """Numbers of the gray images, if others are in colour."""
        return self.gray if len(self.gray) < len(self.hashes) else []

    @property
    def complete(self) -> bool:
        """Whether every object is annotated."""
        return self.task.complete and not self.strokes

    @property
    def diameter(self) -> float | None:
        """Median diameter, px."""
        return float(np.median(self.diameters)) if self.diameters else None

    def row(self) -> TaskRow:
        """Sum up."""
        return TaskRow(
            self.task.name,
            self.task.layout,
            self.task.source,
            self.task.licence,
            len(self.hashes),
            len(self.diameters),
            self.diameter,
            tuple(self._problems()),
            tuple(self.skipped),
            frozenset(self.hashes),
            self.complete,
        )

    def _problems(self) -> list[str]:
        tiny = sum(d < TINY for d in self.diameters)
        problems = [f"{text} ({n} images)" for text, n in self.odd.items()]
        if gray := len(self.gray_among_colours):
            problems.append(
                f"gray and colour images together: {gray} gray ones get three equal "
                "channels"
            )
        if (shift := common_shift(self.shifts)) is not None:
            problems.append(f"masks seem shifted by {_shift_words(shift)}")
        if tiny:
            problems.append(
                f"tiny objects: {tiny} of {len(self.diameters)} are below {TINY:g} px"
            )
        if len(self.hashes) == 1:
            problems.append("one image: what is learned on it is scored on it, too")
        if not self.hashes:
            problems.append("nothing to use")
        return problems


def _shift_words(shift: Shift) -> str:
    ways = (shift.y, "down", "up"), (shift.x, "right", "left")
    return ", ".join(f"{abs(n)} px {a if n > 0 else b}" for n, a, b in ways if n)
