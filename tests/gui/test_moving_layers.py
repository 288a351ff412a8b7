"""Layers are reordered, duplicated and moved from one viewer to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer

from .acting import adapt, annotation_of, cells_of, paint_cell

if TYPE_CHECKING:
    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_metaseg.gui.adapt_panel import AdaptPanel

    from .acting import Open, Settle
    from .conftest import Engine


@pytest.fixture
def panel(viewer: ViewerModel, image: Image, open_panel: Open) -> AdaptPanel:
    return open_panel(viewer)


def names(viewer: ViewerModel) -> list[str]:
    return [layer.name for layer in viewer.layers]


def test_layers_stay_where_a_person_puts_them(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    paint_cell(panel)
    adapt(panel, settle)
    viewer.layers.move(viewer.layers.index("plate cells"), 3)
    viewer.layers.move(viewer.layers.index("plate"), 3)
    order = names(viewer)
    assert order == ["plate annotation", "plate cells", "plate"]

    panel.next_cell()
    paint_cell(panel, 40, 40)
    adapt(panel, settle)

    assert names(viewer) == order
    assert cells_of(viewer).data[40, 40] == 2


def test_duplicates_are_left_alone(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle, engine: Engine
) -> None:
    paint_cell(panel)
    adapt(panel, settle)
    copies = [
        Layer.create(*layer.as_layer_data_tuple())
        for layer in (cells_of(viewer), annotation_of(panel))
    ]
    for copy in copies:
        copy.data = copy.data.copy()
        viewer.add_layer(copy)
    before = [copy.data.copy() for copy in copies]

    panel.next_cell()
    paint_cell(panel, 40, 40)
    adapt(panel, settle)

    for copy, data in zip(copies, before, strict=True):
        np.testing.assert_array_equal(copy.data, data)
    assert len(viewer.layers) == 5
    assert not engine.calls[1].others


def test_an_image_takes_its_work_to_another_viewer(
    panel: AdaptPanel,
    viewer: ViewerModel,
    open_panel: Open,
    settle: Settle,
    engine: Engine,
) -> None:
    paint_cell(panel)
    adapt(panel, settle)
    other = ViewerModel()
    there = open_panel(other)

    moved = list(viewer.layers)
    for layer in moved:
        viewer.layers.remove(layer)
        other.add_layer(layer)
    for each in (panel, there):
        settle(each)

    assert panel.view.status.text.startswith("Open an image")
    assert there.view.status.text.startswith("1 cell painted")
    assert list(other.layers) == moved
    there.next_cell()
    paint_cell(there, 40, 40)
    adapt(there, settle)
    assert list(other.layers) == moved
    assert len(viewer.layers) == 0
    assert len(engine.calls) == 2
    assert cells_of(other).data[40, 40] == 2


def test_an_annotation_alone_in_another_viewer_is_a_layer_like_any(
    panel: AdaptPanel, viewer: ViewerModel, open_panel: Open, settle: Settle
) -> None:
    paint_cell(panel)
    settle(panel)
    other = ViewerModel()
    there = open_panel(other)
    annotation = annotation_of(panel)

    viewer.layers.remove(annotation)
    other.add_layer(annotation)
    for each in (panel, there):
        settle(each)

    assert there.view.status.text.startswith("Open an image")
    assert "Next cell" in panel.view.status.text
    panel.view.next_cell.click()
    assert annotation_of(panel) is not annotation
    assert annotation.data[8, 8] == 1


def test_two_viewers_know_nothing_of_each_other(
    panel: AdaptPanel,
    viewer: ViewerModel,
    blobs: NDArray[np.float32],
    open_panel: Open,
    settle: Settle,
    engine: Engine,
) -> None:
    other = ViewerModel()
    other.add_image(blobs, name="plate")
    there = open_panel(other)
    paint_cell(panel)
    paint_cell(there, 40, 40)
    adapt(panel, settle)

    assert names(other) == ["plate", "plate annotation"]
    assert not engine.calls[0].others
    adapt(there, settle)
    assert not engine.calls[1].others
    assert cells_of(other) is not cells_of(viewer)
    assert set(np.unique(annotation_of(panel).data[40:50, 40:50])) == {0}
