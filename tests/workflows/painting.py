"""What a person would paint of known masks."""

from __future__ import annotations

from typing import Any

import numpy as np


def paint(masks: np.ndarray, number: int = 3) -> np.ndarray:
    """Paint the largest whole objects, numbered from 101, and one stroke."""
    edge = np.concatenate([masks[0], masks[-1], masks[:, 0], masks[:, -1]])
    area = np.bincount(masks.ravel())
    area[edge] = area[0] = 0
    annotation = np.zeros(masks.shape, np.int32)
    for k in np.argsort(area)[::-1][:number]:
        annotation[masks == k] = 100 + k
    free = np.argwhere((masks == 0)[5:-5, 5:-5])
    y, x = free[len(free) // 2] + 5
    stroke = annotation[y - 1 : y + 2, x - 4 : x + 5]
    stroke[stroke == 0] = -1
    return annotation


def check_labels(labels: Any, annotation: np.ndarray) -> None:
    """Check what is promised of every result."""
    assert labels.dtype == np.int32
    assert labels.shape == annotation.shape
    assert labels.min() >= 0
    cells = annotation > 0
    np.testing.assert_array_equal(labels[cells], annotation[cells])
    assert not labels[annotation == -1].any()
    for k in np.unique(annotation[cells]):
        assert not (labels[annotation == 0] == k).any()
