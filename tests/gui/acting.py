"""What a person does in the panel, said in one word each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from napari.components import ViewerModel
from napari.utils._test_utils import read_only_mouse_event
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)

from napari_metaseg.gui.adapt_panel import AdaptPanel
from napari_metaseg.gui.rounds import Initialization

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Image, Labels
    from numpy.typing import NDArray
    from qtpy.QtWidgets import QTableWidget

    Place = tuple[float, ...]

Open: TypeAlias = Callable[[ViewerModel], AdaptPanel]
Settle: TypeAlias = Callable[[AdaptPanel], None]

MAML, IMAML = Initialization("maml", "MAML", ""), Initialization("imaml", "iMAML", "")
ZOOM = 8  # px of the canvas to a px of the image


def annotation_of(panel: AdaptPanel) -> Labels:
    """Return the layer that is painted on."""
    assert panel.desk.annotation is not None
    return panel.desk.annotation


def dock_panel(window: Viewer, settle: Settle) -> AdaptPanel:
    """Open the panel beside a real window's canvas."""
    panel = AdaptPanel(window)
    window.window.add_dock_widget(panel, name="MetaSeg", area="right")
    settle(panel)
    window.reset_view()
    return panel


def paint_cell(panel: AdaptPanel, y: int = 8, x: int = 8) -> None:
    """Paint one of the blobs with the brush as it is loaded."""
    layer = annotation_of(panel)
    rows, columns = np.mgrid[y : y + 10, x : x + 10]
    layer.data_setitem((rows.ravel(), columns.ravel()), layer.selected_label)


def paint_on(panel: AdaptPanel, settle: Settle, *images: Image) -> None:
    """Turn to images one after the other, and paint a cell on each."""
    for image in images:
        panel.view.source.choose_image(image)
        settle(panel)
        paint_cell(panel)


def adapt(panel: AdaptPanel, settle: Settle) -> None:
    """Press Adapt, and wait."""
    settle(panel)
    panel.view.adapt.click()
    settle(panel)


def cells_of(viewer: ViewerModel) -> Labels:
    """Return the layer that shows the cells."""
    return viewer.layers["plate cells"]


def table_of(panel: AdaptPanel) -> QTableWidget:
    return panel.rounds.table


def texts(panel: AdaptPanel) -> list[list[str]]:
    table = table_of(panel)
    rows, columns = range(table.rowCount()), range(table.columnCount())
    return [[table.item(row, column).text() for column in columns] for row in rows]


def go_to(panel: AdaptPanel, row: int, settle: Settle) -> None:
    table_of(panel).setCurrentCell(row, 0)
    settle(panel)


def drag(viewer: ViewerModel, *path: Place) -> None:
    """Press, move and release over pixels of the active layer."""
    layer = viewer.layers.selection.active

    def event(kind: str, place: Place) -> object:
        return read_only_mouse_event(
            type=kind,
            button=1,
            is_dragging=kind == "mouse_move",
            position=tuple(layer.data_to_world(place)),
            pos=ZOOM * np.array(place[-2:]),
        )

    mouse_press_callbacks(layer, event("mouse_press", path[0]))
    for place in path[1:]:
        mouse_move_callbacks(layer, event("mouse_move", place))
    mouse_release_callbacks(layer, event("mouse_release", path[-1]))


def labels_at(data: NDArray[np.int32], y: int, x: int) -> set[int]:
    """Return the values in the blob whose corner is (y, x)."""
    return set(np.unique(data[y : y + 10, x : x + 10]).tolist())
