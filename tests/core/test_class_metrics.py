"""Scores of classes, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from napari_metaseg.core.class_metrics import score_classes


@pytest.mark.parametrize("count", [2, 3, 5])
def test_scores_are_those_of_scikit_learn(count: int) -> None:
    rng = np.random.default_rng(count)
    true = np.append(np.arange(count), rng.integers(count, size=60))
    found = np.where(rng.random(len(true)) < 0.6, true, rng.integers(count, size=1))

    scores = score_classes(true, found, count)

    balanced = metrics.balanced_accuracy_score(true, found)
    assert scores.balanced == pytest.approx(balanced)
    f1 = metrics.f1_score(true, found, average="macro")
    assert scores.f1 == pytest.approx(f1)
    kappa = metrics.cohen_kappa_score(true, found, weights="quadratic")
    assert scores.kappa == pytest.approx(kappa)


def test_one_class_for_all_is_no_agreement() -> None:
    true = np.array([0, 1, 2, 2])

    assert score_classes(true, np.full(4, 2), 3).kappa == 0
    assert score_classes(true, true, 3).kappa == 1
