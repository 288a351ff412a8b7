"""The same cell in following planes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.linking import (
    keep_linked,
    link_labels,
    link_where_possible,
    successors,
)


def row(*runs: tuple[int, int]) -> np.ndarray:
    """Return a plane one pixel high: (label, length) in turn."""
    return np.concatenate([np.full(n, k) for k, n in runs])[None].astype(np.int32)


def test_the_higher_overlap_wins_and_the_other_cell_is_new() -> None:
    # IoU with 7: 5/10 for 1, 5/15 for 2, which lies first.
    before = row((0, 5), (7, 10), (0, 10))
    after = row((0, 5), (1, 5), (2, 15))
    linked = link_labels(np.stack([before, after]), "ZYX", "z")

    np.testing.assert_array_equal(linked[0], row((0, 5), (1, 10), (0, 10)))
    np.testing.assert_array_equal(linked[1], row((0, 5), (1, 5), (2, 15)))


def test_below_a_quarter_cells_are_others() -> None:
    for shared, same in ((4, True), (3, False)):  # of 10 + 10 px: 4/16 and 3/17
        before = row((1, 10), (0, 10))
        after = row((0, 10 - shared), (1, 10), (0, shared))
        linked = link_labels(np.stack([before, after]), "TYX", "t")
        assert (linked[1].max() == 1) == same


def test_a_movie_of_stacks_links_whole_cells() -> None:
    """The body's upper plane moves too far to be linked by itself."""
    movie = np.zeros((2, 2, 1, 40), np.int32)
    movie[0, 0, 0, 0:10] = movie[0, 1, 0, 0:30] = 1
    movie[1, 0, 0, 9:30] = movie[1, 1, 0, 1:31] = 5

    linked = link_labels(movie, "TZYX", "zt")
    only_t = link_labels(movie, "TZYX", "t")

    assert np.unique(linked[linked > 0]).tolist() == [1]
    assert only_t[0, 1].max() == only_t[1, 1].max()
    assert only_t[0, 0].max() != only_t[1, 0].max()


labels = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).integers(0, 6, (4, 3, 8)).astype(np.int32)
)


@given(labels, st.integers(0, 99))
def test_nothing_depends_on_the_numbers_given(stack: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    renumbered = np.stack(
        [np.append(0, 1 + rng.permutation(99))[plane] for plane in stack]
    )
    linked = link_labels(stack, "ZYX", "z")

    np.testing.assert_array_equal(link_labels(renumbered, "ZYX", "z"), linked)
    np.testing.assert_array_equal(linked > 0, stack > 0)
    for plane, numbers in zip(stack, linked, strict=True):
        pairs = np.unique(np.stack([plane.ravel(), numbers.ravel()]), axis=1)
        assert len(set(pairs[0])) == len(set(pairs[1])) == pairs.shape[1]


@given(labels)
def test_a_constant_stack_keeps_its_numbers(stack: np.ndarray) -> None:
    constant = np.stack([stack[0]] * 5)
    linked = link_labels(constant, "TYX", "t")

    assert (linked == linked[0]).all()
    assert linked.max() == len(np.unique(stack[0][stack[0] > 0]))


def test_pairs_of_planes_follow_the_axis() -> None:
    assert list(successors("TZ", (2, 3), "Z")) == [(0, 1), (3, 4), (1, 2), (4, 5)]
    assert list(successors("TZ", (2, 3), "T")) == [(0, 3), (1, 4), (2, 5)]


def test_what_cannot_be_linked_is_refused() -> None:
    plane = np.zeros((4, 4), np.int32)
    with pytest.raises(UserError, match="along Z"):
        link_labels(plane, "YX", "z")
    with pytest.raises(UserError, match="no link 'x'"):
        link_labels(plane, "YX", "x")
    assert link_labels(plane, "YX", "none") is plane


@given(labels, st.integers(0, 99))
def test_linked_cells_keep_their_numbers(stack: np.ndarray, seed: int) -> None:
    linked = link_labels(stack, "TYX", "t")
    numbers = np.append(0, 1 + np.random.default_rng(seed).permutation(300))
    before = numbers[linked].astype(np.int32)

    np.testing.assert_array_equal(keep_linked(linked, before), before)
    # Whatever numbers there were, the same pixels belong together.
    kept = keep_linked(linked, stack)
    np.testing.assert_array_equal(link_labels(kept, "TYX", "t"), linked)
    pairs = {*zip(linked.ravel().tolist(), kept.ravel().tolist(), strict=True)}
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def test_most_pixels_decide_which_number_is_kept() -> None:
    linked = np.stack([row((1, 10), (0, 2)), row((1, 9), (0, 3))])
    before = np.stack([row((7, 10), (0, 2)), row((5, 9), (0, 3))])

    assert set(np.unique(keep_linked(linked, before))) == {0, 7}


def test_an_image_without_the_axis_stays_as_it_is() -> None:
    plane = row((3, 4), (0, 2), (9, 4))

    np.testing.assert_array_equal(link_where_possible(plane, "YX", "zt"), plane)
    stack = np.stack([plane, plane])
    linked = link_where_possible(stack, "ZYX", "zt")
    np.testing.assert_array_equal(linked, link_labels(stack, "ZYX", "z"))


def test_depth_before_time_gives_the_same_cells() -> None:
    """The later part of a cell may lie in a plane before those of the earlier one."""
    movie = np.zeros((3, 2, 1, 40), np.int32)
    movie[0, 1, 0, :10] = movie[1, 1, 0, :10] = 1
    movie[1, 0, 0, 20:30] = 2
    movie[2, 0, 0, :10] = movie[2, 1, 0, :10] = 1

    linked = link_labels(movie, "TZYX", "zt")
    turned = link_labels(np.swapaxes(movie, 0, 1), "ZTYX", "zt")

    back = np.swapaxes(turned, 0, 1)
    pairs = np.unique(np.stack([linked.ravel(), back.ravel()]), axis=1)
    assert len(set(pairs[0])) == len(set(pairs[1])) == pairs.shape[1] == 3


def test_new_cells_get_numbers_where_those_before_are_the_largest() -> None:
    before = row((2**31 - 1, 4), (0, 4))
    linked = row((1, 4), (2, 4))

    kept = keep_linked(linked, before)

    np.testing.assert_array_equal(kept, row((2**31 - 1, 4), (1, 4)))
