"""Meta-train the start for classes of cells: from a folder of tasks to a bundle."""

from __future__ import annotations

import math
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from napari_metaseg import __version__
from napari_metaseg.core.errors import UserError
from napari_metaseg.data.cell_kinds import draw_episode, pool_cells
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.io.class_bundle import load_class_bundle, save_class_bundle
from napari_metaseg.io.model_folder import check_model_folder
from napari_metaseg.learners.reptile_classes import train_reptile

from .run_card import ancestry, versions

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari_metaseg.data.cell_kinds import CellPool
    from napari_metaseg.data.folders import TaskFolder
    from napari_metaseg.learners.reptile_classes import MetaStep, ReptileSettings


def meta_train_classes(
    data: Path,
    output: Path,
    settings: ReptileSettings,
    *,
    start: Path | None = None,
    all_tasks: bool = False,
    command: str = "",
    overwrite: bool = False,
) -> Generator[MetaStep, None, Path]:
    """Meta-train by Reptile on kinds of cells, and write the bundle.

    Parameters
    ----------
    data : Path
        Folder of tasks.
    output : Path
        Folder of the bundle.
    settings : ReptileSettings
        All of them.
    start : Path, optional
        Folder of an earlier bundle that is trained further.
    all_tasks : bool
        Whether tasks are used whose licence does not let weights be distributed.
    command : str
        Command line, for the card.
    overwrite : bool
        Whether an existing bundle is replaced.

    Yields
    ------
    MetaStep

    Returns
    -------
    Path
        The bundle.

    Raises
    ------
    UserError
        If there is nothing to train on, or the bundle cannot be written.
    """
    _check(settings)
    check_model_folder(output, overwrite=overwrite)
    earlier = None if start is None else load_class_bundle(start)
    tasks = training_tasks(data, all_tasks=all_tasks)
    pools = pools_of(tasks)
    body = None if earlier is None else earlier.body
    net = yield from train_reptile(partial(draw_episode, pools), settings, body)
    used = {pool.task for pool in pools}
    card = _card(settings, [task for task in tasks if task.name in used], command)
    if earlier is not None:
        training = card["training"]
        training["parent"] = ancestry(earlier.card, training["tasks"])
    save_class_bundle(output, net, card, overwrite=overwrite)
    return output


def _check(settings: ReptileSettings) -> None:
    counts = asdict(settings)
    rates = {name: counts.pop(name) for name in ("inner_rate", "outer_rate")}
    at_least = dict.fromkeys(counts, 1) | {"seed": 0, "ways": 2}
    for name, count in counts.items():
        if count < at_least[name]:
            raise UserError(
                f"--{name.replace('_', '-')} is {count}; give {at_least[name]} or more."
            )
    for name, rate in rates.items():
        if not 0 <= rate < math.inf:
            raise UserError(
                f"--{name.replace('_', '-')} is {rate:g}; give 0 or more, finite."
            )


def training_tasks(data: Path, *, all_tasks: bool) -> list[TaskFolder]:
    """Read the tasks that may be trained on.

    Raises
    ------
    UserError
        If there are none.
    """
    tasks = read_tasks(data, measured=False)
    allowed = [task for task in tasks if all_tasks or task.info.distributable]
    if not allowed:
        raise UserError(
            f"No task in '{data}' says that weights trained on it may be distributed; "
            "add --all-tasks to train for yourself."
        )
    return allowed


def pools_of(tasks: list[TaskFolder]) -> list[CellPool]:
    """Cut out the cells of tasks.

    Raises
    ------
    UserError
        If no image has enough of them.
    """
    pools = pool_cells(tasks)
    if not pools:
        raise UserError("No image has enough cells for classes; use other tasks.")
    return pools


def _card(
    settings: ReptileSettings, tasks: list[TaskFolder], command: str
) -> dict[str, Any]:
    return {
        "name": "reptile-classes",
        "algorithm": "reptile",
        "version": __version__,
        "torch": torch.__version__,
        "versions": versions(),
        "training": {
            "command": command,
            "settings": asdict(settings),
            "tasks": [
                {
                    "task": task.name,
                    "source": task.info.source,
                    "licence": task.info.licence,
                    "weights_may_be_distributed": task.info.distributable,
                    "images": len(task.images),
                    "sha256": task.sha256,
                }
                for task in tasks
            ],
        },
    }
