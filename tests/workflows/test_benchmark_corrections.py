from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from napari_metaseg.core.annotation import check_annotation
from napari_metaseg.data.folders import TaskInfo
from napari_metaseg.workflows.benchmark.corrections import correct
from napari_metaseg.workflows.benchmark.draws import Draw, make_draw
from napari_metaseg.workflows.benchmark.errors import worst_error
from tests.data.tasks import disks, task

from .rivals import Oracle, Student

TRUTH = disks()
NOTHING = np.zeros_like(TRUTH)
LARGE = int(TRUTH[47, 16])  # rows of disks are 9 and 13 px in radius, in turn


def first_draw(images: int = 4) -> Draw:
    draw = make_draw(task(images=images), 1, 0, 0)
    assert draw is not None
    return draw


def test_the_largest_missed_cell_is_painted_first() -> None:
    found = np.where(np.isin(TRUTH, [2, LARGE]), 0, TRUTH)

    correction = worst_error(TRUTH, found, NOTHING)

    assert correction is not None
    np.testing.assert_array_equal(
        correction.annotation, np.where(TRUTH == LARGE, LARGE, 0)
    )
    assert correction.error == (TRUTH == LARGE).sum()


def test_a_poorly_covered_cell_is_worse_than_a_half_covered_one() -> None:
    columns = np.arange(TRUTH.shape[1])
    found = np.where((TRUTH == 2) & (columns < 44), 0, TRUTH)
    found = np.where((TRUTH == 3) & (columns < 86), 0, found)

    correction = worst_error(TRUTH, found, NOTHING)

    assert correction is not None
    assert set(np.unique(correction.annotation)) == {0, 3}


def test_a_painted_cell_is_not_painted_again() -> None:
    annotation = np.where(TRUTH == LARGE, LARGE, 0)
    found = np.where(np.isin(TRUTH, [2, LARGE]), 0, TRUTH)

    correction = worst_error(TRUTH, found, annotation)

    assert correction is not None
    assert set(np.unique(correction.annotation)) == {0, 2, LARGE}


def test_a_false_object_is_rejected_from_edge_to_edge_and_only_once() -> None:
    ghost = NOTHING.copy()
    ghost[60:68, 27:37] = 99
    ghost[TRUTH > 0] = 0
    found = np.where(ghost > 0, ghost, TRUTH)

    correction = worst_error(TRUTH, found, NOTHING)

    assert correction is not None
    assert correction.error == (ghost > 0).sum()
    np.testing.assert_array_equal(correction.annotation == -1, ghost > 0)
    assert worst_error(TRUTH, found, correction.annotation) is None
    assert worst_error(TRUTH, found, NOTHING, strike=False) is None


def test_an_object_that_touches_a_cell_is_no_false_one() -> None:
    found = np.where(np.roll(TRUTH, 2, 1) > 0, TRUTH.max() + np.roll(TRUTH, 2, 1), 0)

    assert worst_error(TRUTH, found, NOTHING) is None


def test_painted_cells_grow_by_one_each_round_and_scores_follow() -> None:
    draw = first_draw()

    curve = correct(draw, Student(), "scratch", rounds=4, images=2)

    assert curve is not None
    assert [p.corrections for p in curve.points] == [0, 1, 2, 3, 4]
    assert [p.cells for p in curve.points] == [1, 2, 3, 4, 5]
    assert [p.strokes for p in curve.points] == [0] * 5
    # The student finds one of 25 cells for each that was painted.
    assert [p.ap50 for p in curve.points] == pytest.approx(
        [k / 25 for k in range(1, 6)]
    )


def test_what_is_painted_stays_an_annotation_off_the_scored_images() -> None:
    draw = first_draw()
    oracle = Oracle(misses=3)

    correct(draw, oracle, "scratch", rounds=5, images=1)

    # Three cells are missed of each image that is not scored, one after the other.
    final = oracle.fits[-1]
    assert final.n_cells == len(oracle.fits)
    assert len(final.annotations) >= 2
    for index, annotation in final.annotations:
        assert index not in final.scored
        check_annotation(annotation[None])


def test_rounds_go_through_four_images_in_turn() -> None:
    draw = first_draw(6)
    oracle = Oracle(misses=9)

    correct(draw, oracle, "scratch", rounds=8, images=1)

    cells = [
        [int(a.max()) if (a := fit.on(i)) is not None else 0 for i in draw.at_hand(1)]
        for fit in oracle.fits
    ]
    # What is painted has the highest number so far.
    assert np.diff(cells, axis=0).argmax(1).tolist() == [0, 1, 2, 3] * 2


def test_an_image_without_errors_is_passed_over() -> None:
    draw = first_draw()
    oracle = Oracle(misses=2)
    spare = len(draw.task.images) - 1

    correct(draw, oracle, "scratch", rounds=2 * spare + 1, images=1)

    # Two cells are missed of each image that is not scored: none is left in the end.
    assert oracle.fits[-1].n_cells == oracle.fits[0].n_cells + 2 * spare


def test_the_loop_ends_when_nothing_is_wrong() -> None:
    curve = correct(first_draw(2), Oracle(), "scratch", rounds=5, images=1)

    assert curve is not None
    assert [(p.corrections, p.ap50) for p in curve.points] == [(0, 1.0)]


def test_rounds_start_where_they_are_told() -> None:
    cold, warm = Oracle(misses=2), Oracle(misses=2)

    correct(first_draw(), cold, "scratch", rounds=2, images=1)
    correct(first_draw(), warm, "warm", rounds=2, images=1)

    assert cold.starts_seen == [False, False, False]
    assert warm.starts_seen == [False, True, True]


def test_what_was_rejected_is_neither_scored_nor_corrected() -> None:
    curve = correct(first_draw(), Oracle(reverts=True), "scratch", rounds=1, images=1)

    assert curve is not None
    # Before it learns the oracle finds nothing: all cells are missed.
    assert [p.ap50 for p in curve.points] == [0, 0]
    assert curve.points[1].cells == 2


def test_nothing_is_struck_where_truth_is_incomplete() -> None:
    draw = first_draw(2)
    sparse = replace(draw.task, info=TaskInfo(source="x", complete=False))
    ghost = np.zeros_like(TRUTH)
    ghost[0, 0] = 1

    class Ghosts(Oracle):
        def fit(self, painted, *, previous=None):
            answer = super().fit(painted, previous=previous)
            answer.after = lambda image: np.where(ghost > 0, 99, answer.truth(image))
            return answer

    for known, strokes in ((draw, [0, 1]), (replace(draw, task=sparse), [0])):
        curve = correct(known, Ghosts(), "scratch", rounds=1, images=1)
        assert curve is not None
        assert [p.strokes for p in curve.points] == strokes


class Guide(Oracle):
    """Misses five cells of each image, and points at one of them."""

    def __init__(self, wanted: int) -> None:
        super().__init__(misses=5)
        self.wanted = wanted

    def fit(self, painted, *, previous=None):
        answer = super().fit(painted, previous=previous)
        y, x = np.argwhere(answer.task.masks[0] == self.wanted).mean(0)
        answer.suggest = lambda image, annotation: (y, x)
        return answer


def first_corrected(method: Oracle, place: str) -> set[int]:
    correct(first_draw(), method, "scratch", rounds=1, images=1, place=place)
    (index, before), (_, after) = (fit.annotations[0] for fit in method.fits)
    truth = method.fits[0].task.masks[index]
    return set(np.unique(truth[(before == 0) & (after > 0)]).tolist())


def test_what_is_corrected_gets_the_next_number() -> None:
    """So that methods know the order of painting."""
    method = Oracle(misses=5)

    correct(first_draw(), method, "scratch", rounds=3, images=1)

    numbers = [
        {int(k) for _, a in fit.annotations for k in np.unique(a) if k > 0}
        for fit in method.fits
    ]
    for fewer, more in itertools.pairwise(numbers):
        assert more - fewer == {max(fewer) + 1}
        assert fewer < more


@pytest.mark.parametrize("wanted", [1, 3, 5])
def test_the_error_nearest_to_what_is_suggested_is_corrected(wanted: int) -> None:
    draw = first_draw()
    assert wanted not in draw.cells_only

    assert first_corrected(Guide(wanted), "suggested") == {wanted}


def test_chance_chooses_among_errors_and_the_same_way_again() -> None:
    chosen = first_corrected(Oracle(misses=5), "random")

    assert chosen <= {1, 2, 3, 4, 5}
    assert len(chosen) == 1
    assert first_corrected(Oracle(misses=5), "random") == chosen


def test_a_method_without_suggestions_has_no_such_loop() -> None:
    curve = correct(
        first_draw(), Oracle(), "scratch", rounds=1, images=1, place="suggested"
    )

    assert curve is None


def test_a_curve_tells_which_error_was_corrected() -> None:
    names = [
        curve.start
        for place in ("worst", "suggested", "random")
        if (
            curve := correct(
                first_draw(), Guide(1), "scratch", rounds=1, images=1, place=place
            )
        )
    ]

    assert names == ["scratch", "scratch, suggested", "scratch, random"]
