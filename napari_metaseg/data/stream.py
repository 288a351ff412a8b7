"""An endless stream of episodes, each addressable by number."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.objects import object_diameters

from .episodes import Episode, EpisodeSettings, draw_episode
from .folders import TaskFolder, TaskInfo
from .procedural import procedural_task
from .sections import section_task
from .slides import slide_task
from .thick import thick_task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .pictures import Picture

NUCLEI_SHARE = 1 / 3
"""Largest share of real episodes that show nuclei."""


class Draw(Protocol):
    """Draws one procedural task and images of it, see `procedural.procedural_task`."""

    def __call__(
        self,
        rng: np.random.Generator,
        *,
        n_images: int,
        size: int,
        diameter: float = 24.0,
    ) -> list[Picture]:
        """Return images with their masks."""
        ...


SCENES: dict[Draw, float] = {
    procedural_task: 0.35,
    section_task: 0.3,
    slide_task: 0.15,
    thick_task: 0.2,
}
"""What procedural tasks show, and the share of each."""

PROCEDURAL = TaskInfo(source="procedural", licence="CC0-1.0", distributable=True)


MOST_DRAWS = 200
"""Images that are drawn for one episode before the data are given up."""


@dataclass(frozen=True)
class EpisodeStream:
    """Real and procedural tasks, sampled by source rather than by folder.

    Attributes
    ----------
    tasks : sequence of TaskFolder
        Real tasks; may be empty if ``procedural_share`` is 1.
    seed : int
        Together with step and index it fixes an episode.
    procedural_share : float
        Share of procedural episodes.
    settings : EpisodeSettings
        How episodes are drawn.
    """

    tasks: Sequence[TaskFolder]
    seed: int = 0
    procedural_share: float = 0.35
    settings: EpisodeSettings = field(default_factory=EpisodeSettings)

    def __post_init__(self) -> None:
        """Check that there is something to draw from."""
        if not self.tasks and self.procedural_share < 1:
            raise UserError("There are no tasks to train on; name a folder of tasks.")
        empty = [task.name for task in self.tasks if not any(task.diameters)]
        if empty:
            raise UserError(
                f"The task '{empty[0]}' has no objects in its masks; leave it out with "
                "--tasks, or give it masks with a number for each object."
            )

    def episode(self, step: int, index: int) -> Episode:
        """Return the episode of this number; the same number, the same episode.

        Parameters
        ----------
        step : int
            Number of the meta-step.
        index : int
            Number within the meta-step.
        """
        rng = np.random.default_rng([self.seed, step, index])
        for _ in range(MOST_DRAWS):
            episode = draw_episode(self._draw_task(rng), rng, self.settings)
            if episode is not None:
                return episode
        raise UserError(
            f"None of {MOST_DRAWS} images drawn has a cell to paint; look at the tasks "
            "with 'napari-metaseg tasks'."
        )

    def _draw_task(self, rng: np.random.Generator) -> TaskFolder:
        if rng.random() < self.procedural_share:
            return draw_procedural(rng)
        weights = source_weights(self.tasks)
        return self.tasks[int(rng.choice(len(self.tasks), p=weights))]


def source_weights(tasks: Sequence[TaskFolder]) -> np.ndarray:
    """Chance of each task: sources alike, tasks of one source sharing its chance.

    Sources that show nuclei together get at most `NUCLEI_SHARE`, where there are
    others.

    Parameters
    ----------
    tasks : sequence of TaskFolder
        Tasks with their sources.

    Returns
    -------
    (n,) array of float
        Sums to 1.
    """
    members: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for i, task in enumerate(tasks):
        members[task.info.source, task.info.nuclei].append(i)
    weights = np.zeros(len(tasks))
    for (_, nuclei), rows in members.items():
        groups = sum(n == nuclei for _, n in members)
        both = len({n for _, n in members}) == 2
        share = (NUCLEI_SHARE if nuclei else 1 - NUCLEI_SHARE) if both else 1.0
        weights[rows] = share / groups / len(rows)
    return weights


def draw_procedural(rng: np.random.Generator) -> TaskFolder:
    """Draw a procedural task of three images."""
    draw = list(SCENES)[rng.choice(len(SCENES), p=list(SCENES.values()))]
    pairs = draw(
        rng, n_images=3, size=176, diameter=24.0 * float(np.exp(rng.normal(0, 0.15)))
    )
    return TaskFolder(
        "procedural",
        tuple(image for image, _ in pairs),
        tuple(masks for _, masks in pairs),
        tuple(object_diameters(masks) for _, masks in pairs),
        PROCEDURAL,
    )
