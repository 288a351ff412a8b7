"""What a person does in the panel, said in one word each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from napari.components import ViewerModel

from napari_metaseg.gui.adapt_panel import AdaptPanel

if TYPE_CHECKING:
    from napari.layers import Labels

Open: TypeAlias = Callable[[ViewerModel], AdaptPanel]
Settle: TypeAlias = Callable[[AdaptPanel], None]


def annotation_of(panel: AdaptPanel) -> Labels:
    """Return the layer that is painted on."""
    assert panel.desk.annotation is not None
    return panel.desk.annotation


def paint_cell(panel: AdaptPanel, y: int = 8, x: int = 8) -> None:
    """Paint one of the blobs with the brush as it is loaded."""
    layer = annotation_of(panel)
    rows, columns = np.mgrid[y : y + 10, x : x + 10]
    layer.data_setitem((rows.ravel(), columns.ravel()), layer.selected_label)


def adapt(panel: AdaptPanel, settle: Settle) -> None:
    """Press Adapt, and wait."""
    settle(panel)
    panel.view.adapt.click()
    settle(panel)


def cells_of(viewer: ViewerModel) -> Labels:
    """Return the layer that shows the cells."""
    return viewer.layers["plate cells"]
