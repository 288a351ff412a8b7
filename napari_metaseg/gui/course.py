"""How a round went, step by step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_metaseg.workflows.results import Progress


@dataclass(frozen=True, slots=True)
class Point:
    """One step of the inner loop.

    Attributes
    ----------
    loss : float or None
        Support loss before the step.
    own_iou : float or None
        Own-cell IoU after it, in the part that was previewed.
    """

    loss: float | None
    own_iou: float | None


@dataclass
class Course:
    """The steps of a run so far."""

    points: list[Point] = field(default_factory=list)

    def note(self, progress: Progress) -> Progress:
        """Take down what is told of a step; a run that begins again starts anew."""
        if progress.stage == "prepare":
            self.points = []
        own = None if progress.part is None else progress.part.own_iou
        if own is not None or progress.loss is not None:
            self.points.append(Point(progress.loss, own))
        return progress
