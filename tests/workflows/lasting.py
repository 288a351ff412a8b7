"""Work that does not end: `python -m tests.workflows.lasting KIND DATA PLACES`.

Each process that is at work says so by a file of its number among the places.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_metaseg.workflows.benchmark import BenchmarkSettings, run_benchmark
from napari_metaseg.workflows.loading import load_segmenter
from napari_metaseg.workflows.processes import Processes

# By this name the processes can import it, too.
from tests.workflows.rivals import Answer, Oracle

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_metaseg.workflows.benchmark.draws import Painted
    from napari_metaseg.workflows.segmenter import Segmenter


def last(_segmenter: Segmenter, places: Path) -> Generator[float, None, None]:
    (places / str(os.getpid())).touch()
    time.sleep(600)
    yield 1.0


@dataclass
class Lasting(Oracle):
    """Never has learned."""

    places: Path = Path()

    def fit(self, painted: Painted, *, previous: object = None) -> Answer:
        list(last(painted, self.places))  # type: ignore[arg-type]
        raise AssertionError


def work(kind: str, data: Path, places: Path) -> None:
    if kind == "benchmark":
        method, settings = Lasting(places=places), BenchmarkSettings((1,), draws=1)
        list(run_benchmark(data, [method], settings, jobs=2))
    else:
        crew = Processes(load_segmenter(data), data, 2)
        list(crew.run(last, [places, places]))


if __name__ == "__main__":
    from tests.workflows import lasting

    lasting.work(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
