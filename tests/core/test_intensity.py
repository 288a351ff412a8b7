from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_metaseg.core.intensity import BLANK, HIGH, LOW, Range, measure_range

ROOM = 1e-3


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(100, 20, (60, 70))


def test_the_percentiles_are_mapped_to_0_and_1() -> None:
    image = noise()

    scaled = measure_range(image).apply(image)

    assert scaled.dtype == np.float32
    low, high = np.percentile(scaled, [LOW, HIGH])
    assert (low, high) == (pytest.approx(0, abs=ROOM), pytest.approx(1, abs=ROOM))


@given(st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_gain_and_offset_of_the_camera_do_not_matter(
    gain: float, offset: float
) -> None:
    image = noise()
    other = gain * image + offset

    np.testing.assert_allclose(
        measure_range(other).apply(other),
        measure_range(image).apply(image),
        atol=2e-2,
    )


@given(
    hnp.arrays(
        hnp.boolean_dtypes() | hnp.integer_dtypes() | hnp.unsigned_integer_dtypes(),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=8),
    )
)
def test_any_whole_numbers_end_in_the_fixed_limits(image: np.ndarray) -> None:
    scaled = measure_range(image).apply(image)

    assert np.isfinite(scaled).all()
    assert scaled.min() >= -0.5
    assert scaled.max() <= 2


def test_a_constant_image_becomes_zero() -> None:
    image = np.full((5, 5), 7)

    assert not measure_range(image).apply(image).any()


def test_rare_bright_pixels_are_seen_where_all_else_is_constant() -> None:
    image = np.zeros((100, 100))
    image[0, 0] = 5

    assert measure_range(image) == Range(0, 5)


def test_one_map_serves_a_part_and_the_whole() -> None:
    image = noise()
    known = measure_range(image)

    np.testing.assert_array_equal(
        known.apply(image)[10:30, 5:25], known.apply(image[10:30, 5:25])
    )


def test_a_blank_image_is_not_stretched_to_the_reference() -> None:
    reference, flat = Range(0, 100), Range(10, 11)

    widened = flat.no_narrower_than(reference)

    assert widened == Range(10, 10 + BLANK * 100)
    assert Range(3, 90).no_narrower_than(reference) == Range(3, 90)


def test_a_subset_of_the_pixels_gives_nearly_the_same_range() -> None:
    image = np.random.default_rng(1).random((400, 400))

    few, all_of_them = measure_range(image, at_most=20_000), measure_range(image)

    assert few.low == pytest.approx(all_of_them.low, abs=0.01)
    assert few.high == pytest.approx(all_of_them.high, abs=0.01)
