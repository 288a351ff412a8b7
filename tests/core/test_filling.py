"""Masks go around what is painted, each pixel of which stays as it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.filling import Filling, fill_unknown

_PLANES = arrays(np.int32, (2, 6, 7), elements=st.integers(-1, 3))


def put(annotation: np.ndarray, filling: Filling) -> np.ndarray:
    result = annotation.copy()
    result[filling.pixels] = filling.labels
    return result


def square(label: int, top: int, left: int, size: int = 6) -> np.ndarray:
    plane = np.zeros((20, 20), np.int32)
    plane[top : top + size, left : left + size] = label
    return plane


def test_an_empty_annotation_becomes_the_masks() -> None:
    masks = square(5, 1, 1) + square(9, 10, 10) + square(-1, 1, 10)

    filling = fill_unknown(np.zeros_like(masks), masks)

    assert (filling.cells, filling.left_out) == (2, 0)
    np.testing.assert_array_equal(put(np.zeros_like(masks), filling), masks)


@given(_PLANES, _PLANES)
def test_no_painted_pixel_changes_and_no_painted_cell_grows(
    annotation: np.ndarray, masks: np.ndarray
) -> None:
    filling = fill_unknown(annotation, masks, least=1)
    after = put(annotation, filling)

    np.testing.assert_array_equal(after[annotation != 0], annotation[annotation != 0])
    for drawn, now in zip(annotation, after, strict=True):
        new = now[(drawn == 0) & (now > 0)]
        assert not np.isin(new, drawn[drawn > 0]).any()
    assert not after[(annotation == 0) & (masks == 0)].any()
    in_planes = [np.unique(plane[plane > 0]).size for plane in masks]
    assert filling.cells + filling.left_out == sum(in_planes)


def test_a_mask_that_is_half_painted_is_left_out_and_one_that_is_touched_is_not() -> (
    None
):
    annotation = square(1, 0, 0, 10)
    masks = square(1, 0, 7) + square(2, 9, 9)

    filling = fill_unknown(annotation, masks)

    assert (filling.cells, filling.left_out) == (1, 1)
    assert set(filling.labels.tolist()) == {2}
    assert filling.labels.size == 35


def test_a_number_that_a_painted_cell_has_is_replaced() -> None:
    filling = fill_unknown(square(1, 0, 0), square(1, 10, 10))

    assert set(filling.labels.tolist()) == {2}


def test_masks_too_small_to_learn_from_are_left_out() -> None:
    filling = fill_unknown(square(0, 0, 0), square(1, 0, 0, 1))

    assert (filling.cells, filling.left_out, filling.labels.size) == (0, 1, 0)


def test_what_was_painted_meanwhile_stays() -> None:
    masks = square(1, 0, 0)
    filling = fill_unknown(np.zeros_like(masks), masks)

    assert filling.still_unknown(square(3, 0, 0, 3)).labels.size == 27


@pytest.mark.parametrize("value", [-2, 2**31])
def test_numbers_that_are_no_labels_are_refused(value: int) -> None:
    masks = np.full((4, 4), value, np.int64)
    with pytest.raises(UserError, match="number the cells from 1"):
        fill_unknown(np.zeros((4, 4), np.int32), masks)


def test_masks_of_another_shape_are_refused() -> None:
    with pytest.raises(UserError, match="masks of this image"):
        fill_unknown(np.zeros((4, 5), np.int32), np.zeros((5, 4), np.int32))
