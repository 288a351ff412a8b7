"""Draws that processes share give the rows that one process measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_metaseg.core.errors import UserError
from napari_metaseg.workflows.benchmark import BenchmarkSettings, run_benchmark
from napari_metaseg.workflows.benchmark.methods.ceiling import Ceiling

# By this name the processes can import it, too.
from tests.workflows.rivals import Doomed, Oracle, Proud, Student, timeless

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = BenchmarkSettings(
    cells=(1, 2), draws=1, images=1, corrections=1, starts=("scratch",)
)


def test_processes_measure_what_one_measures_and_the_file_is_gone_on_with(
    tasks: Path, tmp_path: Path
) -> None:
    alone = list(run_benchmark(tasks, [Oracle(), Student()], SETTINGS))
    output, methods = tmp_path / "rows.jsonl", [Oracle(), Student()]

    shared = list(run_benchmark(tasks, methods, SETTINGS, output=output, jobs=2))
    again = list(run_benchmark(tasks, [Proud()], SETTINGS, output=output, jobs=2))

    def in_order(rows: list) -> list:
        return timeless(sorted(rows, key=lambda row: row.key))

    assert in_order(shared) == in_order(alone)
    assert in_order(again) == in_order([r for r in alone if r.method == "oracle"])


def test_a_process_that_is_ended_is_told_and_what_is_finished_is_kept(
    tasks: Path, tmp_path: Path
) -> None:
    output = tmp_path / "rows.jsonl"
    first = list(
        run_benchmark(tasks, [Oracle()], SETTINGS, tasks=["one"], output=output)
    )

    with pytest.raises(UserError, match="ended by the system"):
        list(
            run_benchmark(tasks, [Oracle(), Doomed()], SETTINGS, output=output, jobs=2)
        )

    rows = list(run_benchmark(tasks, [Proud()], SETTINGS, tasks=["one"], output=output))
    assert rows == first


@pytest.mark.parametrize(
    ("jobs", "method", "message"),
    [(0, Oracle(), "choose 1 or more"), (2, Ceiling(), "without --jobs")],
)
def test_what_processes_cannot_do_is_told_before_a_file_is_made(
    tasks: Path, tmp_path: Path, jobs: int, method: Oracle | Ceiling, message: str
) -> None:
    output = tmp_path / "rows.jsonl"

    with pytest.raises(UserError, match=message):
        list(run_benchmark(tasks, [method], SETTINGS, output=output, jobs=jobs))

    assert not output.exists()
