from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from napari_metaseg.workflows.benchmark.rows import Curve, Point, Row
from napari_metaseg.workflows.benchmark.tables import report


def scores(ap50: float) -> dict[str, float]:
    return {"ap50": ap50, "map": ap50 / 2, "dice": 0.5, "iou": 0.25}


def row(task: str, method: str, before: float | None, after: float) -> Row:
    return Row(
        task,
        "cells",
        3,
        0,
        method,
        task,
        "print",
        3,
        None if before is None else scores(before),
        scores(after),
        scores(after),
        False,
        1.0,
        0.5,
        None,
    )


ROWS = [
    row("t", "maml", 0.1, 0.6),
    row("u", "maml", 0.3, 0.8),
    row("t", "pooled", 0.2, 0.3),
    row("u", "pooled", 0.4, 0.1),
    row("t", "forest", None, 0.5),
    row("u", "forest", None, 0.5),
]


def test_the_tables_hold_what_was_measured() -> None:
    lines = report(ROWS, ["maml", "pooled"]).splitlines()

    assert lines[0] == "## 3 painted cells"
    assert (
        "| maml | 0.200 → 0.700 | 0.700 | 0.100 → 0.350 | 0.500 → 0.500 | "
        "0.250 → 0.250 | 0.600 | – | 0 % | 0 % | 1.00 | 0.50 | – |"
    ) in lines
    # u falls from 0.4 to 0.1; the forest is judged by the pooled result too.
    assert any(x.startswith("| pooled |") and "| 50 % | 0 % |" in x for x in lines)
    assert any(x.startswith("| forest | – → 0.500 | 0.500 |") for x in lines)
    assert "| maml | pooled, 0 steps | +40.0 [+40.0, +40.0] |" in "\n".join(lines)
    assert "| maml | forest | +20.0 [+10.0, +30.0] |" in "\n".join(lines)
    assert "| t | 0.600 | 0.300 | 0.500 |" in lines
    assert "| **mean** | **0.700** | **0.200** | **0.500** |" in lines


def test_a_method_that_reverts_is_shown_as_it_was_before() -> None:
    reverted = replace(ROWS[0], reverted=True, shown=scores(0.1))

    text = report([reverted], ["maml"])

    assert "| maml | 0.100 → 0.600 | 0.100 |" in text
    assert "| 100 % | 1.00 |" in text


def test_regimes_and_numbers_have_sections_of_their_own() -> None:
    rows = [*ROWS, replace(ROWS[0], cells=1), replace(ROWS[0], regime="strokes")]

    titles = [x for x in report(rows, ["maml"]).splitlines() if x.startswith("#")]

    assert titles == [
        "## Painted cells",
        "## 1 painted cell",
        "## 3 painted cells",
        "## 3 painted cells, 2 background strokes",
    ]


def test_the_numbers_of_cells_stand_side_by_side() -> None:
    every = [(seed, number) for seed in range(2) for number in range(2)]
    more = [replace(ROWS[0], cells=1, seed=s, draw=k) for s, k in every]
    rows = [*ROWS, *more, replace(ROWS[4], regime="strokes")]

    lines = report(rows, ["maml"]).splitlines()

    assert (
        lines[2]
        == "AP@0.5 as shown, with do-no-harm on; in brackets the number of draws."
    )
    assert lines[4:6] == ["| method | painted | 1 | 3 |", "| --- | --- | --- | --- |"]
    assert lines[6] == "| maml | cells | 0.600 (4) | 0.700 (1) |"
    assert "| forest | strokes | – | 0.500 (1) |" in lines
    assert not any(line.startswith("| maml | strokes |") for line in lines)


def curve(task: str, *ap50: float) -> Curve:
    points = [Point(k, 1 + k, 0, value) for k, value in enumerate(ap50)]
    return Curve(task, "warm", 2, 0, "maml", task, "print", points)


def test_a_loop_that_ended_early_keeps_its_last_value() -> None:
    ceiling = [
        replace(row(task, "ceiling", None, reached), cells=1, painted=1)
        for task, reached in (("t", 0.9), ("u", 0.7))
    ]
    # Scored on other images than the loops are.
    elsewhere = replace(ceiling[0], draw=1, after=scores(0.1))

    text = report(
        [*ceiling, elsewhere, curve("t", 0.2, 0.4, 0.6), curve("u", 0.2, 0.6)], ["maml"]
    )

    # (0.6 + 0.6) / 2 of (0.9 + 0.7) / 2
    assert "| maml | warm | 0.200 (1.0) | 0.500 (2.0) | 0.600 (2.5) | 75 % |" in text


@pytest.mark.parametrize(
    "other", [{"task": "t"}, {"draw": 1}, {"seed": 1}, {"painted": 3}]
)
def test_a_ceiling_of_other_images_is_no_ceiling(other: dict[str, Any]) -> None:
    ceiling = replace(row("u", "ceiling", None, 0.9), **{"painted": 1} | other)

    text = report([ceiling, curve("u", 0.2, 0.6)], ["maml"])

    assert text.endswith("0.600 (2.0) | – |")


def test_no_rows_give_no_tables() -> None:
    assert report([], ["maml"]) == ""
