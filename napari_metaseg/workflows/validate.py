"""Honest selection: scores on tasks that a run is never trained on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from napari_metaseg.core.errors import UserError
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.io.files import atomic_file

from .benchmark.draws import CELLS_ONLY, Draw, make_draw
from .benchmark.methods.adaptation import run_adapt
from .benchmark.picture import FOUND, outlined, strip
from .benchmark.scores import mean_scores, score
from .run_state import Validation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_metaseg.data.folders import TaskFolder

    from .benchmark.draws import Labels
    from .run_settings import ValidationSettings

CELLS = 3
"""Painted cells."""

IMAGES = 3
"""Images of a task that are scored, at most."""

SEED = 0


def validation_draws(
    settings: ValidationSettings, trained: Sequence[TaskFolder]
) -> list[Draw]:
    """Choose the cells that are painted on each validation task, always the same.

    Parameters
    ----------
    settings : ValidationSettings
        Which tasks.
    trained : sequence of TaskFolder
        What the run is trained on.

    Returns
    -------
    list of Draw

    Raises
    ------
    UserError
        If a task is trained on, by its name or by one of its images, or if it cannot
        be scored.
    """
    names = {task.name.casefold() for task in trained}
    images = {image: task.name for task in trained for image, _ in task.hashes}
    draws = []
    for task in read_tasks(Path(settings.data), settings.tasks):
        if task.name.casefold() in names:
            raise UserError(
                f"The validation task '{task.name}' is trained on, too; name other "
                "tasks with --tasks or --validation-tasks."
            )
        shared = [images[image] for image, _ in task.hashes if image in images]
        if shared:
            raise UserError(
                f"The validation task '{task.name}' has an image of '{shared[0]}', "
                "which is trained on; leave one of them out."
            )
        if not task.info.complete:
            raise UserError(
                f"Not every object of the validation task '{task.name}' is annotated, "
                "so it cannot be scored; leave it out with --validation-tasks."
            )
        draw = make_draw(task, CELLS, 0, SEED)
        if draw is None:
            raise UserError(
                f"The validation task '{task.name}' has no whole cell to paint; leave "
                "it out with --validation-tasks."
            )
        draws.append(draw)
    return draws


def evaluate(
    draw: Draw, init: Path, device: str, step: int, gallery: Path
) -> Validation:
    """Adapt an initialization to three cells of a task, and score other images.

    The adapted result counts even where a person would be shown the one before it, to
    do no harm.

    Parameters
    ----------
    draw : Draw
        What is painted.
    init : Path
        The bundle.
    device : str
        See `napari_metaseg.core.devices.pick_device`.
    step : int
        Meta-steps done.
    gallery : Path
        Folder of the task's picture, which is replaced.

    Raises
    ------
    UserError
        If adaptation refuses the painted image.
    """
    start = time.perf_counter()
    painted = draw.painted(CELLS_ONLY, IMAGES)
    try:
        fitted = run_adapt(init, painted, device)
    except UserError as error:
        raise UserError(
            f"The validation task '{draw.task.name}' cannot be learned from: {error}"
        ) from error
    results = [
        [_found(fitted.before, draw, i), _found(fitted.after, draw, i)]
        for i in painted.scored
    ]
    before, after = (
        mean_scores(
            [
                score(draw.task.masks[i], pair[n], painted.on(i))
                for i, pair in zip(painted.scored, results, strict=True)
            ]
        ).ap50
        for n in (0, 1)
    )
    _picture(gallery / f"{draw.task.name}.png", draw, results[0])
    seconds = round(time.perf_counter() - start, 3)
    return Validation(step, draw.task.name, before, after, seconds)


def _found(
    segment: Callable[[NDArray[np.generic]], Labels], draw: Draw, index: int
) -> Labels:
    """Segment an image; in one that is refused nothing is found."""
    image = draw.task.images[index]
    try:
        return segment(image)
    except UserError:
        return np.zeros(image.shape[:2], np.int32)


def _picture(path: Path, draw: Draw, found: Sequence[Labels]) -> None:
    image = draw.task.images[draw.others[0]]
    nothing = np.zeros_like(found[0])
    panels = [outlined(image, labels, FOUND) for labels in (nothing, *found)]
    path.parent.mkdir(exist_ok=True)
    with atomic_file(path, overwrite=True) as file:
        Image.fromarray(strip(panels)).save(file, format="PNG", optimize=True)
