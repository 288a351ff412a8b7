"""Each inner object belongs to the outer object that holds most of it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.nesting import find_parents, lies_inside

_LABELS = arrays(np.int32, (2, 5, 6), elements=st.integers(0, 4))


@given(_LABELS, _LABELS)
def test_parents_are_those_of_counting_by_hand(
    inner: np.ndarray, outer: np.ndarray
) -> None:
    found = find_parents(inner, outer)

    assert found.inner.tolist() == sorted(set(inner[inner > 0].tolist()))
    for number, parent, share in zip(
        found.inner, found.outer, found.share, strict=True
    ):
        around = outer[inner == number]
        counts = Counter(around[around > 0].tolist())
        best = min(counts, key=lambda k: (-counts[k], k), default=0)
        assert parent == best
        assert share == counts.get(best, 0) / around.size


@given(_LABELS, _LABELS)
def test_painted_parents_cover_the_inner_objects(
    inner: np.ndarray, outer: np.ndarray
) -> None:
    found = find_parents(inner, outer)
    painted = found.paint(inner)

    assert painted.dtype == np.int32
    for number, parent in zip(found.inner, found.outer, strict=True):
        assert (painted[inner == number] == parent).all()
    assert not painted[inner == 0].any()


def test_nothing_in_nothing() -> None:
    none = np.zeros((4, 4), np.int32)
    found = find_parents(none, none)

    assert found.inner.size == 0
    assert not found.paint(none).any()


def test_other_shapes_are_refused() -> None:
    with pytest.raises(UserError, match="one image"):
        find_parents(np.zeros((4, 4), np.int32), np.zeros((4, 5), np.int32))


def test_the_smaller_objects_lie_inside() -> None:
    outer = np.zeros((9, 9), np.int32)
    outer[1:8, 1:8] = 1
    inner = np.zeros_like(outer)
    inner[3:6, 3:6] = 1

    assert lies_inside(inner, outer)
    assert not lies_inside(outer, inner)
    assert lies_inside(inner, np.zeros_like(inner))
    assert not lies_inside(np.zeros_like(inner), inner)
