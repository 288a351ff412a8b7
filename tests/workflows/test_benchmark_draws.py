from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_metaseg.core.annotation import check_annotation
from napari_metaseg.core.objects import object_diameters
from napari_metaseg.workflows.benchmark.draws import (
    ALL_REGIMES,
    Painted,
    make_draw,
    whole_cells,
)
from tests.data.tasks import task

if TYPE_CHECKING:
    from napari_metaseg.data.folders import TaskFolder

DISKS = task(images=4)


def with_masks(*masks: np.ndarray) -> TaskFolder:
    return replace(
        DISKS,
        images=tuple(np.where(m > 0, 200, 20).astype(np.uint8) for m in masks),
        masks=tuple(masks),
        diameters=tuple(object_diameters(m) for m in masks),
    )


@given(st.integers(1, 6), st.integers(0, 5), st.integers(0, 3))
@settings(deadline=None, max_examples=25)
def test_scored_images_never_contain_the_painted_one(
    cells: int, number: int, seed: int
) -> None:
    draw = make_draw(DISKS, cells, number, seed)

    assert draw is not None
    assert sorted([draw.image, *draw.others]) == [0, 1, 2, 3]
    for images in (1, 3, 9):
        for regime in ALL_REGIMES:
            painted = draw.painted(regime, images)
            assert painted.scored == draw.others[:images]
            assert all(painted.on(i) is None for i in painted.scored)


@given(st.integers(1, 12), st.integers(0, 5), st.integers(1, 3))
@settings(deadline=None, max_examples=25)
def test_spread_cells_are_dealt_out_to_images_that_are_not_scored(
    cells: int, number: int, images: int
) -> None:
    draw = make_draw(task(images=6), cells, number, 0)

    assert draw is not None
    alone, spread = (draw.painted(r, images) for r in ("cells", "spread"))
    assert spread.n_cells == alone.n_cells
    assert spread.scored == alone.scored
    assert [i for i, _ in spread.annotations] == list(draw.at_hand(images)[:cells])
    counts = [len(np.unique(a[a > 0])) for _, a in spread.annotations]
    assert max(counts) - min(counts) <= 1
    order = np.concatenate([np.unique(a[a > 0]) for _, a in spread.annotations])
    assert order.tolist() == list(range(1, spread.n_cells + 1))
    for index, annotation in spread.annotations:
        masks = draw.task.masks[index]
        for k in np.unique(annotation[annotation > 0]):
            (cell,) = np.unique(masks[annotation == k])
            np.testing.assert_array_equal(annotation == k, masks == cell)
    first = dict(spread.annotations)[draw.image] > 0
    assert not (first & (draw.cells_only == 0)).any()


def test_spread_cells_of_a_single_image_are_those_of_a_draw() -> None:
    draw = make_draw(task(images=1), 3, 0, 0)

    assert draw is not None
    ((index, annotation),) = draw.painted("spread", 1).annotations
    assert index == 0
    np.testing.assert_array_equal(annotation > 0, draw.cells_only > 0)


@given(st.integers(1, 6), st.integers(0, 5))
@settings(deadline=None, max_examples=15)
def test_a_whole_image_is_all_that_there_is_the_cells_of_the_draw_first(
    cells: int, number: int
) -> None:
    draw = make_draw(DISKS, cells, number, 0)

    assert draw is not None
    alone, whole = (draw.painted(r, 2) for r in ("cells", "whole"))
    ((index, annotation),) = whole.annotations
    masks = DISKS.masks[index]
    assert (index, whole.scored) == (draw.image, alone.scored)
    np.testing.assert_array_equal(annotation == -1, masks == 0)
    np.testing.assert_array_equal(annotation > 0, masks > 0)
    assert whole.n_cells == len(np.unique(masks)) - 1
    first = (annotation > 0) & (annotation <= alone.n_cells)
    np.testing.assert_array_equal(first, draw.cells_only > 0)
    check_annotation(annotation[None])


def test_no_ground_is_told_where_not_all_objects_are_known() -> None:
    known = replace(DISKS, info=replace(DISKS.info, complete=False))
    draw = make_draw(known, 2, 0, 0)

    assert draw is not None
    ((_, annotation),) = draw.painted("whole", 1).annotations
    assert annotation.min() == 0


def test_nothing_is_left_to_score_on_a_single_image_that_is_painted_whole() -> None:
    alone, several = make_draw(task(images=1), 3, 0, 0), make_draw(DISKS, 3, 0, 0)

    assert alone is not None
    assert several is not None
    assert [r for r in ALL_REGIMES if not alone.has(r)] == ["whole"]
    assert all(map(several.has, ALL_REGIMES))


def test_an_image_without_whole_cells_has_no_share() -> None:
    empty = np.zeros_like(DISKS.masks[0])
    draw = make_draw(with_masks(*DISKS.masks[:3], empty), 4, 0, 0)

    assert draw is not None
    painted = draw.painted("spread", 1)
    assert 3 not in dict(painted.annotations)
    assert painted.n_cells >= 2


@given(st.integers(1, 6), st.integers(0, 9))
@settings(deadline=None, max_examples=25)
def test_both_regimes_paint_the_same_whole_cells(cells: int, number: int) -> None:
    draw = make_draw(DISKS, cells, number, 0)

    assert draw is not None
    plain, struck = draw.cells_only, draw.with_strokes
    masks = DISKS.masks[draw.image]
    chosen = np.unique(plain[plain > 0])
    assert len(chosen) == cells == draw.painted("cells", 1).n_cells
    np.testing.assert_array_equal(plain, np.where(np.isin(masks, chosen), masks, 0))
    np.testing.assert_array_equal(np.maximum(struck, 0), plain)
    assert not (struck[masks > 0] < 0).any()
    assert set(np.unique(struck)) <= {-1, 0, *chosen}


def test_strokes_are_drawn() -> None:
    draws = [make_draw(DISKS, 2, n, 0) for n in range(5)]

    assert any((d.with_strokes < 0).any() for d in draws if d is not None)


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    first, again, other = (make_draw(DISKS, 3, 0, seed) for seed in (5, 5, 6))

    assert first is not None
    assert again is not None
    assert other is not None
    assert (first.image, first.others) == (again.image, again.others)
    np.testing.assert_array_equal(first.with_strokes, again.with_strokes)
    assert not np.array_equal(first.cells_only, other.cells_only)


def test_the_image_with_most_cells_is_painted_where_none_has_enough() -> None:
    few, more = DISKS.masks[0].copy(), DISKS.masks[0].copy()
    few[few > 2] = 0
    more[more > 5] = 0

    draw = make_draw(with_masks(few, more), 10, 0, 0)

    assert draw is not None
    assert draw.image == 1
    assert draw.painted("cells", 1).n_cells == 5


def test_a_task_without_a_whole_cell_has_no_draw() -> None:
    blank = np.zeros((40, 40), np.int32)
    cut = blank.copy()
    cut[:10] = 1
    speck = blank.copy()
    speck[20:22, 20:22] = 1

    assert all(make_draw(with_masks(m), 1, 0, 0) is None for m in (blank, cut, speck))


def test_the_only_image_of_a_task_is_scored_without_its_painted_cells() -> None:
    draw = make_draw(with_masks(DISKS.masks[0]), 2, 0, 0)

    assert draw is not None
    assert draw.others == (0,)
    painted = draw.painted("cells", 3)
    assert painted.scored == (0,)
    np.testing.assert_array_equal(painted.on(0), draw.cells_only)


def test_only_the_largest_part_of_an_object_is_painted() -> None:
    masks = np.zeros((20, 20), np.int32)
    masks[2:4, 2:4] = masks[10:18, 10:18] = 7

    painted = whole_cells(masks, [7])

    assert (painted > 0).sum() == 64
    assert painted[12, 12] == 7


def test_the_diameter_is_the_one_that_adaptation_measures() -> None:
    draw = make_draw(DISKS, 4, 1, 0)
    assert draw is not None
    other = np.where(DISKS.masks[3] == 1, 1, 0).astype(np.int32)
    painted = Painted(DISKS, ((draw.image, draw.cells_only), (3, other)), (2,))

    both = check_annotation(np.stack([draw.cells_only, other]))
    assert painted.diameter == pytest.approx(both.diameter)
    assert painted.n_cells == both.n_cells == 5
