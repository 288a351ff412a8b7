"""Each seed has draws of its own, and rows of all of them live in one file."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_metaseg.workflows.benchmark import BenchmarkSettings, Curve, run_benchmark
from napari_metaseg.workflows.benchmark.corrections import correct
from napari_metaseg.workflows.benchmark.draws import make_draw
from napari_metaseg.workflows.benchmark.methods.forest import Forest
from napari_metaseg.workflows.benchmark.rows import read_rows
from tests.data.tasks import task

from .noisy_draws import IMAGE, PAINTED
from .rivals import Oracle

if TYPE_CHECKING:
    from pathlib import Path

    from napari_metaseg.workflows.benchmark.draws import Draw, Painted

ONE = BenchmarkSettings(cells=(1,), draws=2, images=1, regimes=("cells",))
BOTH = replace(ONE, seeds=(0, 5))


def a_draw(seed: int, cells: int = 1) -> Draw:
    draw = make_draw(task(images=6), cells, 0, seed)
    assert draw is not None
    return draw


def test_every_draw_is_made_for_each_seed(tasks: Path) -> None:
    method = Oracle(misses=1)
    settings = replace(BOTH, corrections=1)

    rows = list(run_benchmark(tasks, [method], settings, tasks=["one"]))

    kinds = [(isinstance(r, Curve), r.seed, r.draw) for r in rows]
    assert kinds == [
        (is_curve, seed, draw)
        for seed in (0, 5)
        for draw in (0, 1)
        for is_curve in (False, True)
    ]
    assert {fit.seed for fit in method.fits} == {0, 5}


def test_a_file_grows_by_seeds(tasks: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    first = list(run_benchmark(tasks, [Oracle()], ONE, output=path))
    known = Oracle()

    rows = list(run_benchmark(tasks, [known], BOTH, output=path))

    assert [r for r in rows if r.seed == 0] == first
    assert [fit.seed for fit in known.fits] == [5] * len(first)
    assert {r.key for r in read_rows(path)} == {r.key for r in rows}


@pytest.mark.parametrize("seed", [0, 5])
def test_a_file_of_when_it_had_one_seed_is_gone_on_with(
    tasks: Path, tmp_path: Path, seed: int
) -> None:
    path = tmp_path / "rows.jsonl"
    settings = replace(ONE, seeds=(seed,), corrections=1)
    whole = list(run_benchmark(tasks, [Oracle(misses=1)], settings, output=path))
    head, *lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    head["settings"]["seed"] = seed
    for line in lines:
        assert line.pop("seed") == seed
    text = "".join(json.dumps(line) + "\n" for line in (head, *lines))
    path.write_text(text, encoding="utf-8")
    known = Oracle(misses=1)
    both = replace(BOTH, corrections=1)

    again = list(run_benchmark(tasks, [known], settings, output=path))
    assert (again, known.fits) == (whole, [])
    list(run_benchmark(tasks, [known], both, output=path))

    assert {fit.seed for fit in known.fits} == {0, 5} - {seed}
    assert {r.seed for r in read_rows(path)} == {0, 5}


def painted_cells(draw: Draw, painted: Painted) -> list[list[int]]:
    """Return the numbers of the true cells that are painted, image by image."""
    masks = draw.task.masks
    return [np.unique(masks[k][a > 0]).tolist() for k, a in painted.annotations]


def test_cells_of_other_images_are_those_of_the_seed() -> None:
    first = a_draw(0, 4)

    own, other = (
        painted_cells(first, replace(first, seed=seed).painted("spread", 1))
        for seed in (0, 1)
    )

    # As before there were seeds. The painted image is the draw's own.
    assert own == [[7], [19], [24], [17]]
    assert [a == b for a, b in zip(own, other, strict=True)] == [True, *[False] * 3]


def test_errors_are_chosen_by_the_chance_of_the_seed() -> None:
    def corrected(seed: int) -> list[list[int]]:
        method = Oracle(misses=20)
        draw = replace(a_draw(0), seed=seed)
        correct(draw, method, "scratch", rounds=6, images=1, place="random")
        return painted_cells(draw, method.fits[-1])

    assert corrected(0) == [[1, 4, 24], [18, 20], [5], [10]], "as before"
    assert corrected(1) == corrected(1) != corrected(0)


def test_trees_are_fixed_by_the_seed_of_the_draw() -> None:
    forests = [Forest().fit(replace(PAINTED, seed=seed)) for seed in (0, 0, 1)]

    first, again, other = (fitted.after(IMAGE) for fitted in forests)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert [fitted.trees.random_state for fitted in forests] == [0, 0, 1]
