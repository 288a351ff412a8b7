from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from napari_metaseg.core.errors import UserError
from napari_metaseg.workflows.benchmark import (
    BenchmarkSettings,
    Curve,
    Row,
    run_benchmark,
)
from napari_metaseg.workflows.benchmark.judge import score_images, shown
from napari_metaseg.workflows.benchmark.memory import peak_memory
from napari_metaseg.workflows.benchmark.methods.adaptation import Adaptation
from napari_metaseg.workflows.benchmark.methods.random_start import RandomStart
from napari_metaseg.workflows.benchmark.methods.tuning import FinetuneSettings
from napari_metaseg.workflows.benchmark.picture import FOUND, PAINTED, write_picture
from napari_metaseg.workflows.benchmark.rows import read_row
from tests.data.tasks import task

from .rivals import Answer, Oracle, Student, timeless

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = BenchmarkSettings(cells=(1, 2), draws=2, images=1)


def test_there_is_a_row_for_each_task_number_draw_regime_and_method(
    tasks: Path,
) -> None:
    methods = [Oracle(), Oracle("other", origin="other")]

    rows = list(run_benchmark(tasks, methods, SETTINGS))

    assert [r.key for r in rows] == [
        (task, regime, cells, draw, method, 0)
        for task in ("one", "two")
        for cells in (1, 2)
        for draw in (0, 1)
        for regime in ("cells", "strokes")
        for method in ("oracle", "other")
    ]
    for row in rows:
        assert isinstance(row, Row)
        assert 1 <= row.painted <= row.cells
        assert row.before is not None
        assert (row.before["ap50"], row.after["ap50"]) == (0, 1)
        assert row.adapt_seconds == 2.0
        assert row.segment_seconds > 0
        assert row.source == ("here" if row.task == "one" else "two")
        assert read_row(json.loads(json.dumps(row.as_dict())), {}) == row


def test_every_method_is_given_the_same_cells_and_images(tasks: Path) -> None:
    first, other = Oracle(), Oracle("other")

    list(run_benchmark(tasks, [first, other], SETTINGS))

    for a, b in zip(first.fits, other.fits, strict=True):
        assert a.scored == b.scored
        (index, annotation), (same, again) = *a.annotations, *b.annotations
        assert index == same not in a.scored
        np.testing.assert_array_equal(annotation, again)


def test_a_real_initialization_runs_and_repeats(tasks: Path, small: str) -> None:
    few = FinetuneSettings(2, 3e-3)
    methods = [Adaptation(small, "cpu"), RandomStart(small, "cpu", few)]
    settings = replace(SETTINGS, cells=(2,), draws=1, regimes=("strokes",))

    rows = list(run_benchmark(tasks, methods, settings, tasks=["two"]))
    again = list(run_benchmark(tasks, methods, settings, tasks=["two"]))

    assert timeless(rows) == timeless(again)
    assert [r.method for r in rows] == [small, "random"]


def test_what_is_reverted_is_shown_as_before(tasks: Path) -> None:
    rows = list(run_benchmark(tasks, [Oracle(reverts=True)], SETTINGS, tasks=["one"]))

    for row in rows:
        assert isinstance(row, Row)
        assert row.reverted
        assert (row.shown["ap50"], row.after["ap50"]) == (0, 1)


def test_methods_of_one_origin_share_what_they_show_before(
    tasks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    original = Answer.before

    def spy(self: Answer, image: np.ndarray) -> np.ndarray:
        seen.append(1)
        return original(self, image)

    monkeypatch.setattr(Answer, "before", spy)
    methods = [Oracle("a"), Oracle("b"), Oracle("c", origin="another")]
    settings = replace(SETTINGS, cells=(1,), draws=1)

    rows = list(run_benchmark(tasks, methods, settings, tasks=["one"]))

    assert len(rows) == 6
    assert len(seen) == 4


def test_a_stopped_run_goes_on_where_it_stopped(tasks: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    settings = replace(SETTINGS, corrections=1)
    whole = list(run_benchmark(tasks, [Oracle(misses=1)], settings))

    running = run_benchmark(tasks, [Oracle(misses=1)], settings, output=path)
    first = [next(running) for _ in range(5)]
    running.close()
    path.write_bytes(path.read_bytes()[:-9])
    method = Oracle(misses=1)
    rows = list(run_benchmark(tasks, [method], settings, output=path))

    assert timeless(rows) == timeless(whole)
    assert rows[:4] == first[:4], "four rows were whole, and are not measured again"
    fits = [len(r.points) if isinstance(r, Curve) else 1 for r in whole]
    assert len(method.fits) == sum(fits[4:])
    third = Oracle(misses=1)
    assert list(run_benchmark(tasks, [third], settings, output=path)) == rows
    assert third.fits == []


def test_a_file_grows_by_cells_and_methods_but_not_by_other_settings(
    tasks: Path, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    few = replace(SETTINGS, cells=(1,), draws=1)
    list(run_benchmark(tasks, [Oracle()], few, output=path, device="cpu"))
    known, other = Oracle(), Oracle("other")

    rows = list(
        run_benchmark(tasks, [known, other], SETTINGS, output=path, device="cpu")
    )

    assert len(rows) == 32
    assert len(known.fits) == 12
    before = path.read_bytes()
    more_images = replace(SETTINGS, images=2)
    with pytest.raises(UserError, match="choose another file or the same settings"):
        list(run_benchmark(tasks, [known], more_images, output=path, device="cpu"))
    with pytest.raises(UserError, match="'oracle' with other weights or settings"):
        list(
            run_benchmark(
                tasks, [Oracle(fingerprint="2")], SETTINGS, output=path, device="cpu"
            )
        )
    assert path.read_bytes() == before


def test_an_unknown_kind_of_row_is_told(tasks: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    list(run_benchmark(tasks, [Oracle()], SETTINGS, tasks=["one"], output=path))
    with path.open("a", encoding="utf-8") as file:
        file.write('{"kind": "of the future"}\n')

    with pytest.raises(UserError, match="row that this version does not know"):
        list(run_benchmark(tasks, [Oracle()], SETTINGS, output=path))


def test_corrections_are_made_from_every_start(tasks: Path) -> None:
    settings = replace(SETTINGS, draws=1, corrections=2)

    rows = list(run_benchmark(tasks, [Student()], settings, tasks=["one"]))

    curves = [r for r in rows if isinstance(r, Curve)]
    assert [c.start for c in curves] == ["scratch", "warm"]
    for curve in curves:
        assert [p.cells for p in curve.points] == [1, 2, 3]
        assert read_row(json.loads(json.dumps(curve.as_dict())), {}) == curve


def test_only_the_starts_that_are_wanted_are_corrected_from(tasks: Path) -> None:
    settings = replace(SETTINGS, draws=1, corrections=1, starts=("warm",))

    rows = list(run_benchmark(tasks, [Student(), Oracle()], settings, tasks=["one"]))

    curves = [(r.method, r.start) for r in rows if isinstance(r, Curve)]
    assert curves == [("student", "warm")]


def test_an_unknown_task_gets_a_sentence(tasks: Path) -> None:
    with pytest.raises(UserError, match=r"no task 'three' in .* it has one, two"):
        list(run_benchmark(tasks, [Oracle()], SETTINGS, tasks=["three"]))


@pytest.mark.parametrize(
    "changed",
    [
        {"cells": (0,)},
        {"cells": ()},
        {"draws": 0},
        {"images": 0},
        {"seeds": ()},
        {"seeds": (0, -1)},
        {"corrections": -1},
    ],
)
def test_settings_that_measure_nothing_are_refused(changed: dict[str, object]) -> None:
    with pytest.raises(UserError):
        BenchmarkSettings(**changed)  # type: ignore[arg-type]


def test_an_image_that_a_method_refuses_counts_as_not_found() -> None:
    oracle = Oracle()
    known = task(images=2)
    painted = replace(Student().fit(_painted(known)).painted, task=known, scored=(0, 1))
    fitted = oracle.fit(painted)

    def refuse(image: np.ndarray) -> np.ndarray:
        if image is known.images[0]:
            raise UserError("No.")
        return fitted.after(image)

    found = score_images(refuse, painted)

    assert found is not None
    assert found.ap50 == pytest.approx(0.5)
    assert shown(fitted) == fitted.after


def _painted(known):
    from napari_metaseg.workflows.benchmark.draws import make_draw

    draw = make_draw(known, 1, 0, 0)
    assert draw is not None
    return draw.painted("cells", 1)


def test_memory_is_the_high_water_mark_of_this_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = peak_memory()
    if before is not None:
        after = peak_memory()
        assert after is not None
        assert 10 < before <= after < 1e6, "in MB"
    monkeypatch.setattr(sys, "platform", "win32")
    assert peak_memory() is None


def test_a_picture_shows_painted_found_and_true_cells(tmp_path: Path) -> None:
    path = tmp_path / "task.png"

    assert write_picture(path, task(images=2), Oracle(misses=25), SETTINGS)

    with Image.open(path) as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (256, 4 * 256 + 3 * 4, 3)
    panels = [pixels[:, k * 260 : k * 260 + 256] for k in range(4)]
    coloured = [(p.max(2) != p.min(2)).any() for p in panels]
    # The oracle that misses all cells finds none, before or after.
    assert coloured == [True, False, False, True]
    assert (panels[0] == PAINTED).all(2).any()
    assert write_picture(path, task(images=2), Oracle(), SETTINGS)
    with Image.open(path) as picture:
        again = np.asarray(picture)
    assert (again[:, 520:776] == FOUND).all(2).any()


def test_a_task_without_cells_has_no_picture(tmp_path: Path) -> None:
    known = task(images=1)
    blank = replace(known, masks=(np.zeros_like(known.masks[0]),), diameters=({},))

    assert not write_picture(tmp_path / "x.png", blank, Oracle(), SETTINGS)
    assert not (tmp_path / "x.png").exists()
