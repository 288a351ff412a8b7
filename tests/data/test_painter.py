from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_metaseg.core.objects import object_diameters
from napari_metaseg.data.painter import (
    add_strokes,
    choose_cells,
    paint_cells,
    reject_objects,
)

from .tasks import disks

MASKS = disks()
DIAMETERS = object_diameters(MASKS)
SEEDS = st.integers(0, 2**32)


@given(SEEDS, st.integers(1, 40))
def test_whole_and_different_cells_are_chosen(seed: int, number: int) -> None:
    masks = MASKS.copy()
    masks[:, :16] = 0
    cut = set(masks[:, 16].tolist()) | {0}
    masks = masks[:, 16:]

    chosen = choose_cells(masks, DIAMETERS, np.random.default_rng(seed), number=number)

    assert len(chosen) == len(set(chosen)) == min(number, 20)
    assert not cut & set(chosen), "cells at the edge are not whole"


@given(SEEDS)
def test_by_default_one_to_five(seed: int) -> None:
    assert 1 <= len(choose_cells(MASKS, DIAMETERS, np.random.default_rng(seed))) <= 5


def test_where_no_cell_is_whole_none_is_chosen() -> None:
    rng = np.random.default_rng(0)

    assert choose_cells(np.zeros((9, 9), np.int32), {}, rng) == []
    assert choose_cells(np.ones((9, 9), np.int32), {1: 9.0}, rng) == []


def test_debris_is_hardly_ever_painted() -> None:
    masks = MASKS.copy()
    masks[0:2, :] = 0
    masks[30:33, 30:33] = 99
    diameters = object_diameters(masks)
    rng = np.random.default_rng(0)

    drawn = [choose_cells(masks, diameters, rng, number=3) for _ in range(200)]

    assert sum(99 in cells for cells in drawn) <= 4


@settings(max_examples=50)
@given(SEEDS)
def test_the_hand_errs_by_a_pixel_at_most(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = choose_cells(MASKS, DIAMETERS, rng)

    painted = paint_cells(MASKS, cells, rng)

    assert set(np.unique(painted)) == {0, *cells}
    square = np.ones((3, 3))
    for k in cells:
        own, drawn = MASKS == k, painted == k
        assert not (drawn & ~ndi.binary_dilation(own, square)).any()
        assert not (ndi.binary_erosion(own, square) & ~drawn).any()


def test_a_cell_too_thin_to_shrink_does_not_vanish() -> None:
    masks = np.zeros((20, 20), np.int32)
    masks[5, 5:15] = 1

    painted = [paint_cells(masks, [1], np.random.default_rng(n)) for n in range(30)]

    assert all((p == 1).any() for p in painted)


def test_a_thin_rim_is_not_torn() -> None:
    y, x = np.ogrid[-20:21, -20:21]
    # Thicker above and below, where a shrunken rim would remain.
    rim = (np.hypot(y, x) < 16) & (np.hypot(y / 10, x / 14) > 1)
    masks = rim.astype(np.int32)
    assert ndi.label(ndi.binary_erosion(rim), np.ones((3, 3)))[1] > 1

    painted = [paint_cells(masks, [1], np.random.default_rng(n)) for n in range(30)]

    for hand in painted:
        assert ndi.label(hand, np.ones((3, 3)))[1] == 1
        assert hand[20, 20] == 0
    assert len({int((hand > 0).sum()) for hand in painted}) == 2, "as it is, or larger"


def test_a_cell_at_the_edge_does_not_come_in_again_on_the_other_side() -> None:
    masks = np.zeros((20, 20), np.int32)
    masks[:6, 5:15] = 1

    painted = [paint_cells(masks, [1], np.random.default_rng(n)) for n in range(40)]

    assert all((hand > 0).any() and not hand[8:].any() for hand in painted)
    assert any(not hand[5].any() for hand in painted), "moved out of the image"


def test_a_cell_that_was_lost_when_the_image_shrank_is_not_painted() -> None:
    for cell in (3, 30):
        masks = np.where(MASKS == 3, 0, MASKS).astype(np.int32)
        hand = paint_cells(masks, [5, cell], np.random.default_rng(0))
        assert set(np.unique(hand)) == {0, 5}


@settings(max_examples=50)
@given(SEEDS, st.floats(0.3, 4))
def test_strokes_never_touch_an_object(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    painted = paint_cells(MASKS, choose_cells(MASKS, DIAMETERS, rng), rng)

    with_strokes = add_strokes(painted, MASKS, rng, scale=scale)

    stroke = with_strokes == -1
    assert not (ndi.binary_dilation(stroke) & (MASKS > 0)).any()
    np.testing.assert_array_equal(with_strokes[~stroke], painted[~stroke])


@pytest.mark.parametrize("number", [0, 5])
def test_as_many_strokes_as_asked_for(number: int) -> None:
    rng = np.random.default_rng(2)
    painted = np.where(MASKS == 8, 8, 0).astype(np.int32)
    alone = np.zeros_like(MASKS)

    drawn = add_strokes(painted, alone, rng, number=number)

    assert (drawn == -1).any() == (number > 0)
    assert ndi.label(drawn == -1, np.ones((3, 3)))[1] <= number


@settings(max_examples=50)
@given(SEEDS)
def test_what_is_rejected_is_shaped_like_an_object_and_is_none(seed: int) -> None:
    rng = np.random.default_rng(seed)
    painted = paint_cells(MASKS, choose_cells(MASKS, DIAMETERS, rng), rng)

    rejected = reject_objects(painted, MASKS, np.zeros_like(MASKS), rng, number=1)

    struck = rejected == -1
    assert not (struck & (MASKS > 0)).any()
    np.testing.assert_array_equal(rejected[~struck], painted[~struck])
    if struck.any():
        corner = np.argwhere(struck).min(0)
        moved = np.argwhere(struck) - corner
        shapes = [np.argwhere(MASKS == k) for k in np.unique(MASKS)[1:]]
        assert any(np.array_equal(moved, s - s.min(0)) for s in shapes)


def test_objects_of_another_kind_are_rejected_first_and_whole() -> None:
    rng = np.random.default_rng(0)
    painted = np.where(MASKS == 8, 8, 0).astype(np.int32)
    target, others = np.where(MASKS == 8, 8, 0), np.where(MASKS == 5, 5, 0)

    rejected = reject_objects(painted, target, others, rng, number=1)

    np.testing.assert_array_equal(rejected == -1, others > 0)


def test_nothing_is_rejected_where_there_is_no_room() -> None:
    full = np.ones((9, 9), np.int32)

    rejected = reject_objects(
        full, full, np.zeros_like(full), np.random.default_rng(0), number=3
    )

    np.testing.assert_array_equal(rejected, full)
