"""An image's own layers: found by identity, updated in place, left as styled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from napari.layers import Image, Labels, Layer

from napari_metaseg.gui import layers
from napari_metaseg.gui.images import readings

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_metaseg.gui.images import Reading

INSTANCES = np.zeros((64, 64), np.int32)
INSTANCES[8:18, 8:18] = 1


@pytest.fixture
def reading(image: Image) -> Reading:
    return readings(image)[0]


def test_a_new_annotation_is_ready_for_the_first_stroke(
    viewer: ViewerModel, image: Image, reading: Reading
) -> None:
    layer = layers.make_annotation(viewer.layers, image, reading)

    assert layer.name == "plate annotation"
    assert layer.data.dtype == np.int32
    assert layer.data.shape == (64, 64)
    assert not layer.data.any()
    assert (layer.mode, layer.selected_label) == ("paint", 1)
    assert viewer.layers[-1] is layer
    assert viewer.layers.selection.active is layer
    np.testing.assert_array_equal(layer.scale, image.scale)


def test_background_and_neighbouring_cells_have_colours_of_their_own(
    viewer: ViewerModel, image: Image, reading: Reading
) -> None:
    layer = layers.make_annotation(viewer.layers, image, reading)

    colours = {tuple(layer.get_color(label)) for label in (-1, *range(1, 9))}
    assert len(colours) == 9
    assert tuple(layer.get_color(-1)) != tuple(layer.get_color(100_000))


def test_the_first_brush_fits_the_image() -> None:
    assert layers.brush_size((20, 20)) == 3
    assert layers.brush_size((7, 512, 600)) == 12
    assert layers.brush_size((9000, 9000)) == 40


def test_layers_are_found_after_renaming(
    viewer: ViewerModel, image: Image, reading: Reading
) -> None:
    annotation = layers.make_annotation(viewer.layers, image, reading)
    cells = layers.show_cells(viewer.layers, image, reading, INSTANCES)
    image.name, annotation.name, cells.name = "a", "b", "c"

    assert layers.find_annotation(viewer.layers, image, reading) is annotation
    assert layers.find_cells(viewer.layers, image, reading) is cells
    assert layers.annotated_image(viewer.layers, annotation) is image


def test_a_duplicate_is_not_taken_for_the_original(
    viewer: ViewerModel, image: Image, reading: Reading
) -> None:
    annotation = layers.make_annotation(viewer.layers, image, reading)
    twin = Layer.create(*annotation.as_layer_data_tuple())
    viewer.layers.insert(0, twin)

    assert layers.find_annotation(viewer.layers, image, reading) is annotation
    assert layers.annotated_image(viewer.layers, twin) is None


def test_two_images_of_one_name_have_layers_of_their_own(
    viewer: ViewerModel, image: Image, reading: Reading
) -> None:
    other = viewer.add_image(image.data, name="plate")
    layers.make_annotation(viewer.layers, image, reading)

    assert layers.find_annotation(viewer.layers, other, reading) is None


def test_an_annotation_of_another_size_is_left_alone(
    viewer: ViewerModel, image: Image, reading: Reading
) -> None:
    annotation = layers.make_annotation(viewer.layers, image, reading)
    annotation.data_setitem((np.array([3]), np.array([4])), 1)
    image.data = np.ones((80, 64), np.float32)

    assert layers.find_annotation(viewer.layers, image, reading) is None
    assert annotation in viewer.layers
    assert annotation.data[3, 4] == 1


def test_cells_are_contours_below_the_annotation(
    viewer: ViewerModel, image: Image, reading: Reading
) -> None:
    annotation = layers.make_annotation(viewer.layers, image, reading)

    cells = layers.show_cells(viewer.layers, image, reading, INSTANCES)

    assert list(viewer.layers) == [image, cells, annotation]
    assert viewer.layers.selection.active is annotation
    assert annotation.mode == "paint"
    assert cells.contour > 0
    assert cells.name == "plate cells"
    np.testing.assert_array_equal(cells.scale, image.scale)


def test_cells_are_updated_in_place_and_keep_their_looks(
    viewer: ViewerModel, image: Image, reading: Reading
) -> None:
    layers.make_annotation(viewer.layers, image, reading)
    cells = layers.show_cells(viewer.layers, image, reading, INSTANCES)
    cells.opacity, cells.contour, cells.visible = 0.3, 0, False
    cells.name = "mine"
    colours = cells.colormap

    again = layers.show_cells(viewer.layers, image, reading, INSTANCES * 5)

    assert again is cells
    assert len(viewer.layers) == 3
    assert (cells.opacity, cells.contour, cells.visible) == (0.3, 0, False)
    assert (cells.name, cells.colormap) == ("mine", colours)
    assert cells.data.max() == 5


def test_undo_cannot_write_an_earlier_result_into_this_one(
    viewer: ViewerModel, image: Image, reading: Reading
) -> None:
    cells = layers.show_cells(viewer.layers, image, reading, INSTANCES)
    cells.editable = True
    cells.paint((40, 40), 9)

    layers.show_cells(viewer.layers, image, reading, INSTANCES)
    cells.undo()

    np.testing.assert_array_equal(cells.data, INSTANCES)
    assert not cells.editable


def test_some_pixels_are_updated_and_cannot_be_undone(
    viewer: ViewerModel, image: Image, reading: Reading
) -> None:
    cells = layers.show_cells(viewer.layers, image, reading, INSTANCES.copy())
    cells.contour = 2
    pixels = np.nonzero(INSTANCES)

    expected = np.where(INSTANCES > 0, 6, 0)

    layers.update_cells(cells, pixels, np.full(len(pixels[0]), 6, np.int32))
    np.testing.assert_array_equal(cells.data, expected)
    cells.undo()

    np.testing.assert_array_equal(cells.data, expected)
    assert not cells.editable


def test_showing_cells_leaves_the_selection_alone(
    viewer: ViewerModel, image: Image, reading: Reading
) -> None:
    layers.make_annotation(viewer.layers, image, reading)
    viewer.layers.selection = {image}

    layers.show_cells(viewer.layers, image, reading, INSTANCES)

    assert viewer.layers.selection.active is image


def test_the_next_label_is_a_new_one() -> None:
    data = np.zeros((8, 8), np.int32)
    layer = Labels(data)
    assert layers.next_label(layer) == 1
    layer.data[0, 0] = -1
    assert layers.next_label(layer) == 1
    layer.data[1, 1] = 4
    assert layers.next_label(layer) == 5
