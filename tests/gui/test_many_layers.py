"""Layers come and go, also while Adapt runs: no error, and nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from skimage.measure import label

from napari_metaseg.gui import desk

from .acting import annotation_of

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from napari_metaseg.gui.adapt_panel import AdaptPanel

    from .acting import Open, Settle
    from .conftest import Engine


@pytest.fixture
def image(viewer: ViewerModel, blobs: NDArray[np.float32]) -> Image:
    return viewer.add_image(blobs, name="plate")


def begin(panel: AdaptPanel, engine: Engine, settle: Settle) -> None:
    """Paint a cell and start an adaptation that waits."""
    annotation_of(panel).paint((12, 12), 1)
    settle(panel)
    engine.gate.clear()
    panel.adapt()


@pytest.fixture
def busy(
    viewer: ViewerModel, image: Image, open_panel: Open, settle: Settle, engine: Engine
) -> AdaptPanel:
    """Return a panel that adapts to a cell on an image, and waits."""
    panel = open_panel(viewer)
    begin(panel, engine, settle)
    return panel


def names(viewer: ViewerModel) -> list[str]:
    return [layer.name for layer in viewer.layers]


def test_without_an_image_the_panel_says_how_to_get_one(
    viewer: ViewerModel, open_panel: Open, settle: Settle
) -> None:
    panel = open_panel(viewer)
    assert panel.view.status.text.startswith("Open an image")
    assert panel.view.sample.isVisibleTo(panel)
    assert not panel.view.next_cell.isEnabled()

    panel.view.sample.click()
    settle(panel)

    assert len(viewer.layers) == 2
    assert panel.view.status.text.startswith("Paint one whole cell")
    assert not panel.view.sample.isVisibleTo(panel)


def test_an_image_that_is_added_later_is_taken(
    viewer: ViewerModel, open_panel: Open, settle: Settle
) -> None:
    panel = open_panel(viewer)

    viewer.add_image(np.zeros((32, 48)), name="late")
    settle(panel)

    assert names(viewer) == ["late", "late annotation"]
    assert viewer.layers.selection.active is annotation_of(panel)


def test_two_panels_share_their_layers(
    viewer: ViewerModel, image: Image, open_panel: Open
) -> None:
    first, second = open_panel(viewer), open_panel(viewer)

    assert names(viewer) == ["plate", "plate annotation"]
    assert annotation_of(first) is annotation_of(second)


def test_each_image_has_its_own_annotation_and_the_panel_follows(
    viewer: ViewerModel, image: Image, open_panel: Open, settle: Settle
) -> None:
    panel = open_panel(viewer)
    first = annotation_of(panel)
    other = viewer.add_image(np.zeros((20, 30)), name="other")
    settle(panel)
    assert panel.desk.image is image

    panel.view.source.choose_image(other)
    settle(panel)
    assert annotation_of(panel).data.shape == (20, 30)

    viewer.layers.selection.active = first
    settle(panel)
    assert panel.desk.image is image
    assert annotation_of(panel) is first
    assert len(viewer.layers) == 4


def test_the_choosers_follow_names(
    viewer: ViewerModel, image: Image, open_panel: Open, settle: Settle
) -> None:
    panel = open_panel(viewer)

    image.name = "renamed"
    settle(panel)

    assert panel.view.source.images.titles == ["renamed"]
    assert panel.desk.image is image


def test_a_deleted_annotation_comes_back_only_on_request(
    viewer: ViewerModel, image: Image, open_panel: Open, settle: Settle
) -> None:
    panel = open_panel(viewer)

    viewer.layers.remove(annotation_of(panel))
    settle(panel)
    assert panel.desk.annotation is None
    assert "Next cell" in panel.view.status.text

    panel.view.next_cell.click()
    assert annotation_of(panel).selected_label == 1


def test_the_image_is_deleted_while_adapting(
    busy: AdaptPanel, viewer: ViewerModel, image: Image, settle: Settle, engine: Engine
) -> None:
    annotation = annotation_of(busy)

    viewer.layers.remove(image)
    engine.gate.set()
    settle(busy)

    assert names(viewer) == ["plate annotation"]
    assert annotation.data.any()
    assert busy.view.status.text.startswith("Open an image")


def test_the_round_of_an_image_that_is_deleted_ends(
    busy: AdaptPanel,
    viewer: ViewerModel,
    image: Image,
    settle: Settle,
    engine: Engine,
    qtbot: QtBot,
) -> None:
    other = viewer.add_image(np.zeros((32, 32)), name="other")
    qtbot.waitUntil(lambda: len(engine.calls) == 1)
    busy.view.source.choose_image(other)

    viewer.layers.remove(image)
    qtbot.waitUntil(lambda: engine.closed == 1)
    settle(busy)

    assert busy.bench.adapting_on is None
    assert busy.view.status.text.startswith("Paint one whole cell")


def test_all_layers_are_deleted_while_adapting(
    busy: AdaptPanel, viewer: ViewerModel, settle: Settle, engine: Engine
) -> None:
    viewer.layers.clear()
    engine.gate.set()
    settle(busy)

    assert not viewer.layers


def test_the_image_is_resized_while_adapting(
    busy: AdaptPanel, viewer: ViewerModel, image: Image, settle: Settle, engine: Engine
) -> None:
    painted = annotation_of(busy)

    image.data = np.zeros((80, 80), np.float32)
    engine.gate.set()
    settle(busy)

    assert "plate cells" not in viewer.layers
    assert "resized" in busy.view.status.text
    assert painted in viewer.layers
    assert painted.data.any()
    assert annotation_of(busy).data.shape == (80, 80)


def test_layers_are_renamed_while_adapting(
    busy: AdaptPanel, viewer: ViewerModel, image: Image, settle: Settle, engine: Engine
) -> None:
    image.name, annotation_of(busy).name = "a", "b"
    engine.gate.set()
    settle(busy)

    assert names(viewer) == ["a", "a cells", "b"]


def test_another_image_is_chosen_while_adapting(
    busy: AdaptPanel, viewer: ViewerModel, image: Image, settle: Settle, engine: Engine
) -> None:
    other = viewer.add_image(np.zeros((64, 64)), name="other")

    busy.view.source.choose_image(other)
    engine.gate.set()
    settle(busy)

    assert "plate cells" in viewer.layers
    assert "other cells" not in viewer.layers
    assert busy.view.status.text.startswith("Paint one whole cell")
    assert viewer.layers.selection.active is annotation_of(busy)
    busy.view.source.choose_image(image)
    settle(busy)
    assert busy.view.status.text.startswith("Adapted in")


def test_the_cells_layer_is_deleted_and_comes_back(
    viewer: ViewerModel,
    image: Image,
    open_panel: Open,
    settle: Settle,
) -> None:
    panel = open_panel(viewer)
    annotation_of(panel).paint((12, 12), 1)
    settle(panel)
    panel.adapt()
    settle(panel)
    viewer.layers.remove("plate cells")

    panel.view.decode.fields["split"].value = 0.2
    settle(panel)

    assert label(viewer.layers["plate cells"].data > 0).max() == 4


def test_rgb_is_annotated_without_its_colours(
    viewer: ViewerModel,
    blobs: NDArray[np.float32],
    open_panel: Open,
    settle: Settle,
    engine: Engine,
) -> None:
    viewer.add_image(np.stack([blobs] * 4, -1), rgb=True, name="plate")
    panel = open_panel(viewer)
    begin(panel, engine, settle)
    engine.gate.set()
    settle(panel)

    assert annotation_of(panel).data.shape == (64, 64)
    assert engine.calls[0].image.shape == (64, 64, 3)
    assert engine.calls[0].axes == "YXC"
    assert viewer.layers["plate cells"].data.shape == (64, 64)


def test_a_channel_of_a_stack_is_chosen(
    viewer: ViewerModel,
    blobs: NDArray[np.float32],
    open_panel: Open,
    settle: Settle,
    engine: Engine,
) -> None:
    viewer.add_image(np.stack([0 * blobs, blobs]), name="plate")
    panel = open_panel(viewer)
    assert annotation_of(panel).data.shape == (2, 64, 64)
    channels = panel.view.source.channels
    assert channels.titles == ["No channels", "Channel 1", "Channel 2"]

    channels.setCurrentText("Channel 2")
    settle(panel)
    begin(panel, engine, settle)
    engine.gate.set()
    settle(panel)

    assert annotation_of(panel).data.shape == (64, 64)
    assert (engine.calls[0].axes, engine.calls[0].channel) == ("CYX", 1)
    assert label(viewer.layers["plate cells"].data > 0).max() == 4


def test_a_large_annotation_is_summed_up_all_the_same(
    viewer: ViewerModel,
    image: Image,
    open_panel: Open,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(desk, "_AT_ONCE", 0)
    panel = open_panel(viewer)

    annotation_of(panel).paint((12, 12), 1)
    settle(panel)

    assert panel.view.status.text.startswith("1 cell painted")


def test_a_single_channel_is_no_choice(
    viewer: ViewerModel, image: Image, open_panel: Open
) -> None:
    assert not open_panel(viewer).view.source.channels.isEnabled()


def test_the_finest_level_of_a_pyramid_is_segmented(
    viewer: ViewerModel,
    blobs: NDArray[np.float32],
    open_panel: Open,
    settle: Settle,
    engine: Engine,
) -> None:
    viewer.add_image([blobs, blobs[::2, ::2]], multiscale=True, name="plate")
    panel = open_panel(viewer)
    begin(panel, engine, settle)
    engine.gate.set()
    settle(panel)

    assert engine.calls[0].image.shape == (64, 64)
    assert viewer.layers["plate cells"].data.shape == (64, 64)


def test_an_image_with_too_many_axes_is_refused_in_words(
    viewer: ViewerModel, open_panel: Open
) -> None:
    viewer.add_image(np.zeros((2, 2, 2, 8, 8)))
    panel = open_panel(viewer)

    assert "too many axes" in panel.view.status.text
    assert len(viewer.layers) == 1
