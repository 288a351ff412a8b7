"""A proposal of which tasks to train on, and which to validate on."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .check import TaskRow


@dataclass(frozen=True, slots=True)
class Split:
    """Names of tasks.

    Attributes
    ----------
    training, validation : tuple of str
        Together all that have images; no image and no source is in both.
    note : str
        Why there is no validation, if there is none.
    """

    training: tuple[str, ...]
    validation: tuple[str, ...]
    note: str = ""


def split_tasks(
    rows: Sequence[TaskRow], *, share: float = 0.25, seed: int = 0
) -> Split:
    """Propose a split by task.

    Tasks of one source, and tasks that share an image, stay together, and so do those
    that are linked to each other through a third.

    Parameters
    ----------
    rows : sequence of TaskRow
        From `check_tasks` or `import_tasks`.
    share : float
        Share of the tasks wanted for validation, between 0 and 1.
    seed : int
        Another one draws another split.

    Returns
    -------
    Split

    Raises
    ------
    UserError
        If the share is out of range.
    """
    if not 0 < share < 1:
        raise UserError(f"A share of {share:g} is no split; give one between 0 and 1.")
    groups = _groups([row for row in rows if row.images])
    everything = tuple(sorted(name for group in groups for name in group))
    if len(groups) < 2:
        return Split(
            everything,
            (),
            "All tasks share their source or images, so that none can validate the "
            "others; add a task from elsewhere."
            if everything
            else "There are no tasks with images.",
        )
    wanted = max(1, round(share * len(everything)))
    order = np.random.default_rng(seed).permutation(len(groups))
    chosen: list[str] = []
    for i in order:
        if len(chosen) + len(groups[i]) <= wanted:
            chosen += groups[i]
    if not chosen:
        # Every group is larger than what is wanted: the smallest comes closest.
        chosen = list(groups[min(order, key=lambda i: len(groups[i]))])
    rest = sorted(set(everything) - set(chosen))
    if not rest:
        chosen = sorted(set(chosen) - set(groups[order[0]]))
        rest = sorted(groups[order[0]])
    return Split(tuple(rest), tuple(sorted(chosen)))


def _groups(rows: Sequence[TaskRow]) -> list[list[str]]:
    """Put together what shares a source or an image."""
    parent = list(range(len(rows)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[tuple[str, str], int] = {}
    for i, row in enumerate(rows):
        links = [("source", row.source), *(("image", h) for h in row.hashes)]
        for link in links:
            parent[root(i)] = root(first.setdefault(link, i))
    members: defaultdict[int, list[str]] = defaultdict(list)
    for i, row in enumerate(rows):
        members[root(i)].append(row.task)
    return sorted(sorted(group) for group in members.values())
