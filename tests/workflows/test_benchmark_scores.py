from __future__ import annotations

import numpy as np
import pytest

from napari_metaseg.core.metrics import average_precision
from napari_metaseg.workflows.benchmark.scores import (
    Scores,
    leave_out,
    mean_scores,
    score,
)
from tests.data.tasks import disks

TRUTH = disks()


def test_truth_scores_one_and_nothing_scores_nought() -> None:
    assert score(TRUTH, TRUTH) == Scores(1, 1, 1, 1)
    assert score(TRUTH, np.zeros_like(TRUTH)) == Scores(0, 0, 0, 0)


def test_scores_of_a_known_case() -> None:
    truth, found = np.zeros((2, 10), np.int32), np.zeros((2, 10), np.int32)
    truth[0], found[0, :6] = 1, 1  # IoU 0.6: a match at 0.5, 0.55 and 0.6
    found[1, :4] = 2  # and one that is not there

    result = score(truth, found)

    assert result.ap50 == pytest.approx(1 / 2)
    assert result.map == pytest.approx(3 * (1 / 2) / 10)
    assert result.dice == pytest.approx(2 * 6 / (10 + 10))
    assert result.iou == pytest.approx(6 / 14)


def test_painted_cells_count_neither_for_nor_against() -> None:
    painted = np.where(np.isin(TRUTH, [3, 8]), TRUTH, 0)
    rest = np.where(painted > 0, 0, TRUTH)

    without = score(TRUTH, rest, painted)
    verbatim = score(TRUTH, TRUTH, painted)

    assert without == verbatim == Scores(1, 1, 1, 1)
    assert score(TRUTH, np.where(painted > 0, TRUTH, 0), painted).ap50 == 0


def test_an_answer_to_a_painted_cell_is_left_out_whatever_its_outline() -> None:
    painted = np.where(TRUTH == 3, TRUTH, 0)
    shifted = np.roll(np.where(TRUTH == 3, 99, 0), 4, 1)
    found = np.where(shifted > 0, shifted, np.where(TRUTH == 3, 0, TRUTH))

    truth, left = leave_out(TRUTH, found.astype(np.int32), painted)

    assert 3 not in truth
    assert 99 not in left
    assert average_precision(truth, left) == 1


def test_a_false_object_beside_a_painted_cell_still_counts() -> None:
    painted = np.where(TRUTH == 3, TRUTH, 0)
    found = TRUTH.copy()
    found[70:75, :8] = 99

    assert score(TRUTH, found, painted).ap50 == pytest.approx(24 / 25)


def test_the_mean_is_taken_score_by_score() -> None:
    mean = mean_scores([Scores(0, 0.2, 0.4, 1), Scores(1, 0.4, 0.8, 0)])

    assert mean.as_dict() == pytest.approx(
        {"ap50": 0.5, "map": 0.3, "dice": 0.6, "iou": 0.5}
    )
