"""Live previews: a part of the cells shown is drawn anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .layers import update_cells

if TYPE_CHECKING:
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_metaseg.workflows.results import Region


def show_region(layer: Labels, region: Region) -> None:
    """Show other instances in a part of the image, see `update_cells`."""
    shown = layer.data[region.place]
    changed = np.nonzero(shown != region.labels)
    if len(changed[0]):
        update_cells(layer, _pixels(region, changed), region.labels[changed])


def _pixels(
    region: Region, inside: tuple[NDArray[np.intp], ...]
) -> tuple[NDArray[np.intp], ...]:
    """Find pixels of the region in the whole array, one index array an axis."""
    axes = iter(inside)
    return tuple(
        part.start + next(axes)
        if isinstance(part, slice)
        else np.full_like(inside[0], part)
        for part in region.place
    )
