from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.transform import rescale

from napari_metaseg.core.scaling import resize_image, resize_labels, scaled_shape

SIDES = st.tuples(st.integers(1, 40), st.integers(1, 40))


@given(SIDES, st.floats(0.01, 8))
def test_no_side_vanishes(shape: tuple[int, int], zoom: float) -> None:
    scaled = scaled_shape(shape, zoom)

    assert min(scaled) >= 1
    assert all(
        abs(new - old * zoom) <= 1 for new, old in zip(scaled, shape, strict=True)
    )


@given(SIDES, SIDES)
def test_labels_are_never_mixed(old: tuple[int, int], new: tuple[int, int]) -> None:
    labels = np.arange(old[0] * old[1], dtype=np.int32).reshape(old) - 1

    resized = resize_labels(labels, new)

    assert resized.shape == new
    assert resized.dtype == np.int32
    assert np.isin(resized, labels).all()


@given(SIDES, st.integers(1, 5))
def test_enlarged_labels_come_back_unchanged(shape: tuple[int, int], n: int) -> None:
    labels = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)

    large = resize_labels(labels, (n * shape[0], n * shape[1]))

    np.testing.assert_array_equal(large, labels.repeat(n, 0).repeat(n, 1))
    np.testing.assert_array_equal(resize_labels(large, shape), labels)


@given(SIDES, SIDES, st.floats(-5, 5, width=32))
def test_a_constant_image_stays_constant(
    old: tuple[int, int], new: tuple[int, int], value: float
) -> None:
    resized = resize_image(np.full((2, *old), value, np.float32), new)

    assert resized.shape == (2, *new)
    assert resized.dtype == np.float32
    np.testing.assert_allclose(resized, value, atol=1e-5)


def test_shrinking_averages_and_leaves_no_moire() -> None:
    stripes = np.tile(np.array([0, 1], np.float32), (64, 32))

    small = resize_image(stripes, (16, 16))

    np.testing.assert_allclose(small, 0.5, atol=0.05)


def test_enlarging_agrees_with_another_library() -> None:
    image = np.random.default_rng(0).random((9, 11), np.float32)

    expected = rescale(image, 3, order=1, mode="edge", anti_aliasing=False)

    np.testing.assert_allclose(resize_image(image, (27, 33)), expected, atol=1e-5)


def test_image_and_labels_stay_in_register() -> None:
    labels = np.zeros((50, 60), np.int32)
    labels[10:30, 20:50] = 1
    shape = scaled_shape((50, 60), 0.5)

    drawn = resize_image(labels.astype(np.float32), shape) > 0.5

    np.testing.assert_array_equal(drawn, resize_labels(labels, shape) == 1)


def test_the_own_shape_changes_nothing() -> None:
    image = np.random.default_rng(0).random((5, 7), np.float32)

    assert resize_image(image, (5, 7)) == pytest.approx(image)
