"""Corrections change what they are told to, and no other cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi
from skimage.draw import disk

from napari_metaseg.core.annotation import LEAST_AREA
from napari_metaseg.core.cut_out import Box
from napari_metaseg.core.edits import (
    Edit,
    accept,
    accept_within,
    complete,
    reject,
    reject_within,
)
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.reshape import GAP, join, split

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Labels = NDArray[np.int32]

SHAPE = (40, 48)
SQUARE = np.ones((3, 3))
PLACES = st.tuples(st.integers(0, SHAPE[0] - 1), st.integers(0, SHAPE[1] - 1))
WIDE_PLACES = st.tuples(st.integers(-9, SHAPE[0] + 9), st.integers(-9, SHAPE[1] + 9))


def empty() -> Labels:
    return np.zeros(SHAPE, np.int32)


def disks(*places: tuple[int, int, int, int]) -> Labels:
    """Draw disks (label, y, x, radius), the later ones on top."""
    labels = empty()
    for k, y, x, radius in places:
        labels[disk((y, x), radius, shape=SHAPE)] = k
    return labels


@st.composite
def planes(draw: st.DrawFn) -> tuple[Labels, Labels]:
    """Draw an annotation, and instances that need not agree with it."""
    circle = (st.integers(0, SHAPE[0]), st.integers(0, SHAPE[1]), st.integers(1, 9))
    painted = draw(st.lists(st.tuples(st.integers(-1, 4), *circle), max_size=5))
    shown = draw(st.lists(st.tuples(st.integers(1, 6), *circle), max_size=7))
    return disks(*painted), disks(*shown)


def attempt(make: Callable[[], Edit]) -> Edit | None:
    try:
        return make()
    except UserError as error:
        assert str(error).count(".") == 1
        return None


def part_at(labels: Labels, place: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the connected part of a number that a pixel lies in."""
    parts, _ = ndi.label(labels == labels[place], SQUARE)
    found: NDArray[np.bool_] = parts == parts[place]
    return found


def seen(annotation: Labels, shown: Labels) -> Labels:
    """Number painted cells and what is left of the instances apart."""
    free = np.where(annotation == 0, 2 * shown, 0)
    return np.where(annotation > 0, 2 * annotation + 1, free)


def check_form(edit: Edit, annotation: Labels) -> None:
    """Check that each pixel is named once, and changes."""
    pixels = edit.rows * SHAPE[1] + edit.columns
    assert len(np.unique(pixels)) == len(pixels)
    assert (annotation[edit.rows, edit.columns] != edit.labels).all()
    assert edit.labels.dtype == np.int32


@settings(deadline=None)
@given(planes(), PLACES)
def test_accepting_paints_one_part_and_nothing_else(
    pair: tuple[Labels, Labels], place: tuple[int, int]
) -> None:
    annotation, shown = pair
    edit = attempt(lambda: accept(annotation, shown, place))

    possible = annotation[place] == 0 and shown[place] > 0
    part = part_at(seen(annotation, shown), place)
    assert (edit is not None) == (possible and part.sum() >= LEAST_AREA)
    if edit is not None:
        check_form(edit, annotation)
        after = edit.apply(annotation)
        np.testing.assert_array_equal(after[~part], annotation[~part])
        (number,) = np.unique(after[part])
        assert number > 0
        assert number not in annotation
        if shown[place] not in annotation:
            assert number == shown[place]


@settings(deadline=None)
@given(planes(), PLACES)
def test_rejecting_makes_one_part_background(
    pair: tuple[Labels, Labels], place: tuple[int, int]
) -> None:
    annotation, shown = pair
    edit = attempt(lambda: reject(annotation, shown, place))

    codes = seen(annotation, shown)
    assert (edit is not None) == (codes[place] > 0)
    if edit is not None:
        check_form(edit, annotation)
        part = part_at(codes, place)
        expected = np.where(part, -1, annotation)
        np.testing.assert_array_equal(edit.apply(annotation), expected)


@settings(deadline=None)
@given(planes(), PLACES, PLACES)
def test_rectangles_judge_whole_parts_only(
    pair: tuple[Labels, Labels], one: tuple[int, int], other: tuple[int, int]
) -> None:
    annotation, shown = pair
    box = Box.between(one, other, SHAPE)
    inside = np.zeros(SHAPE, bool)
    inside[box.slices] = True
    free = np.where(annotation == 0, shown, 0)
    whole = []
    for k in np.unique(free[free > 0]):
        parts, n = ndi.label(free == k, SQUARE)
        whole += [p for p in (parts == i + 1 for i in range(n)) if inside[p].all()]
    large = [part for part in whole if part.sum() >= LEAST_AREA]

    edit = attempt(lambda: accept_within(annotation, shown, box))
    assert (edit is not None) == bool(large)
    if edit is not None:
        check_form(edit, annotation)
        assert edit.cells == len(large)
        after = edit.apply(annotation)
        numbers = [np.unique(after[part]).tolist() for part in large]
        assert len({n for found in numbers for n in found}) == len(large)
        untouched = ~np.any(large, axis=0)
        np.testing.assert_array_equal(after[untouched], annotation[untouched])
        assert not np.isin(edit.labels, annotation[annotation > 0]).any()

    edit = attempt(lambda: reject_within(annotation, shown, box))
    assert (edit is not None) == bool(whole)
    if edit is not None:
        check_form(edit, annotation)
        assert edit.cells == len(whole)
        expected = np.where(np.any(whole, axis=0), -1, annotation)
        np.testing.assert_array_equal(edit.apply(annotation), expected)


@given(planes(), PLACES, PLACES)
def test_a_complete_region_has_no_unknown_pixel_and_every_cell_it_had(
    pair: tuple[Labels, Labels], one: tuple[int, int], other: tuple[int, int]
) -> None:
    annotation, shown = pair
    box = Box.between(one, other, SHAPE)
    edit = attempt(lambda: complete(annotation, shown, box))

    expected = annotation.copy()
    region = expected[box.slices]
    assert (edit is not None) == bool((region == 0).any())
    if edit is not None:
        check_form(edit, annotation)
        assert edit.cells == len({*shown[box.slices][region == 0].tolist()} - {0})
        region[region == 0] = -1
        np.testing.assert_array_equal(edit.apply(annotation), expected)


@settings(deadline=None, max_examples=200)
@given(planes(), st.lists(WIDE_PLACES, min_size=1, max_size=4))
def test_splitting_cuts_one_part_and_loses_no_pixel(
    pair: tuple[Labels, Labels], path: list[tuple[int, int]]
) -> None:
    annotation, shown = pair
    edit = attempt(lambda: split(annotation, shown, path))
    if edit is None:
        return
    check_form(edit, annotation)
    after, codes = edit.apply(annotation), seen(annotation, shown)
    part = part_at(codes, (int(edit.rows[0]), int(edit.columns[0])))
    np.testing.assert_array_equal(after[~part], annotation[~part])
    numbers = np.unique(after[part])
    assert len(numbers) == edit.cells >= 2
    assert (numbers > 0).all()
    for k in numbers:
        assert (after[part] == k).sum() >= LEAST_AREA
    fresh = numbers[numbers != annotation[part].max()]
    assert not np.isin(fresh, annotation).any()


@settings(deadline=None, max_examples=200)
@given(planes(), PLACES, PLACES)
def test_joining_makes_one_cell_and_takes_nobodys_pixel(
    pair: tuple[Labels, Labels], first: tuple[int, int], second: tuple[int, int]
) -> None:
    annotation, shown = pair
    edit = attempt(lambda: join(annotation, shown, first, second))
    if edit is None:
        return
    check_form(edit, annotation)
    after, codes = edit.apply(annotation), seen(annotation, shown)
    both = part_at(codes, first) | part_at(codes, second)
    assert len(np.unique(after[both])) == 1
    added = (after != annotation) & ~both
    assert not codes[added].any()
    assert not annotation[added].any()
    whole = both | added
    assert ndi.label(whole, SQUARE)[1] == 1
    for part in (part_at(codes, first), part_at(codes, second)):
        distance = ndi.distance_transform_edt(~part)
        assert (distance[added] <= GAP + 1).all()


def test_a_large_cell_is_taken_whole() -> None:
    shown = np.zeros((400, 400), np.int32)
    shown[10:390, 200:203], shown[10:13, 20:390] = 7, 7

    edit = accept(np.zeros_like(shown), shown, (380, 201))

    np.testing.assert_array_equal(edit.apply(np.zeros_like(shown)), shown)


def test_a_line_halves_a_disk() -> None:
    shown = disks((3, 20, 20, 10))

    after = split(empty(), shown, [(5, 20), (35, 20)]).apply(empty())

    assert set(np.unique(after)) == {0, 3, 4}
    np.testing.assert_array_equal(after > 0, shown > 0)
    area = np.bincount(after.ravel())
    assert area[3] == pytest.approx(area[4], abs=25)
    for k in (3, 4):
        assert ndi.label(after == k, SQUARE)[1] == 1


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ([(5, 20), (20, 20)], "does not cut"),
        ([(20, 20)], "does not cut"),
        ([(0, 0), (0, 40)], "meets no cell"),
        ([(12, 5), (12, 35)], "fewer than"),
    ],
)
def test_a_line_that_does_not_part_a_cell_is_refused(
    path: list[tuple[int, int]], why: str
) -> None:
    with pytest.raises(UserError, match=why):
        split(empty(), disks((3, 20, 20, 10)), path)


def test_a_line_cuts_the_cell_it_runs_through_the_longest() -> None:
    shown = disks((1, 20, 10, 4), (2, 20, 30, 10))

    edit = split(empty(), shown, [(20, 8), (20, 46)])

    assert (shown[edit.rows, edit.columns] == 2).all()


@pytest.mark.parametrize("gap", range(GAP + 3))
def test_a_small_gap_is_closed_and_a_large_one_refused(gap: int) -> None:
    shown = empty()
    shown[10:25, 5:20], shown[12:24, 20 + gap : 32 + gap] = 1, 2

    if gap > GAP:
        with pytest.raises(UserError, match="apart"):
            join(empty(), shown, (12, 6), (13, 30))
    else:
        after = join(empty(), shown, (12, 6), (13, 30)).apply(empty())
        assert ndi.label(after, SQUARE)[1] == 1
        assert (after[shown > 0] == 1).all()
        assert (after[13:22, 19 : 21 + gap] == 1).all()


def test_a_gap_is_not_closed_over_a_stroke_or_another_cell() -> None:
    shown = empty()
    shown[10:20, 5:15], shown[10:20, 17:27] = 1, 2
    annotation = empty()
    annotation[:, 15:17] = -1
    with pytest.raises(UserError, match="apart"):
        join(annotation, shown, (12, 6), (12, 20))
    shown[:, 15:17] = 3
    with pytest.raises(UserError, match="apart"):
        join(empty(), shown, (12, 6), (12, 20))


def test_a_painted_cell_keeps_its_label_when_joined() -> None:
    annotation, shown = disks((9, 20, 10, 4)), disks((9, 20, 10, 4), (2, 20, 22, 9))

    edit = join(annotation, shown, (20, 22), (20, 10))

    assert set(edit.labels.tolist()) == {9}
    assert edit.apply(annotation)[20, 22] == 9


def test_a_cell_is_not_joined_to_itself() -> None:
    with pytest.raises(UserError, match="same cell"):
        join(empty(), disks((1, 20, 20, 9)), (18, 18), (22, 22))


def test_labels_stay_within_int32() -> None:
    top = int(np.iinfo(np.int32).max)
    shown = disks((top, 20, 20, 9))

    after = split(empty(), shown, [(5, 20), (35, 20)]).apply(empty())

    assert set(np.unique(after)) == {0, 1, top}


@pytest.mark.parametrize("place", [(-1, 5), (5, 48), (40, 0)])
def test_outside_the_image_is_no_cell(place: tuple[int, int]) -> None:
    with pytest.raises(UserError, match="no cell here"):
        reject(empty(), np.ones(SHAPE, np.int32), place)


def test_a_box_holds_the_pixel_centres_between_its_corners() -> None:
    assert Box.between((1.2, 7.0), (3.9, 4.6), SHAPE) == Box(2, 5, 4, 8)
    assert Box.between((-9, -9), (99, 99), SHAPE) == Box(0, 0, *SHAPE)
