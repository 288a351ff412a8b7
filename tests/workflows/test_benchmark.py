from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from napari_metaseg.core.errors import UserError
from napari_metaseg.workflows.benchmark import (
    BenchmarkSettings,
    Row,
    run_benchmark,
    table,
)

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = BenchmarkSettings(cells=(1, 2), draws=1, images=1, device="cpu")


def timeless(rows: list[Row]) -> list[Row]:
    return [replace(row, seconds=0.0) for row in rows]


@pytest.fixture(scope="module")
def rows(tasks: Path, small: str) -> list[Row]:
    return list(run_benchmark(tasks, [small, "maml"], SETTINGS))


def test_there_is_a_row_for_each_task_number_and_initialization(
    rows: list[Row], small: str
) -> None:
    found = [(r.task, r.cells, r.init, r.draw) for r in rows]

    assert found == [
        (task, cells, init, 0)
        for task in ("one", "two")
        for cells in (1, 2)
        for init in (small, "maml")
    ]


def test_scores_are_shares_and_what_is_shown_is_one_of_them(rows: list[Row]) -> None:
    for row in rows:
        assert 0 <= row.ap_before <= 1
        assert 0 <= row.ap_after <= 1
        assert row.ap_shown == (row.ap_after if row.kept else row.ap_before)
        assert row.seconds > 0
        assert json.loads(json.dumps(row.as_dict()))["task"] == row.task


def test_the_same_seed_gives_the_same_scores(
    rows: list[Row], tasks: Path, small: str
) -> None:
    again = list(run_benchmark(tasks, [small], SETTINGS, ["two"]))

    wanted = [r for r in rows if (r.task, r.init) == ("two", small)]
    assert timeless(again) == timeless(wanted)


def test_strokes_may_be_painted_too(tasks: Path, small: str) -> None:
    settings = replace(SETTINGS, cells=(1,), strokes=True)

    (row,) = run_benchmark(tasks, [small], settings, ["one"])

    assert row.task == "one"


def test_an_unknown_task_gets_a_sentence(tasks: Path, small: str) -> None:
    with pytest.raises(UserError, match=r"no task 'three' in .* it has one, two"):
        list(run_benchmark(tasks, [small], SETTINGS, ["three"]))


def row(task: str, init: str, cells: int, before: float, shown: float) -> Row:
    return Row(task, init, cells, 0, before, shown, shown, True, 1.0)


def test_the_table_shows_means_by_task_and_over_tasks() -> None:
    rows = [
        row("a", "maml", 1, 0.1, 0.5),
        row("a", "maml", 1, 0.3, 0.7),
        row("a", "maml", 3, 0.2, 1.0),
        row("b", "maml", 1, 0.4, 0.8),
    ]

    assert table(rows).splitlines() == [
        "| task | maml, 1 cells | maml, 3 cells |",
        "| --- | --- | --- |",
        "| a | 0.20 → 0.60 | 0.20 → 1.00 |",
        "| b | 0.40 → 0.80 | - |",
        "| **mean** | **0.30 → 0.70** | **0.20 → 1.00** |",
    ]
