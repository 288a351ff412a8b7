"""A part of an image that is too large to adapt to becomes a layer of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_metaseg.gui import images, layers, parts
from napari_metaseg.gui.images import readings

if TYPE_CHECKING:
    from pathlib import Path

    from napari.components import ViewerModel
    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_metaseg.gui.adapt_panel import AdaptPanel

    from .acting import Open, Settle
    from .conftest import Engine


def in_a_file(values: NDArray[Any], path: Path) -> NDArray[Any]:
    file = np.memmap(path, values.dtype, "w+", shape=values.shape)
    file[:] = values
    return file


@pytest.fixture
def big(
    viewer: ViewerModel,
    blobs: NDArray[np.float32],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Image:
    monkeypatch.setattr(images, "MOST_PIXELS", blobs.size - 1)
    image = viewer.add_image(
        in_a_file(blobs, tmp_path / "big"), name="slide", scale=(0.5, 0.5)
    )
    image.corner_pixels = np.array([[4, 2], [39, 37]])
    return image


@pytest.fixture
def panel(viewer: ViewerModel, big: Image, open_panel: Open) -> AdaptPanel:
    return open_panel(viewer)


def test_a_big_image_is_not_painted_on_but_in_parts(
    panel: AdaptPanel, viewer: ViewerModel, big: Image
) -> None:
    assert panel.desk.image is big
    assert list(viewer.layers) == [big]
    assert "press 'Work on the part in view'" in panel.view.status.text
    assert panel.view.part.isVisibleTo(panel)
    assert not panel.view.adapt.isEnabled()
    assert not panel.view.next_cell.isEnabled()
    assert not panel.view.open.isEnabled()
    panel.next_cell()
    assert list(viewer.layers) == [big]


def test_the_part_in_view_is_adapted_to(
    panel: AdaptPanel, viewer: ViewerModel, big: Image, settle: Settle, engine: Engine
) -> None:
    panel.view.part.click()
    settle(panel)

    part = panel.desk.image
    assert part is not None and part is not big
    assert part.name == "slide part"
    np.testing.assert_array_equal(part.data, big.data[4:40, 2:38])
    assert viewer.layers.index(part) == viewer.layers.index(big) + 1
    np.testing.assert_allclose(part.data_to_world((3, 5)), big.data_to_world((7, 7)))
    assert not panel.view.part.isVisibleTo(panel)
    assert panel.desk.annotation is not None
    panel.desk.annotation.paint((8, 10), 1)
    settle(panel)
    panel.adapt()
    settle(panel)
    assert engine.calls[-1].image is part.data
    # All of it goes to a file.
    assert panel.view.large.images.value is big
    assert panel.view.large.start.isEnabled()


def test_cells_of_several_parts_are_learned_from_together(
    panel: AdaptPanel, big: Image, settle: Settle, engine: Engine
) -> None:
    for corners in ([[0, 0], [30, 30]], [[30, 30], [63, 63]]):
        panel.view.source.choose_image(big)
        settle(panel)
        big.corner_pixels = np.array(corners)
        panel.view.part.click()
        settle(panel)
        assert panel.desk.annotation is not None
        panel.desk.annotation.paint((12, 12), 1)
        settle(panel)

    panel.adapt()
    settle(panel)

    (call,) = engine.calls
    assert [image.shape for image, _ in call.others] == [(31, 31)]


def test_nothing_in_view_is_told(panel: AdaptPanel, big: Image, settle: Settle) -> None:
    big.corner_pixels = np.array([[90, 0], [99, 9]])

    panel.view.part.click()
    settle(panel)

    assert "Nothing of 'slide' is in view" in panel.view.status.text


def test_a_part_of_a_movie_with_channels_lies_where_it_was(
    viewer: ViewerModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "MOST_SIDE", 20)
    values = np.arange(3 * 2 * 40 * 50).reshape(3, 2, 40, 50)
    affine = np.eye(5)
    affine[2:4, 2:4] = [[0.9, -0.2], [0.3, 1.1]]
    affine[2:4, 4] = 5, -7
    image = viewer.add_image(
        values,
        axis_labels=("t", "c", "y", "x"),
        scale=(1, 1, 0.5, 0.25),
        translate=(0, 0, 3, 4),
        shear=np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0.1], [0, 0, 0, 1]]),
        affine=affine,
        units=("s", "pixel", "um", "um"),
        colormap="green",
    )
    viewer.dims.set_point(0, 2)
    image.corner_pixels = np.array([[2, 0, 0, 10], [2, 1, 39, 19]])
    (reading,) = (r for r in readings(image) if r.channel is None)

    cut = parts.cut_in_view(viewer, image, reading)

    assert cut is not None
    part = parts.as_layer(cut, values[cut.key])
    np.testing.assert_array_equal(part.data, values[2, :, 10:30, 10:20])
    assert part.axis_labels == ("c", "y", "x")
    assert [str(unit) for unit in part.units] == ["pixel", "micrometer", "micrometer"]
    assert part.colormap.name == "green"
    for y, x in ((0, 0), (7, 3)):
        np.testing.assert_allclose(
            part.data_to_world((1, y, x)),
            image.data_to_world((2, 1, 10 + y, 10 + x))[1:],
        )
    assert images.whole_of(part, layers.image_layers(viewer.layers)) is image


def test_a_part_of_a_pyramid_has_its_full_resolution(viewer: ViewerModel) -> None:
    fine = np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3)
    image = viewer.add_image([fine, fine[::4, ::4]], multiscale=True, rgb=True)
    image._data_level = 1
    image.corner_pixels = np.array([[2, 4], [6, 9]])
    (reading, *_) = readings(image)

    cut = parts.cut_in_view(viewer, image, reading)

    assert cut is not None
    part = parts.as_layer(cut, np.asarray(fine[cut.key]))
    assert part.rgb
    np.testing.assert_array_equal(part.data, fine[8:25, 16:37])
    np.testing.assert_allclose(part.translate, (8, 16))


def test_what_lies_in_memory_may_be_as_large(
    viewer: ViewerModel,
    blobs: NDArray[np.float32],
    open_panel: Open,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(images, "MOST_PIXELS", blobs.size - 1)
    viewer.add_image(blobs, name="big")

    panel = open_panel(viewer)

    assert panel.desk.annotation is not None
    assert not panel.view.part.isVisibleTo(panel)
