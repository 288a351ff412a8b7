"""The recipe of this project on the episodes of another protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.core.annotation import LEAST_AREA, MOST_OF_IMAGE
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.metrics import mask_iou
from napari_metaseg.core.objects import object_diameters
from napari_metaseg.data.painter import choose_cells
from napari_metaseg.workflows.adapt import adapt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .cell_lines import CellLine

CELLS = 3
"""Whole cells painted on each support image."""


def paint(masks: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.int32]:
    """Paint `CELLS` cells, whole ones if there are any, else the largest.

    Of a crop that shows only slivers of cells, or a single one that fills it, nothing
    is painted: adaptation takes neither.
    """
    diameters = object_diameters(masks)
    chosen = choose_cells(masks, diameters, rng, number=CELLS)
    if not chosen:
        area = np.bincount(masks.ravel())
        fit = [
            k for k in diameters if LEAST_AREA <= area[k] <= MOST_OF_IMAGE * masks.size
        ]
        chosen = sorted(fit, key=lambda k: -diameters[k])[:CELLS]
    return np.where(np.isin(masks, chosen), masks, 0).astype(np.int32)


def our_scores(
    line: CellLine,
    support: Sequence[int],
    query: Sequence[int],
    init: str,
    device: str,
    seed: Sequence[int],
) -> tuple[float | None, float | None]:
    """Adapt to a few cells of the support images and score the foreground.

    Parameters
    ----------
    line : CellLine
        The task.
    support, query : sequence of int
        Indices of its images.
    init : str
        Name or folder of the initialization.
    device : str
        Where to compute.
    seed : sequence of int
        Fixes which cells are painted.

    Returns
    -------
    float or None, float or None
        IoU of the query images without and with adaptation; None if the cells of the
        crops are none that adaptation takes.
    """
    rng = np.random.default_rng(seed)
    try:
        model = adapt(
            [line.images[i] for i in support],
            [paint(line.masks[i], rng) for i in support],
            axes="YX",
            init=init,
            device=device,
        )
    except UserError:
        return None, None

    def score(adapted: bool) -> float:
        drawn = [
            model.segment(line.images[i], adapted=adapted, axes="YX") for i in query
        ]
        return mask_iou(np.stack(drawn) > 0, line.masks[list(query)] > 0)

    return score(False), score(True)
