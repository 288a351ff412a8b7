from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_metaseg.core.metrics import (
    average_precision,
    iou_matrix,
    mask_iou,
    match_counts,
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
