"""Cells on which several looks agree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_metaseg.core.plane_output import PlaneOutput
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.core.votes import AGREED, FREE, SAME, vote

LOOK = arrays(np.int32, (6, 7), elements=st.integers(0, 4))


def square(top: int, left: int, number: int = 1, side: int = 8) -> np.ndarray:
    look = np.zeros((30, 40), np.int32)
    look[top : top + side, left : left + side] = number
    return look


def test_what_all_looks_have_stays_as_it_is() -> None:
    look = square(12, 20, 3) + square(2, 3, 7)

    chosen = vote([look, look, look])

    np.testing.assert_array_equal(chosen, square(12, 20, 2) + square(2, 3, 1))


def test_what_two_of_three_looks_have_stays_and_what_one_has_goes() -> None:
    both, once = square(2, 3), square(15, 20, 2)

    np.testing.assert_array_equal(vote([both, both + once, 0 * both]), both)


def test_a_cell_that_most_looks_leave_whole_stays_whole() -> None:
    whole = square(5, 5)
    halves = whole.copy()
    halves[9:13, 5:13] = 2

    np.testing.assert_array_equal(vote([halves, whole, whole]), whole)
    np.testing.assert_array_equal(vote([whole, halves, halves]) > 0, whole > 0)
    assert vote([whole, halves, halves]).max() == 2


def test_cells_that_hardly_meet_are_both_kept_and_share_no_pixel() -> None:
    left, right = square(5, 5), square(5, 11)

    chosen = vote([left, left, right, right])

    assert chosen.max() == 0, "each is in one of the three other looks only"
    chosen = vote([left, left, left, right, right, right, left, right])
    assert chosen.max() == 0
    one = left.copy()
    one[right > 0] = 2
    assert vote([one, one, one]).max() == 2


def test_nothing_in_any_look_is_nothing() -> None:
    assert vote([np.zeros((4, 5), np.int32)] * 3).max() == 0


def naive(looks: list[np.ndarray]) -> np.ndarray:
    """Vote as the words say, cell by cell."""
    cells = [
        (k, look == number)
        for k, look in enumerate(looks)
        for number in range(1, int(look.max()) + 1)
    ]

    def iou(a: np.ndarray, b: np.ndarray) -> float:
        return float((a & b).sum() / max((a | b).sum(), 1))

    votes = []
    for k, cell in cells:
        best = [
            max((iou(cell, other) for j, other in cells if j == i), default=0.0)
            for i in range(len(looks))
            if i != k
        ]
        votes.append(np.mean([b if b >= SAME else 0.0 for b in best]))
    chosen = np.zeros(looks[0].shape, bool)
    found = []
    for index in np.argsort(-np.array(votes), kind="stable"):
        cell = cells[index][1]
        free = cell & ~chosen
        if votes[index] >= AGREED and cell.any() and free.sum() >= FREE * cell.sum():
            found.append(free)
            chosen |= free
    found.sort(key=lambda cell: int(np.flatnonzero(cell)[0]))
    labels = np.zeros(looks[0].shape, np.int32)
    for number, cell in enumerate(found, start=1):
        labels[cell] = number
    return labels


@given(looks=st.lists(LOOK, min_size=2, max_size=4))
@settings(max_examples=200)
def test_the_vote_is_what_its_words_say(looks: list[np.ndarray]) -> None:
    np.testing.assert_array_equal(vote(looks), naive(looks))


def output(foreground: np.ndarray, cue: np.ndarray) -> PlaneOutput:
    maps = np.stack([foreground, cue]).astype(np.float16)
    return PlaneOutput(maps, (48, 48), 12.0)


@pytest.fixture
def hill() -> PlaneOutput:
    y, x = np.mgrid[:48, :48]
    height = np.exp(-((y - 20) ** 2 + (x - 24) ** 2) / 40)
    return output(np.clip(1.5 * height, 0, 0.98), height)


def test_a_plane_of_one_scale_is_decoded_and_one_of_several_is_put_to_the_vote(
    hill: PlaneOutput,
) -> None:
    alone = hill.instances(DecodeSettings())
    blank = output(np.zeros((48, 48)), np.zeros((48, 48)))

    def among(*others: PlaneOutput) -> np.ndarray:
        looks = PlaneOutput(hill.maps, hill.shape, hill.diameter, others=others)
        return looks.instances(DecodeSettings())

    assert alone.max() == 1
    np.testing.assert_array_equal(among(hill, hill), alone)
    np.testing.assert_array_equal(among(hill, blank), alone)
    assert among(blank, blank).max() == 0


def test_a_region_is_not_put_to_the_vote(hill: PlaneOutput) -> None:
    blank = output(np.zeros((48, 48)), np.zeros((48, 48)))
    looks = PlaneOutput(hill.maps, hill.shape, hill.diameter, others=(blank, blank))
    rules = DecodeSettings(region=True)

    np.testing.assert_array_equal(looks.instances(rules), hill.instances(rules))


def test_where_nothing_is_to_be_cut_no_look_cuts(hill: PlaneOutput) -> None:
    y, x = np.mgrid[:48, :48]
    two = np.exp(-((y - 20) ** 2 + (x - 17) ** 2) / 20)
    two += np.exp(-((y - 20) ** 2 + (x - 31) ** 2) / 20)
    touching = output(np.where(two > 0.08, 0.9, 0.0), np.clip(two, 0, 1))
    looks = PlaneOutput(touching.maps, (48, 48), 12.0, others=(touching, touching))

    assert looks.instances(DecodeSettings(split=0.0)).max() == 1
    assert looks.instances(DecodeSettings()).max() == 2
    assert looks.nbytes == 3 * touching.nbytes
