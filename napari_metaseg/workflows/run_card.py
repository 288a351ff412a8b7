"""The card of a meta-training run: what went into its bundle."""

from __future__ import annotations

import platform
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_metaseg import __version__
from napari_metaseg.core.intensity import HIGH, LOW
from napari_metaseg.core.scaling import WORKING_DIAMETER
from napari_metaseg.data.stream import PROCEDURAL

if TYPE_CHECKING:
    from napari_metaseg.core.network import Architecture
    from napari_metaseg.data.folders import TaskFolder
    from napari_metaseg.io.bundle import Bundle

    from .drawer import Drawer
    from .run_settings import RunSettings
    from .run_state import Validation


def make_card(
    settings: RunSettings,
    architecture: Architecture,
    parent: Bundle | None,
    drawer: Drawer | None,
    tasks: list[TaskFolder],
    command: str,
    metrics: dict[str, Any],
) -> dict[str, Any]:
    """Describe a run, but for its recipe.

    Parameters
    ----------
    settings : RunSettings
        Settings of the run.
    architecture : Architecture
        The network.
    parent : Bundle or None
        What the run started from.
    drawer : Drawer or None
        What draws before adaptation, if not the trained network.
    tasks : list of TaskFolder
        What it trains on.
    command : str
        Command line.
    metrics : dict
        ``validation`` of `validation_card`, and learning curves; any may be missing.

    Returns
    -------
    dict
        Card without recipe.
    """
    known = asdict(settings) | {"data": Path(settings.data).name}
    rows = _provenance(tasks, settings.procedural_share)
    if settings.validation is not None:
        known["validation"]["data"] = Path(settings.validation.data).name
    if parent is not None:
        known["init"] = parent.card.get("name")
    if settings.unadapted is not None:
        known["unadapted"] = Path(settings.unadapted).name
    return {
        "name": settings.outer.algorithm,
        "algorithm": settings.outer.algorithm,
        "version": __version__,
        "torch": torch.__version__,
        "versions": versions(),
        "architecture": architecture.as_dict(),
        "working_diameter": WORKING_DIAMETER,
        "normalisation": {"low_percentile": LOW, "high_percentile": HIGH},
        "training": {
            "command": command,
            "settings": known,
            "tasks": rows,
            "parent": None if parent is None else ancestry(parent.card, rows),
            "unadapted": None if drawer is None else ancestry(drawer.card, rows),
        },
        "metrics": metrics,
    }


def versions() -> dict[str, str]:
    """Name the versions of all that a run's numbers depend on."""
    return {
        "napari-metaseg": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
    }


def validation_card(
    scores: list[Validation],
    tasks: list[TaskFolder],
    trained_before: set[str],
) -> dict[str, Any]:
    """Sum up the last complete evaluation of a run.

    Parameters
    ----------
    scores : list of Validation
        All that were made.
    tasks : list of TaskFolder
        The validation tasks.
    trained_before : set of str
        Names of tasks that the networks it came from were trained on.

    Returns
    -------
    dict
        ``step``, ``tasks``, ``mean_before``, ``mean_after`` and ``warnings``, a list of
        sentences; empty if there is no complete evaluation.
    """
    hashes = {task.name: task.sha256 for task in tasks}
    steps = {s.step for s in scores}
    complete = {
        n for n in steps if hashes.keys() <= {s.task for s in scores if s.step == n}
    }
    if not hashes or not complete:
        return {}
    last = [s for s in scores if s.step == max(complete)]
    before = float(np.mean([s.before for s in last]))
    after = float(np.mean([s.after for s in last]))
    warnings = []
    if after <= before:
        warnings.append(
            "Adaptation does not help on the validation tasks: mean AP@0.5 is "
            f"{before:.3f} before and {after:.3f} after it."
        )
    if seen := sorted(set(hashes) & trained_before):
        warnings.append(
            f"A network that it came from was trained on tasks named "
            f"{', '.join(seen)}: scores on them may flatter."
        )
    return {
        "step": max(complete),
        "tasks": [
            {
                "task": s.task,
                "ap50_before": s.before,
                "ap50_after": s.after,
                "sha256": hashes[s.task],
            }
            for s in last
        ],
        "mean_before": before,
        "mean_after": after,
        "warnings": warnings,
    }


def card_warnings(card: dict[str, Any]) -> list[str]:
    """Return what a card warns of: that adaptation does not help, for example."""
    match card.get("metrics"):
        case {"validation": {"warnings": list(warnings)}}:
            return [str(warning) for warning in warnings]
    return []


def ancestors_tasks(card: dict[str, Any] | None) -> set[str]:
    """Name the tasks that a bundle, and those it came from, were trained on.

    An ancestor that names none was trained on those of the run that came from it.
    """
    names: set[str] = set()
    while isinstance(card, dict) and isinstance(card.get("training"), dict):
        names |= {str(t.get("task")) for t in card["training"].get("tasks", ())}
        card = card["training"].get("parent")
    return names - {PROCEDURAL.source}


def ancestry(parent: dict[str, Any], tasks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what a card says of a network that its own came from.

    Parameters
    ----------
    parent : dict
        Card of that network.
    tasks : list of dict
        What its own was trained on; it is not listed again.
    """
    told = {k: parent.get(k) for k in ("algorithm", "sha256")}
    return told | {"training": _not_repeated(parent.get("training"), tasks)}


def _not_repeated(training: Any, tasks: list[dict[str, Any]]) -> Any:
    """Return what an ancestor's card says, without its tasks if they are these again.

    Parameters
    ----------
    training : dict
        How it was trained, and its own ancestors.
    tasks : list of dict
        What the run that came from it was trained on.
    """
    if not isinstance(training, dict):
        return training
    kept, own = dict(training), training.get("tasks", tasks)
    if own == tasks:
        kept.pop("tasks", None)
    if isinstance(earlier := kept.get("parent"), dict):
        told = _not_repeated(earlier.get("training"), own)
        kept["parent"] = earlier | {"training": told}
    return kept


def _provenance(tasks: list[TaskFolder], procedural: float) -> list[dict[str, Any]]:
    rows = [
        {
            "task": t.name,
            "source": t.info.source,
            "licence": t.info.licence,
            "images": len(t.images),
            "sha256": t.sha256,
        }
        for t in tasks
    ]
    if procedural:
        rows.append(
            {
                "task": "procedural",
                "source": "generated by napari-metaseg",
                "licence": PROCEDURAL.licence,
            }
        )
    return rows
