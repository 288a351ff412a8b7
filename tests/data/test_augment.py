from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_metaseg.data.augment import Appearance, apply_appearance, draw_appearance

PLAIN = Appearance(False, 1.0, 0.0, (0.0, 1.0), 0.0, 0.0, 0.0, None)
CELL = np.full((40, 40), 0.1, np.float32)
CELL[10:20, 10:20] = 0.9
FIELD = np.full((60, 50), 0.1, np.float32)
FIELD[30:45, 5:40] = 0.9


def change(**how: object) -> list[np.ndarray]:
    values = {name: getattr(PLAIN, name) for name in Appearance.__slots__}
    appearance = Appearance(**values | how)
    return apply_appearance(appearance, [CELL, FIELD], np.random.default_rng(0))


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"invert": True},
        {"gamma": 2.0},
        {"invert": True, "gamma": 0.5},
        {"kernel": (0.0, 0.1, 0.0, 0.1, -1.0, 0.1, 0.0, 0.1, 0.0)},
    ],
)
def test_what_looked_alike_still_does(how: dict[str, object]) -> None:
    first, second = change(**how)

    # Well inside and well outside the objects.
    assert first[15, 15] == pytest.approx(second[37, 20], abs=1e-5)
    assert first[35, 35] == pytest.approx(second[5, 5], abs=1e-5)
    assert first[15, 15] != pytest.approx(first[35, 35], abs=0.1)


def test_inversion_swaps_dark_and_bright() -> None:
    first, second = change(invert=True)

    assert first[15, 15] < first[35, 35]
    assert second[37, 20] < second[5, 5]


def test_one_range_serves_all_images() -> None:
    dim = apply_appearance(PLAIN, [CELL, 0.5 * CELL], np.random.default_rng(0))

    assert dim[1][15, 15] == pytest.approx(0.5 * dim[0][15, 15], abs=0.1)


def test_nothing_is_changed_in_place() -> None:
    before = CELL.copy()

    change(noise=0.1, blur=1.0, shading=0.3, halo=(0.5, 5.0))

    np.testing.assert_array_equal(CELL, before)


@given(st.integers(0, 2**32))
def test_any_appearance_gives_finite_images_of_the_same_shape(seed: int) -> None:
    rng = np.random.default_rng(seed)

    changed = apply_appearance(draw_appearance(rng), [CELL, FIELD], rng)

    assert [c.shape for c in changed] == [CELL.shape, FIELD.shape]
    assert all(c.dtype == np.float32 and np.isfinite(c).all() for c in changed)


def test_an_even_field_stays_finite() -> None:
    flat = np.full((20, 20), 0.3, np.float32)
    rng = np.random.default_rng(0)

    for _ in range(20):
        (changed,) = apply_appearance(draw_appearance(rng), [flat], rng)
        assert np.isfinite(changed).all()
