"""Which parts of an image the network has to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from napari_metaseg.core.axes import Planes

    from .segmenter import Labels

Rectangle: TypeAlias = tuple[int, int, int, int]
"""First row, row after the last, first column, column after the last (px)."""

Wanted: TypeAlias = dict[int, NDArray[np.bool_] | None]
"""By plane: which of its pixels are wanted, None for all."""


def parts_to_draw(
    planes: Planes,
    known: Sequence[Labels],
    wanted: Collection[int] | None,
    part: Rectangle | None,
) -> Wanted | None:
    """Say what is drawn: what is wanted, and what will be judged.

    Parameters
    ----------
    planes : Planes
        The image.
    known : sequence of array of int32
        Annotations: wherever something is painted is judged.
    wanted : collection of int or None
        Planes; None for all.
    part : Rectangle or None
        Which part of these planes; None for all of it.

    Returns
    -------
    Wanted or None
        None for everything. Of a plane that is drawn at all, all is drawn unless
        there is a part.
    """
    if wanted is None and part is None:
        return None
    parts: Wanted = {}
    marked = [planes.split(labels) for labels in known]
    for index in range(len(marked[0])):
        chosen = wanted is None or index in wanted
        mask = np.any([labels[index] != 0 for labels in marked], axis=0)
        if chosen and part is not None:
            top, bottom, left, right = part
            mask[top:bottom, left:right] = True
        if chosen or mask.any():
            parts[index] = None if part is None else mask
    return parts
