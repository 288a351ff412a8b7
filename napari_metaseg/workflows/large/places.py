"""Where cells lie at image scale, from what was drawn and found at working scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.enlarge import enlarge
from napari_metaseg.core.windows import whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_metaseg.core.windows import Window

    from .numbers import Cells
    from .plan import Plan


@dataclass(frozen=True, slots=True)
class Places:
    """Looks cells up in the arrays of a job, a window at a time.

    Attributes
    ----------
    plan : Plan
        Image, segmenter and rules.
    maps : array of float16
        What the network drew: planes, foreground and cue, y, x.
    found : array of int64
        Names of the cells: planes, y, x.
    """

    plan: Plan
    maps: Any
    found: Any

    def rows(self, cells: Cells, plane: int, part: Window) -> NDArray[np.int64]:
        """Return the row of each pixel's cell at image scale, or -1."""
        plan = self.plan
        here = cells.of_plane(plane)

        def read(window: Window) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
            foreground = self.maps[(plane, 0, *window)].astype(np.float32)
            names = self.found[(plane, *window)]
            # In the plane, numbered from 1.
            return foreground, np.where(
                names > 0, np.searchsorted(cells.name[here], names) + 1, 0
            )

        outline = np.append(np.float32(0), cells.outline[here])
        numbers = enlarge(read, plan.working, plan.source.shape, part, outline)
        return np.where(numbers > 0, here.start + numbers - 1, -1)

    def at_border(self, cells: Cells) -> NDArray[np.int64]:
        """Return the rows of the cells that touch the border of a plane."""
        height, width = self.plan.source.shape
        everything = whole((height, width))
        sides = [
            (slice(0, 1), everything[1]),
            (slice(height - 1, height), everything[1]),
            (everything[0], slice(0, 1)),
            (everything[0], slice(width - 1, width)),
        ]
        planes = range(self.plan.source.count)
        found = [np.unique(self.rows(cells, p, side)) for p in planes for side in sides]
        rows = np.unique(np.concatenate(found))
        return rows[rows >= 0]
