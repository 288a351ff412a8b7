from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from napari_metaseg.core.errors import UserError
from napari_metaseg.workflows.benchmark.rows import Row
from napari_metaseg.workflows.benchmark.statistics import (
    RESAMPLES,
    bootstrap_interval,
    compare,
    leave_one_source_out,
    make_frame,
    share_worse,
    spread_over_draws,
    task_means,
    worst_decile,
)


def scores(ap50: float) -> dict[str, float]:
    return {"ap50": ap50, "map": ap50 / 2, "dice": 1.0, "iou": 1.0}


def row(
    task: str,
    draw: int,
    shown: float,
    *,
    method: str = "a",
    before: float | None = None,
    source: str = "",
    seed: int = 0,
) -> Row:
    return Row(
        task,
        "cells",
        3,
        draw,
        method,
        source or task,
        "print",
        3,
        None if before is None else scores(before),
        scores(shown),
        scores(shown),
        False,
        1.0,
        0.5,
        None,
        seed,
    )


def test_a_frame_holds_every_score_at_every_stage() -> None:
    frame = make_frame([row("t", 0, 0.5, before=0.25), row("t", 1, 0.7)])

    assert frame["ap50_before"].tolist()[0] == 0.25
    assert math.isnan(frame["ap50_before"].tolist()[1])
    assert frame["map_after"].tolist() == [0.25, 0.35]
    assert frame["memory"].isna().all()


def test_tasks_weigh_alike_whatever_their_draws() -> None:
    frame = make_frame([row("t", 0, 0.0), row("t", 1, 0.5), row("u", 0, 1.0)])

    means = task_means(frame, "ap50_shown")

    assert means["a"].to_dict() == {"t": 0.25, "u": 1.0}


def test_a_score_that_a_method_lacks_is_a_gap_and_no_error() -> None:
    frame = make_frame([row("t", 0, 0.5)])

    assert math.isnan(task_means(frame, "ap50_before")["a"]["t"])


@pytest.mark.parametrize(
    ("count", "expected"), [(1, 0.0), (10, 0.0), (11, 0.5), (20, 0.5), (21, 1.0)]
)
def test_the_worst_decile_is_a_tenth_of_the_tasks(count: int, expected: float) -> None:
    assert worst_decile(np.arange(count)[::-1].astype(float)) == expected


def test_the_spread_is_that_of_draws_not_of_tasks() -> None:
    rows = [row("t", 0, 0.1), row("t", 1, 0.3), row("u", 0, 0.9), row("u", 1, 0.9)]

    assert spread_over_draws(make_frame(rows), "ap50_shown") == pytest.approx(
        math.sqrt(0.02) / 2
    )
    assert math.isnan(spread_over_draws(make_frame(rows[:1]), "ap50_shown"))


def test_a_pair_is_worse_when_it_loses_more_than_two_points() -> None:
    own = [row("t", 0, 0.48), row("t", 1, 0.47), row("u", 0, 0.9), row("v", 0, 0.0)]
    other = [
        row("t", 0, 0.0, method="b", before=0.5),
        row("t", 1, 0.0, method="b", before=0.5),
        row("u", 0, 0.0, method="b", before=0.5),
    ]

    assert share_worse(make_frame(own), make_frame(other)) == pytest.approx(1 / 3)
    assert math.isnan(share_worse(make_frame(own), make_frame(own)))


def test_only_draws_that_both_have_are_compared() -> None:
    a = [row("t", 0, 0.5), row("t", 1, 1.0), row("u", 0, 0.3), row("only", 0, 0.0)]
    b = [
        row("t", 0, 0.1, method="b"),
        row("u", 0, 0.2, method="b"),
        row("u", 1, 0.9, method="b"),
    ]

    found = compare(make_frame(a), make_frame(b))

    assert found is not None
    assert found.difference == pytest.approx((0.4 + 0.1) / 2)
    assert (found.tasks, found.sources) == (2, 2)
    assert compare(make_frame(a[:1]), make_frame(b[1:])) is None


def test_draws_of_one_number_and_different_seeds_are_different_draws() -> None:
    a = [row("t", 0, 0.5), row("t", 0, 0.9, seed=1)]
    b = [
        row("t", 0, 0.1, method="b", seed=1, before=0.9),
        row("t", 0, 0.4, method="b", seed=2, before=0.9),
    ]

    found = compare(make_frame(a), make_frame(b))

    assert found is not None
    assert found.difference == pytest.approx(0.9 - 0.1)
    # The first loses 0.4 against what another seed shows before: no pair.
    assert share_worse(make_frame(a), make_frame(b)) == 0
    assert spread_over_draws(make_frame(a), "ap50_shown") == pytest.approx(
        math.sqrt(0.08)
    )


def test_a_single_source_has_no_interval_beyond_its_own_mean() -> None:
    a = [row("t", 0, 0.5, source="s"), row("u", 0, 0.9, source="s")]
    b = [
        row("t", 0, 0.4, method="b", source="s"),
        row("u", 0, 0.2, method="b", source="s"),
    ]

    found = compare(make_frame(a), make_frame(b))

    assert found is not None
    assert found.low == found.high == pytest.approx(0.4) == found.difference
    assert (found.tasks, found.sources) == (2, 1)


def test_whole_sources_are_resampled() -> None:
    values = [[0.0, 0.2, 0.1], [0.9], [0.4, 0.5]]
    sums = np.array([sum(v) for v in values])
    counts = np.array([len(v) for v in values])
    # All 27 samples of three sources are equally likely.
    exact = [
        np.mean(list(itertools.chain(*(values[i] for i in chosen))))
        for chosen in itertools.product(range(3), repeat=3)
    ]

    interval = bootstrap_interval(sums, counts)

    ends = np.percentile(exact, [2.5, 97.5], method="inverted_cdf")
    assert interval == pytest.approx(ends, abs=1e-9)


def test_the_interval_of_many_sources_is_the_normal_one() -> None:
    values = np.random.default_rng(0).normal(0.3, 0.1, 400)

    low, high = bootstrap_interval(values, np.ones(400))

    error = values.std() / math.sqrt(400)
    noise = 3 * 2.7 * error / math.sqrt(RESAMPLES)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=noise)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=noise)
    assert bootstrap_interval(values, np.ones(400)) == (low, high)


def test_a_setting_is_chosen_without_the_source_it_is_judged_on() -> None:
    sources = pd.Series({"t": "s", "u": "s", "v": "r", "w": "q"})
    table = pd.DataFrame(
        {"mild": [0.5, 0.5, 0.5, 0.5], "wild": [1.0, 1.0, 0.4, 0.4]},
        index=["t", "u", "v", "w"],
    )

    found = leave_one_source_out(table, sources)

    # Without s, "mild" is better; with it, "wild" is.
    assert found.loc["s", "chosen"] == "mild"
    assert found.loc["r", "chosen"] == found.loc["q", "chosen"] == "wild"
    assert found["score"].to_dict() == {"q": 0.4, "r": 0.4, "s": 0.5}
    with pytest.raises(UserError, match="two sources"):
        leave_one_source_out(table.loc[["t", "u"]], sources.loc[["t", "u"]])
