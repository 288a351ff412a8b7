"""In which parts of a plane its painted cells are judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from napari_metaseg.core.annotation import separate_parts
from napari_metaseg.core.windows import apart, grown, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_metaseg.core.windows import Shape, Window

AT_ONCE = 1024 * 1024
"""Pixels (at working scale) up to which a plane is drawn and judged as a whole."""

AROUND = 4
"""How much around painted cells is looked at, in their diameters."""


def judged_in(
    annotations: Sequence[NDArray[np.int32]],
    working: Shape,
    working_diameter: float,
    at_once: int | None = None,
) -> list[Window]:
    """Return where the cells that are painted on a plane are judged.

    Parameters
    ----------
    annotations : sequence of (Y, X) arrays of int32
        What is painted on it, and what is held out.
    working : (int, int)
        Its shape at working scale.
    working_diameter : float
        Object size (px) there.
    at_once : int, optional
        A plane of up to so many px (at working scale) is judged as a whole; by default
        `AT_ONCE`.

    Returns
    -------
    list of Window
        At image scale: all of the plane; of a large one what is around its cells, each
        of which lies within one window, and no two of these share a pixel.
    """
    shape = annotations[0].shape[0], annotations[0].shape[1]
    most = AT_ONCE if at_once is None else at_once
    if working[0] * working[1] <= most:
        return [whole(shape)]
    reach = round(AROUND * working_diameter * shape[0] / working[0])
    return apart(
        grown((rows, columns), reach, shape)
        for labels in annotations
        for rows, columns in ndi.find_objects(np.maximum(separate_parts(labels), 0))
    )
