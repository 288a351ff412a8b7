"""Masks that exist already become examples, and what is painted stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest

from napari_metaseg.gui import images
from napari_metaseg.workflows.export import export_labels

from .acting import annotation_of

if TYPE_CHECKING:
    from pathlib import Path

    from napari.components import ViewerModel
    from numpy.typing import NDArray

    from napari_metaseg.gui.adapt_panel import AdaptPanel

    from .acting import Open, Settle


@pytest.fixture
def panel(
    viewer: ViewerModel, blobs: NDArray[np.float32], open_panel: Open
) -> AdaptPanel:
    viewer.add_image(blobs, name="plate")
    return open_panel(viewer)


@pytest.fixture
def masks() -> NDArray[np.int32]:
    drawn = np.zeros((64, 64), np.int32)
    drawn[8:18, 8:18], drawn[8:18, 40:50], drawn[40:50, 8:18] = 3, 4, 5
    return drawn


def use(panel: AdaptPanel, settle: Settle, layer: Any) -> None:
    settle(panel)
    panel.view.masks.layers.choose(layer)
    panel.view.masks.use.click()
    settle(panel)


def test_a_label_layer_becomes_annotation_in_one_step(
    viewer: ViewerModel, panel: AdaptPanel, masks: NDArray[np.int32], settle: Settle
) -> None:
    use(panel, settle, viewer.add_labels(masks.astype(np.uint16), name="mine"))

    annotation = annotation_of(panel)
    np.testing.assert_array_equal(annotation.data, masks)
    assert panel.view.status.text == "3 cells made examples. Ctrl+Z takes it back."
    assert panel.view.adapt.isEnabled()
    annotation.undo()
    assert not annotation.data.any()


def test_painted_cells_stay_and_those_left_out_are_counted(
    viewer: ViewerModel, panel: AdaptPanel, masks: NDArray[np.int32], settle: Settle
) -> None:
    annotation = annotation_of(panel)
    annotation.data_setitem(tuple(np.nonzero(masks == 3)), 1)
    layer = viewer.add_labels(masks, name="mine")

    use(panel, settle, layer)

    assert (annotation.data[masks == 3] == 1).all()
    assert "2 cells made examples. 1 was left out" in panel.view.status.text


def test_only_the_selected_cell(
    viewer: ViewerModel, panel: AdaptPanel, masks: NDArray[np.int32], settle: Settle
) -> None:
    layer = viewer.add_labels(masks, name="mine")
    layer.selected_label = 4
    panel.view.masks.selected_only.setChecked(True)

    use(panel, settle, layer)

    assert np.unique(annotation_of(panel).data).tolist() == [0, 4]


def test_a_layer_of_another_shape_is_refused(
    viewer: ViewerModel, panel: AdaptPanel, settle: Settle
) -> None:
    use(panel, settle, viewer.add_labels(np.ones((9, 9), int), name="small"))

    assert "choose masks of this image" in panel.view.status.text
    assert not annotation_of(panel).data.any()


def test_the_annotation_itself_is_not_offered(
    viewer: ViewerModel, panel: AdaptPanel, settle: Settle
) -> None:
    form = panel.view.masks
    assert form.layers.titles == []
    assert not form.use.isEnabled()
    assert form.open.isEnabled()

    viewer.add_labels(np.zeros((64, 64), int), name="mine")
    settle(panel)

    assert form.layers.titles == ["mine"]


@pytest.mark.parametrize("suffix", [".tif", ".zip", ".geojson", ".json"])
def test_files_of_masks(
    panel: AdaptPanel,
    masks: NDArray[np.int32],
    settle: Settle,
    tmp_path: Path,
    suffix: str,
) -> None:
    path = export_labels(tmp_path / f"masks{suffix}", masks, axes="YX")

    panel.masks.use_file(path)
    settle(panel)

    np.testing.assert_array_equal(annotation_of(panel).data, masks)


def test_a_file_that_cannot_be_read_is_told(
    panel: AdaptPanel, settle: Settle, tmp_path: Path
) -> None:
    (tmp_path / "masks.zip").write_bytes(b"none")

    panel.masks.use_file(tmp_path / "masks.zip")
    settle(panel)

    assert "masks.zip" in panel.view.status.text
    assert not annotation_of(panel).data.any()


def test_a_layer_removed_meanwhile_is_no_error(
    viewer: ViewerModel, panel: AdaptPanel, masks: NDArray[np.int32], settle: Settle
) -> None:
    layer = viewer.add_labels(masks, name="mine")
    settle(panel)
    viewer.layers.remove(layer)

    panel.view.masks.use.click()
    settle(panel)

    assert not annotation_of(panel).data.any()


def test_without_an_image_there_is_nothing_to_fill(
    viewer: ViewerModel,
    open_panel: Open,
    masks: NDArray[np.int32],
    settle: Settle,
) -> None:
    viewer.add_labels(masks, name="mine")
    panel = open_panel(viewer)
    form = panel.view.masks
    assert form.layers.titles == ["mine"]
    assert not form.use.isEnabled()

    viewer.add_image(masks.astype(np.float32), name="plate")
    settle(panel)

    assert form.use.isEnabled() and form.open.isEnabled()


def test_an_image_that_is_too_large_is_not_filled(
    viewer: ViewerModel,
    panel: AdaptPanel,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(images, "MOST_PIXELS", 100)
    slide = viewer.add_image(da.zeros((64, 64)), name="slide")
    viewer.add_labels(np.zeros((64, 64), int), name="mine")
    panel.view.source.choose_image(slide)
    settle(panel)

    form = panel.view.masks
    assert not form.use.isEnabled() and not form.open.isEnabled()
