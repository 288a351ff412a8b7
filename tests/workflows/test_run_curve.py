from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_metaseg.workflows.run_curve import MOST, curves, learning_curve

from .test_run_card import bundle_of


def log_of(steps: int) -> list[dict[str, float]]:
    return [
        {"step": n, "query_after": float(n), "seconds": 1.0}
        | ({"query_blank": 2.0} if n % 2 else {"query_before": 3.0})
        for n in range(1, steps + 1)
    ]


def test_a_curve_averages_what_was_logged_along_equal_stretches() -> None:
    curve = learning_curve(log_of(100))

    assert [point["meta_steps"] for point in curve] == list(range(5, 101, 5))
    assert [point["query_after"] for point in curve] == list(range(3, 101, 5))
    assert {point["query_blank"] for point in curve} == {2.0}
    assert all("seconds" not in point for point in curve)


@given(steps=st.integers(0, 90))
def test_a_curve_ends_where_the_run_ends_and_is_short(steps: int) -> None:
    curve = learning_curve(log_of(steps))

    assert len(curve) == min(steps, MOST)
    if steps:
        assert curve[-1]["meta_steps"] == steps
        ends = [0, *(point["meta_steps"] for point in curve)]
        weights = np.diff(ends)
        means = [point["query_after"] for point in curve]
        assert np.average(means, weights=weights) == pytest.approx((steps + 1) / 2)


def test_the_curve_of_what_a_run_started_from_stands_beside_its_own() -> None:
    parent = bundle_of({"metrics": {"curve": [{"meta_steps": 7, "query_after": 0.5}]}})

    found = curves(log_of(1), parent)

    assert [point["meta_steps"] for point in found["curve"]] == [1]
    assert [point["meta_steps"] for point in found["curve_of_parent"]] == [7]
    assert curves([], bundle_of({})) == {}
