"""Live previews: a part of the cells shown is drawn anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .layers import update_cells

if TYPE_CHECKING:
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_metaseg.workflows.results import Part


def show_part(layer: Labels, part: Part) -> None:
    """Show other instances in a part of the image, see `update_cells`."""
    shown = layer.data[part.place]
    changed = np.nonzero(shown != part.labels)
    if len(changed[0]):
        update_cells(layer, _pixels(part, changed), part.labels[changed])


def _pixels(
    part: Part, inside: tuple[NDArray[np.intp], ...]
) -> tuple[NDArray[np.intp], ...]:
    """Find pixels of the part in the whole array, one index array an axis."""
    axes = iter(inside)
    return tuple(
        index.start + next(axes)
        if isinstance(index, slice)
        else np.full_like(inside[0], index)
        for index in part.place
    )
