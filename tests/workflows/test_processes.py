"""How many orders the processes of a machine have at a time."""

from __future__ import annotations

from concurrent.futures import Future
from itertools import count
from typing import TYPE_CHECKING, Any

from napari_metaseg.workflows.crews import Done
from napari_metaseg.workflows.folder_work import segment_file
from napari_metaseg.workflows.loading import load_segmenter
from napari_metaseg.workflows.processes import Processes

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_each_process_has_one_order_and_the_next(
    saved_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew = Processes(load_segmenter(saved_model), saved_model, 2)
    at_work: list[Future[Any]] = []

    def submit(*_: object) -> Future[Any]:
        at_work.append(Future())
        return at_work[-1]

    monkeypatch.setattr(crew._pool, "submit", submit)
    monkeypatch.setattr("napari_metaseg.workflows.processes.TICK", 0.001)
    endless: Any = count()
    steps = crew.run(segment_file, endless)

    for ended in range(3):
        assert [next(steps) for _ in range(3)] == [0.0] * 3
        assert len(at_work) == 4 + ended
        at_work[ended].set_result(ended)
        assert next(steps) == Done(ended, ended)
    steps.close()
    crew.close()

    # What was not asked for is still to be had.
    assert next(endless) == 6
