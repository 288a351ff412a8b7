from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_metaseg.core.metrics import (
    IOU_THRESHOLDS,
    average_precision,
    iou_matrix,
    mask_dice,
    mask_iou,
    match_counts,
    mean_average_precision,
)

small = arrays(np.int32, (5, 6), elements=st.integers(0, 4))


def plain_iou(truth: np.ndarray, found: np.ndarray) -> list[list[float]]:
    rows, columns = (np.unique(a[a > 0]) for a in (truth, found))
    return [
        [
            np.count_nonzero((truth == t) & (found == f))
            / np.count_nonzero((truth == t) | (found == f))
            for f in columns
        ]
        for t in rows
    ]


@given(small, small)
def test_iou_matrix_equals_the_definition(truth: np.ndarray, found: np.ndarray) -> None:
    matrix = iou_matrix(truth, found)
    expected = np.array(plain_iou(truth, found)).reshape(matrix.shape)

    np.testing.assert_allclose(matrix, expected)


def plain_ap(truth: np.ndarray, found: np.ndarray, threshold: float) -> float:
    """Match exhaustively: every way to give true objects different found ones."""
    iou = plain_iou(truth, found)
    n, m = len(iou), len(np.unique(found[found > 0]))
    hits = [[value >= threshold for value in row] for row in iou]
    places = [*range(m), *[-1] * n]
    tp = max(
        sum(j >= 0 and hits[i][j] for i, j in enumerate(chosen))
        for chosen in itertools.permutations(places, n)
    )
    return tp / (n + m - tp) if n + m else 1.0


tiny = arrays(np.int32, (3, 4), elements=st.integers(0, 3))


@given(tiny, tiny)
def test_ap_at_every_threshold_equals_the_definition(
    truth: np.ndarray, found: np.ndarray
) -> None:
    expected = [plain_ap(truth, found, t) for t in IOU_THRESHOLDS]

    assert [average_precision(truth, found, t) for t in IOU_THRESHOLDS] == expected
    assert mean_average_precision(iou_matrix(truth, found)) == pytest.approx(
        np.mean(expected)
    )


def test_the_mean_ap_is_taken_over_ten_thresholds() -> None:
    assert len(IOU_THRESHOLDS) == 10
    np.testing.assert_allclose(IOU_THRESHOLDS, np.arange(50, 100, 5) / 100, rtol=0)


@given(tiny, tiny)
def test_dice_and_iou_are_those_of_sets(a: np.ndarray, b: np.ndarray) -> None:
    one, two = (set(np.flatnonzero(x)) for x in (a, b))
    union = one | two

    assert mask_iou(a > 0, b > 0) == (len(one & two) / len(union) if union else 1)
    assert mask_dice(a > 0, b > 0) == (
        2 * len(one & two) / (len(one) + len(two)) if union else 1
    )


@given(small)
def test_a_label_image_matches_itself_under_any_numbers(labels: np.ndarray) -> None:
    assert average_precision(labels, np.where(labels > 0, 10 - labels, 0)) == 1


def test_counts_of_a_known_case() -> None:
    truth = np.array([[1, 1, 0, 2, 2, 0, 3]])
    found = np.array([[5, 5, 0, 6, 0, 7, 0]])

    counts = match_counts(iou_matrix(truth, found))

    assert counts == (2, 1, 1)
    assert counts.ap == pytest.approx(0.5)


def test_one_found_object_matches_one_true_object_only() -> None:
    truth = np.array([[1, 1, 2, 2]])

    assert match_counts(iou_matrix(truth, np.array([[1, 1, 1, 1]]))) == (1, 0, 1)


def test_empty_images() -> None:
    empty, one = np.zeros((3, 3), int), np.eye(3, dtype=int)

    assert average_precision(empty, empty) == 1
    assert average_precision(one, empty) == average_precision(empty, one) == 0
    assert mask_iou(empty > 0, empty > 0) == 1
