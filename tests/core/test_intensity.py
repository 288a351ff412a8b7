from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_metaseg.core.intensity import BLANK, HIGH, LOW, Range, measure_range

if TYPE_CHECKING:
    from collections.abc import Callable

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


@pytest.mark.parametrize(
    "turn",
    [
        lambda i: i * 1e200,
        lambda i: (1e4 * i).astype(np.int64) + 2**50,
        lambda i: (1e4 * i).astype(np.uint64) * 2**30,
    ],
)
def test_large_numbers_lose_no_digits(turn: Callable[[np.ndarray], np.ndarray]) -> None:
    image = noise()
    large = turn(image)

    np.testing.assert_allclose(
        measure_range(large).apply(large),
        measure_range(image).apply(image),
        atol=1e-3,
    )


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


@pytest.mark.parametrize(
    ("blank", "expected"),
    [
        (Range(10, 11), Range(0, 100)),
        (Range(50, 50), Range(0, 100)),
        (Range(-31, -29), Range(-30, 70)),
        (Range(149, 151), Range(50, 150)),
    ],
)
def test_a_blank_image_is_seen_as_the_reference_is(
    blank: Range, expected: Range
) -> None:
    assert blank.unless_blank(Range(0, 100)) == expected


def test_an_image_with_contrast_has_its_own_range() -> None:
    dim = Range(3, 3 + BLANK * 100)

    assert dim.unless_blank(Range(0, 100)) == dim
    assert Range(5, 900).unless_blank(Range(0, 100)) == Range(5, 900)


def test_a_subset_of_the_pixels_gives_nearly_the_same_range() -> None:
    image = np.random.default_rng(1).random((400, 400))

    few, all_of_them = measure_range(image, at_most=20_000), measure_range(image)

    assert few.low == pytest.approx(all_of_them.low, abs=0.01)
    assert few.high == pytest.approx(all_of_them.high, abs=0.01)


def test_a_subset_meets_more_than_a_few_columns() -> None:
    # With steps of 4 in rows of 400, every fourth column alone would be seen.
    image = np.full((400, 400), 1000.0)
    image[:, ::4] = 0

    few = measure_range(image, at_most=40_000)

    assert few.high == pytest.approx(1000)


def test_a_bright_speck_that_a_subset_misses_is_seen() -> None:
    image = np.zeros((300, 300), np.uint8)
    image[7, 11] = 200

    assert measure_range(image, at_most=1000).high == 200
