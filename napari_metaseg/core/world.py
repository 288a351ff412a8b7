"""The rest of the world: places spread over an image, whatever lies there.

Crops around painted cells tell what is near them. What a pixel classifier has to tell
cells from lies anywhere in the image, other cells included; nobody owns these pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WINDOWS = 8
"""Places that are looked at, over all planes on which something is painted."""

_STEPS = 0.7548776662466927, 0.5698402909980532
"""Share of the sides from each place to the next: 1 / p and 1 / p^2 of the plastic
number p, with which any number of places are spread evenly (Roberts, 2018)."""


def spread(
    shapes: Sequence[tuple[int, int]], side: int, number: int = WINDOWS
) -> list[tuple[int, int, int]]:
    """Choose places spread evenly over planes, always the same.

    Parameters
    ----------
    shapes : sequence of (int, int)
        Height and width (px) of each plane, `side` at least.
    side : int
        Side (px) of a place.
    number : int
        How many.

    Returns
    -------
    list of (int, int, int)
        Plane, first row and first column of each; they may overlap.
    """
    places = []
    for k in range(number):
        plane = k % len(shapes)
        y, x = (
            int((0.5 + (k + 1) * step) % 1.0 * (n - side + 1))
            for step, n in zip(_STEPS, shapes[plane], strict=True)
        )
        places.append((plane, y, x))
    return places
