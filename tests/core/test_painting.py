"""A painting is the annotation, kept without what is unknown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_metaseg.core.painting import SIDE, Painting

SHAPES = [(1, 1), (SIDE, SIDE), (2 * SIDE + 3, SIDE - 1), (2, 3, 40, SIDE + 1)]


def painted(shape: tuple[int, ...], seed: int, pixels: int) -> np.ndarray:
    """Paint pixels by chance, cells and background."""
    rng = np.random.default_rng(seed)
    annotation = np.zeros(shape, np.int32)
    where = rng.integers(0, annotation.size, pixels)
    annotation.flat[where] = rng.choice([-1, 1, 7, 70_000], pixels)
    return annotation


@given(st.sampled_from(SHAPES), st.integers(0, 99), st.integers(0, 9))
def test_it_gives_back_what_was_painted(shape, seed, pixels):
    annotation = painted(shape, seed, pixels)
    kept = Painting.of(annotation)
    np.testing.assert_array_equal(kept.array(), annotation)
    assert kept.array().dtype == np.int32
    assert kept.is_still(annotation)


@given(st.sampled_from(SHAPES), st.integers(0, 99), st.integers(0, 9))
def test_it_sees_any_pixel_that_changes_and_does_not_change_itself(shape, seed, pixels):
    annotation = painted(shape, seed, pixels)
    kept, before = Painting.of(annotation), annotation.copy()
    changed = np.random.default_rng(seed + 1).integers(0, annotation.size)
    annotation.flat[changed] = 0 if annotation.flat[changed] else 5
    assert not kept.is_still(annotation)
    np.testing.assert_array_equal(kept.array(), before)


def test_what_it_gives_back_may_be_written_to():
    kept = Painting.of(painted((50, 60), 0, 9))
    kept.array()[:] = 3
    assert not (kept.array() == 3).any()


@pytest.mark.parametrize("shape", [(8, 9), (1, 9, 8)])
def test_another_shape_is_another_annotation(shape):
    assert not Painting.of(np.zeros((9, 8), np.int32)).is_still(
        np.zeros(shape, np.int32)
    )


def test_only_painted_squares_are_kept():
    annotation = np.zeros((8 * SIDE, 8 * SIDE), np.int32)
    assert not Painting.of(annotation).squares
    annotation[SIDE - 2 : SIDE + 2, 5] = 4
    assert sum(p.size for p in Painting.of(annotation).squares.values()) == 2 * SIDE**2
