"""What was rejected: struck pieces shaped like cells, told from strokes of a brush.

A false cell that is rejected is background from edge to edge, looks much like a cell,
and was chosen because the network errs there. It is no fair sample of what is not a
cell. A stroke of the brush, or a finished region, was laid where a person saw
background, and is one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from .scaling import WORKING_DIAMETER

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH = 0.4 * WORKING_DIAMETER
"""Width (px at working scale: of the largest disk inside) from which on a struck piece
is no line."""

AREA = 4 * math.pi * (WORKING_DIAMETER / 2) ** 2
"""Area (px at working scale) of four cells, beyond which a struck piece is a region."""


def rejected_objects(annotation: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Find the struck pieces that are shaped like cells.

    Parameters
    ----------
    annotation : (Y, X) array of int
        At working scale; -1 = background stroke.

    Returns
    -------
    (Y, X) array of bool
    """
    pieces, _ = ndi.label(annotation < 0, np.ones((3, 3)))
    rejected = np.zeros(annotation.shape, bool)
    for piece, box in enumerate(ndi.find_objects(pieces), start=1):
        own = pieces[box] == piece
        radius = ndi.distance_transform_edt(np.pad(own, 1)).max()
        if 2 * radius >= WIDTH and np.count_nonzero(own) <= AREA:
            rejected[box] |= own
    return rejected
