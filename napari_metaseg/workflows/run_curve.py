"""The learning curve of a meta-training run, short enough for its card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_metaseg.io.bundle import Bundle

MOST = 20
"""Points of a curve at most."""

LOSS = "query_"
"""How the names of the losses begin that a curve shows."""


def learning_curve(lines: Sequence[dict[str, Any]]) -> list[dict[str, float]]:
    """Average the query losses of a run over equal stretches of meta-steps.

    Parameters
    ----------
    lines : sequence of dict
        Metrics of each meta-step, see `napari_metaseg.workflows.run_state.read_log`.

    Returns
    -------
    list of dict
        ``meta_steps``, the last one of each stretch, and the means of the losses that
        were logged along it; `MOST` at most.
    """
    curve = []
    for part in np.array_split(np.arange(len(lines)), min(MOST, len(lines)) or 1):
        stretch = [lines[i] for i in part]
        names = sorted({k for line in stretch for k in line if k.startswith(LOSS)})
        means = {
            name: round(float(np.mean([x[name] for x in stretch if name in x])), 3)
            for name in names
        }
        if means:
            curve.append({"meta_steps": stretch[-1]["step"]} | means)
    return curve


def curves(
    lines: Sequence[dict[str, Any]], parent: Bundle | None
) -> dict[str, list[Any]]:
    """Return the curve of a run, and of the one it started from, by their names.

    Parameters
    ----------
    lines : sequence of dict
        See `learning_curve`.
    parent : Bundle or None
        What the run started from; its card may hold a curve.
    """
    metrics = None if parent is None else parent.card.get("metrics")
    earlier = metrics.get("curve") if isinstance(metrics, dict) else None
    found = {"curve": learning_curve(lines), "curve_of_parent": earlier}
    return {name: curve for name, curve in found.items() if curve}
