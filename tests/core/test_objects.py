"""How large the painted cells are, whatever else has been painted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_metaseg.core.objects import typical_diameter

if TYPE_CHECKING:
    from random import Random

SIZES = st.lists(st.floats(1.0, 500.0), min_size=1, max_size=12)


@given(SIZES)
def test_it_lies_between_the_smallest_and_the_largest(sizes: list[float]) -> None:
    assert min(sizes) <= typical_diameter(sizes) <= max(sizes)


@given(SIZES, st.randoms())
def test_the_order_of_painting_does_not_matter(
    sizes: list[float], random: Random
) -> None:
    mixed = list(sizes)
    random.shuffle(mixed)

    assert typical_diameter(mixed) == typical_diameter(sizes)


@given(SIZES, st.integers(-3, 3))
def test_it_scales_with_the_image(sizes: list[float], power: int) -> None:
    zoom = 2.0**power  # exact, so that no speck is taken for a cell by rounding

    assert typical_diameter([zoom * d for d in sizes]) == zoom * typical_diameter(sizes)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [([20], 20), ([20, 24], 22), ([16, 20, 30], 20), ([18, 20, 22, 30], 21)],
)
def test_of_whole_cells_it_is_the_median(sizes: list[float], expected: float) -> None:
    assert typical_diameter(sizes) == expected


def test_specks_do_not_change_it() -> None:
    cells = [24.0, 20.0, 16.0]

    assert typical_diameter([*cells, *[5.0] * 8]) == 20


def test_small_objects_alone_are_no_specks() -> None:
    assert typical_diameter([4.0, 5.0, 6.0]) == 5
