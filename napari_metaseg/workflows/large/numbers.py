"""The numbers that cells have in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_metaseg.core.linking import (
    Overlaps,
    find_overlaps,
    join_overlaps,
    link,
    successors,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .plan import Plan


class Cells(NamedTuple):
    """All cells of an image, by plane and within it by name.

    Attributes
    ----------
    plane : (N,) array of int64
        The plane of each.
    name : (N,) array of int64
        What it is called in its plane, see `core.stitch`.
    outline : (N,) array of float32
        Foreground probability at which it is outlined.
    number : (N,) array of int64
        Its number in the result; 0 for one that is left out.
    """

    plane: NDArray[np.int64]
    name: NDArray[np.int64]
    outline: NDArray[np.float32]
    number: NDArray[np.int64]

    def of_plane(self, plane: int) -> slice:
        """Return the rows of the cells of a plane."""
        start, stop = np.searchsorted(self.plane, [plane, plane + 1])
        return slice(int(start), int(stop))

    def rows_of(self, plane: int, names: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row of each pixel's cell; -1 where there is none."""
        here = self.of_plane(plane)
        rows = here.start + np.searchsorted(self.name[here], names)
        return np.where(names > 0, rows, -1)


def gather(tables: list[tuple[int, NDArray[np.int64], NDArray[np.float32]]]) -> Cells:
    """Gather what was found in all blocks.

    Parameters
    ----------
    tables : list of (plane, names, outlines)
        One a block; a cell may occur in several.

    Returns
    -------
    Cells
        Each once, without a number.
    """
    plane = np.concatenate([np.full(len(names), p) for p, names, _ in tables])
    name, outline = (np.concatenate([table[k] for table in tables]) for k in (1, 2))
    _, first = np.unique(np.stack([plane, name]), axis=1, return_index=True)
    return Cells(
        plane[first], name[first], outline[first], np.zeros(len(first), np.int64)
    )


def number_cells(
    cells: Cells,
    out: NDArray[np.bool_],
    plan: Plan,
    read: Callable[[int, int], NDArray[np.int64]],
) -> Cells:
    """Give cells numbers: linked through planes, or from 1 in each plane.

    Parameters
    ----------
    cells : Cells
        Without numbers.
    out : (N,) array of bool
        Those that are left out.
    plan : Plan
        Says how they are linked.
    read : callable
        Returns the rows of the cells in a block of a plane.
    """
    kept = np.where(out, -1, np.cumsum(~out) - 1)
    blocks = range(len(plan.blocks))

    def rows(plane: int, block: int) -> NDArray[np.int64]:
        return np.append(kept, -1)[read(plane, block)]

    def overlaps(axis: str) -> Overlaps | None:
        if axis not in plan.link:
            return None
        source = plan.source
        pairs = successors(source.label_axes[:-2], source.label_shape[:-2], axis)
        return join_overlaps(
            [find_overlaps(rows(a, k), rows(b, k)) for a, b in pairs for k in blocks]
        )

    numbers = np.zeros(len(out), np.int64)
    if plan.settings.region:
        numbers[~out] = 1
    elif plan.link:
        area = np.zeros(int((~out).sum()), np.int64)
        for plane in range(plan.source.count):
            for block in blocks:
                found = rows(plane, block)
                area += np.bincount(found[found >= 0], minlength=len(area))
        numbers[~out] = link(area, overlaps("Z"), overlaps("T"))
    else:
        starts = np.searchsorted(cells.plane[~out], cells.plane[~out])
        numbers[~out] = np.arange(len(starts)) - starts + 1
    return cells._replace(number=numbers)
