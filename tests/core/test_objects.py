"""How large the painted cells are, whatever else has been painted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_metaseg.core.objects import MANY, usual_diameter

SIZES = st.lists(st.floats(1.0, 500.0), min_size=1, max_size=40)


@given(SIZES)
def test_it_lies_between_the_smallest_and_the_largest(sizes: list[float]) -> None:
    assert min(sizes) <= usual_diameter(sizes) <= max(sizes)


@given(SIZES, st.integers(-3, 3))
def test_it_scales_with_the_image(sizes: list[float], power: int) -> None:
    zoom = 2.0**power  # exact

    assert usual_diameter([zoom * d for d in sizes]) == zoom * usual_diameter(sizes)


@given(st.lists(st.floats(1.0, 500.0), min_size=1, max_size=3))
def test_of_the_first_cells_it_is_the_median(sizes: list[float]) -> None:
    assert usual_diameter(sizes) == pytest.approx(np.median(sizes))


@pytest.mark.parametrize("missed", [5.0, 80.0])
@pytest.mark.parametrize("corrections", [1, 10, MANY])
def test_what_is_corrected_does_not_move_it(missed: float, corrections: int) -> None:
    assert usual_diameter([24.0, 19.0, 16.0, *[missed] * corrections]) == 19


def test_many_cells_outweigh_the_first_bit_by_bit() -> None:
    found = [usual_diameter([60.0, 60.0, 60.0, *[20.0] * n]) for n in range(61)]

    assert found[MANY] == 60
    assert found[60] == 20
    assert max(-np.diff(found)) < 20
    assert (np.diff(found) <= 0).all()
