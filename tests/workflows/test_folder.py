"""Segment many images: mirrored, resumable, nothing replaced, nothing lost."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.intensity import measure_range
from napari_metaseg.core.linking import link_labels
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.workflows.crews import Alone, Done
from napari_metaseg.workflows.folder import JOURNAL, SUMMARY, segment_folder
from napari_metaseg.workflows.folder_settings import FolderSettings
from napari_metaseg.workflows.folder_work import (
    Look,
    Order,
    sample_file,
    segment_file,
)
from napari_metaseg.workflows.processes import Processes

if TYPE_CHECKING:
    from napari_metaseg.data.synthetic import Scene
    from napari_metaseg.workflows.segmenter import Segmenter

ROOT = Path(__file__).resolve().parents[2]
PLACES = ["plate1/A_01", "plate1/A_02", "plate1/B_01", "top"]


class Watched(Alone):
    """Remembers what it was asked to do."""

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__(segmenter)
        self.orders: list[Any] = []

    def run(self, work: Any, orders: Any) -> Any:
        self.orders += orders
        return super().run(work, orders)


@pytest.fixture
def data(tmp_path: Path, scene: Scene) -> Path:
    """Return a folder of four images, one that is damaged, and other things."""
    folder = tmp_path / "data"
    (folder / "plate1" / ".cache").mkdir(parents=True)
    (folder / "empty").mkdir()
    pieces = [scene.image[y : y + 100, x : x + 100] for y in (0, 60) for x in (0, 76)]
    for place, piece in zip(PLACES, pieces, strict=True):
        tifffile.imwrite(folder / f"{place}.tif", piece)
    (folder / "top.tif").unlink()
    gray = np.round(255 * pieces[3] / pieces[3].max()).astype(np.uint8)
    Image.fromarray(gray).save(folder / "top.PNG")
    (folder / "broken.tif").write_bytes(b"II*\0 and no more")
    (folder / "notes.txt").write_text("wash twice", encoding="utf-8")
    for hidden in (folder / "._top.tif", folder / "plate1" / ".cache" / "a.tif"):
        hidden.write_bytes(b"not ours")
    tifffile.imwrite(folder / "top_labels.tif", np.zeros((4, 4), np.uint8))
    return folder


def results(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith("metaseg-")
    }


def run(segmenter: Segmenter, data: Path, out: Path, **settings: Any) -> Any:
    crew = Watched(segmenter)
    report = exhaust(segment_folder(crew, [data], out, FolderSettings(**settings)))
    orders = [order for order in crew.orders if isinstance(order, Order)]
    return report, [order.path.name for order in orders]


def test_results_mirror_the_folder_and_the_damaged_is_reported(
    segmenter: Segmenter, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    report, _ = run(segmenter, data, out, also=("csv",))

    assert set(results(out)) == {
        f"{place}_labels.{suffix}" for place in PLACES for suffix in ("tif", "csv")
    }
    for path in data.rglob("[!.]*.tif"):
        if path.stem in ("A_01", "A_02", "B_01"):
            expected = segmenter.segment(tifffile.imread(path))
            found = tifffile.imread(out / "plate1" / f"{path.stem}_labels.tif")
            np.testing.assert_array_equal(found, expected)
    assert (report.segmented, report.kept) == (4, 0)
    assert list(report.problems) == [data / "broken.tif"]
    assert "truncated or damaged" in report.problems[data / "broken.tif"]
    assert report.left_out == {".txt": 1}


def test_the_table_has_numbers_and_conditions(
    segmenter: Segmenter, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    run(segmenter, data, out, fields="{plate}/{well}_{site}")

    table = pd.read_csv(out / SUMMARY, dtype={"site": str}).set_index("file")
    assert table.loc[str(data / "broken.tif"), "status"] == "failed"
    assert "damaged" in table.loc[str(data / "broken.tif"), "problem"]
    row = table.loc[str(data / "plate1" / "A_02.tif")]
    assert (row["status"], row["plate"], row["well"], row["site"]) == (
        "segmented",
        "plate1",
        "A",
        "02",
    )
    labels = tifffile.imread(out / "plate1" / "A_02_labels.tif")
    assert row["cells"] == len(np.unique(labels)) - 1 > 0
    assert row["area_px2"] == pytest.approx((labels > 0).sum() / row["cells"])
    assert row["model"] == segmenter.digest()[:12]
    assert pd.isna(table.loc[str(data / "top.PNG"), "plate"])


def test_what_is_finished_is_not_done_again(
    segmenter: Segmenter, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first, _ = run(segmenter, data, out)
    before = results(out)
    (out / "plate1" / "B_01_labels.tif").unlink()

    again, orders = run(segmenter, data, out)

    assert orders == ["broken.tif", "B_01.tif"]
    assert (again.segmented, again.kept) == (1, 3)
    assert results(out) == before
    pd.testing.assert_frame_equal(again.table, first.table)


def test_another_setting_replaces_nothing_unless_allowed(
    segmenter: Segmenter, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(segmenter, data, out)
    before = results(out)
    other = Look(settings=DecodeSettings(threshold=0.95))

    refused, _ = run(segmenter, data, out, look=other)

    assert results(out) == before
    assert len(refused.problems) == 5
    assert "exists already" in refused.problems[data / "top.PNG"]
    allowed, _ = run(segmenter, data, out, look=other, overwrite=True)
    assert allowed.segmented == 4
    assert results(out).keys() == before.keys()
    assert results(out) != before
    resumed, orders = run(segmenter, data, out, look=other, overwrite=True)
    assert (resumed.kept, orders) == (4, ["broken.tif"])


def test_an_edited_result_stays_unless_it_may_be_replaced(
    segmenter: Segmenter, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(segmenter, data, out)
    edited = out / "top_labels.tif"
    edited.write_bytes(b"corrected by hand")

    kept, _ = run(segmenter, data, out)
    assert kept.kept == 4
    assert edited.read_bytes() == b"corrected by hand"

    replaced, _ = run(segmenter, data, out, overwrite=True)
    assert replaced.segmented == 1
    assert edited.read_bytes() != b"corrected by hand"


@pytest.mark.parametrize("name", ["top_labels.tif", "top_labels.csv"])
def test_a_file_of_somebody_else_is_not_replaced(
    segmenter: Segmenter, data: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_bytes(b"precious")

    report, _ = run(segmenter, data, out, also=("csv",))
    again, _ = run(segmenter, data, out, also=("csv",))

    for each in (report, again):
        assert f"{name} exists already" in each.problems[data / "top.PNG"]
    assert (out / name).read_bytes() == b"precious"
    assert again.kept == 3


def test_a_run_that_was_killed_goes_on(
    segmenter: Segmenter, data: Path, tmp_path: Path
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    run(segmenter, data, whole)
    run(segmenter, data, out)
    # Killed after a result was written and before that was noted.
    lines = (out / JOURNAL).read_bytes().splitlines(keepends=True)
    (out / JOURNAL).write_bytes(b"".join(lines[:-2]) + lines[-2][:9])

    report, orders = run(segmenter, data, out)

    assert orders == ["broken.tif", "A_02.tif", "B_01.tif"]
    assert (report.segmented, report.kept) == (2, 2)
    assert results(out) == results(whole)


def test_a_run_can_be_cancelled_at_any_step(
    segmenter: Segmenter, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    steps = segment_folder(Alone(segmenter), [data], out)
    state = next(s for s in steps if s.path is not None and not s.problem)

    steps.close()

    assert state.path is not None
    assert set(results(out)) == {f"{state.path.stem}_labels.tif"}
    report, _ = run(segmenter, data, out)
    assert (report.segmented, report.kept) == (3, 1)


def test_several_folders_get_a_folder_each_and_files_go_on_top(
    segmenter: Segmenter, data: Path, tmp_path: Path
) -> None:
    inputs = [data / "plate1", data / "empty", data / "top.PNG"]

    exhaust(segment_folder(Alone(segmenter), inputs, tmp_path / "out"))

    assert set(results(tmp_path / "out")) == {
        *(f"{place}_labels.tif" for place in PLACES)
    }


def test_one_normalisation_for_all(
    segmenter: Segmenter, scene: Scene, tmp_path: Path
) -> None:
    data = tmp_path / "movie"
    data.mkdir()
    bright, dim = scene.image[:48, :50], scene.image[48:96, :50] * 0.1
    frames = [bright, dim, np.zeros_like(dim)]
    for n, frame in enumerate(frames):
        tifffile.imwrite(data / f"t{n}.tif", frame)
    crew = Watched(segmenter)
    settings = FolderSettings(normalise="all")

    exhaust(segment_folder(crew, [data], tmp_path / "out", settings))

    orders = [order for order in crew.orders if isinstance(order, Order)]
    pooled = measure_range(np.sort(np.concatenate([f.ravel() for f in frames])))
    for order in orders:
        assert order.look.ranges is not None
        assert order.look.ranges[0].low == pytest.approx(pooled.low)
        assert order.look.ranges[0].high == pytest.approx(pooled.high)
    # A frame that comes later is looked at as the others were.
    tifffile.imwrite(data / "t3.tif", bright * 5)
    later = Watched(segmenter)
    report = exhaust(segment_folder(later, [data], tmp_path / "out", settings))
    assert report.kept == 3
    assert [o.look for o in later.orders] == [orders[0].look]


def test_an_image_that_needs_other_channels_does_not_stop_the_others(
    segmenter: Segmenter, data: Path, scene: Scene, tmp_path: Path
) -> None:
    colour = np.stack([scene.image[:40, :40]] * 3, axis=-1)
    tifffile.imwrite(data / "colour.tif", colour, photometric="rgb")

    report, _ = run(segmenter, data, tmp_path / "out", normalise="all")

    assert "uses 1 channel(s)" in report.problems[data / "colour.tif"]
    assert report.segmented == 4


def test_an_unexpected_failure_is_told_too(
    segmenter: Segmenter, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("no planes")

    monkeypatch.setattr("napari_metaseg.workflows.folder_work.read_any_image", fail)
    order = Order(data / "top.PNG", tmp_path / "top.tif", Look())

    outcome = exhaust(segment_file(segmenter, order))

    assert "ZeroDivisionError('no planes')" in outcome.problem


@pytest.mark.parametrize(
    "error", [UserError("It is damaged."), MemoryError(), OSError("gone")]
)
def test_an_image_that_cannot_be_sampled_is_left_out(
    segmenter: Segmenter, data: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("napari_metaseg.workflows.folder_work.read_any_image", fail)

    assert exhaust(sample_file(segmenter, (data / "top.PNG", Look(), 9))) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patterns": ("*.czi",)}, r"no image in .* fits \*\.czi"),
        ({"fields": "well"}, "names no fields"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    segmenter: Segmenter,
    data: Path,
    tmp_path: Path,
    settings: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(UserError, match=message):
        run(segmenter, data, tmp_path / "out", **settings)

    assert not (tmp_path / "out").exists()


def test_processes_find_what_one_finds(
    segmenter: Segmenter, saved_model: Path, data: Path, tmp_path: Path
) -> None:
    alone, _ = run(segmenter, data, tmp_path / "one")
    crew = Processes(segmenter, saved_model, 2)

    report = exhaust(segment_folder(crew, [data], tmp_path / "two"))

    assert results(tmp_path / "two") == results(tmp_path / "one")
    pd.testing.assert_frame_equal(report.table, alone.table)
    assert not multiprocessing.active_children()


def test_a_process_that_is_ended_from_outside_is_told_and_the_run_goes_on_later(
    segmenter: Segmenter, saved_model: Path, data: Path, tmp_path: Path
) -> None:
    steps = segment_folder(
        Processes(segmenter, saved_model, 1), [data], tmp_path / "out"
    )
    next(s for s in steps if s.path is not None and not s.problem)
    for child in multiprocessing.active_children():
        child.kill()

    with pytest.raises(UserError, match="ended by the system"):
        exhaust(steps)

    report, _ = run(segmenter, data, tmp_path / "out")
    assert report.kept + report.segmented == 4
    assert report.kept >= 1


def test_processes_can_be_cancelled(
    segmenter: Segmenter, saved_model: Path, data: Path, tmp_path: Path
) -> None:
    crew = Processes(segmenter, saved_model, 1)
    orders = [Order(data / "top.PNG", tmp_path / f"{n}.tif", Look()) for n in range(9)]
    steps = crew.run(segment_file, orders)
    next(state for state in steps if isinstance(state, Done))

    steps.close()
    crew.close()

    assert not multiprocessing.active_children()
    assert len(list(tmp_path.glob("*.tif"))) < len(orders)
    assert not list(tmp_path.glob("*.part"))


def test_processes_do_not_import_the_program_that_began_them(
    saved_model: Path, tmp_path: Path
) -> None:
    """A window's main module would bring its toolkit into every process."""
    (tmp_path / "probe.py").write_text(
        "import sys\n"
        "def look(segmenter, order):\n"
        "    yield 0.0\n"
        "    return 'wave' in sys.modules\n"
    )
    (tmp_path / "main.py").write_text(
        "import sys, wave, probe\n"
        "from pathlib import Path\n"
        "from napari_metaseg.workflows.crews import Done\n"
        "from napari_metaseg.workflows.processes import Processes\n"
        "from napari_metaseg.workflows.loading import load_segmenter\n"
        "if __name__ == '__main__':\n"
        "    model = Path(sys.argv[1])\n"
        "    with Processes(load_segmenter(model), model, 1) as crew:\n"
        "        for state in crew.run(probe.look, [0]):\n"
        "            if isinstance(state, Done):\n"
        "                print(state.result)\n"
    )

    done = subprocess.run(
        [sys.executable, str(tmp_path / "main.py"), str(saved_model)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"},
    )

    assert done.stdout.split() == ["False"], done.stderr


def test_a_movie_is_linked_if_asked_and_other_images_stay(
    segmenter: Segmenter, scene: Scene, tmp_path: Path
) -> None:
    frame = scene.image[:90, :90]
    movie = np.stack([frame, np.roll(frame, (3, 30), (0, 1))])
    tifffile.imwrite(tmp_path / "m.ome.tif", movie, metadata={"axes": "TYX"})
    tifffile.imwrite(tmp_path / "f.tif", frame)

    def found(name: str, link: str) -> np.ndarray:
        target = tmp_path / f"{name}_{link}.tif"
        order = Order(tmp_path / name, target, Look(link=link))
        outcome = exhaust(segment_file(segmenter, order))
        assert not outcome.problem
        return tifffile.imread(target)

    plain = found("m.ome.tif", "none")
    np.testing.assert_array_equal(
        found("m.ome.tif", "zt"), link_labels(plain, "TYX", "t")
    )
    np.testing.assert_array_equal(found("f.tif", "zt"), found("f.tif", "none"))


@pytest.mark.parametrize(
    ("link", "ends"),
    [("none", " cells"), ("t", "as it has no axis T"), ("zt", "no axis Z or T")],
)
def test_a_single_frame_that_cannot_be_linked_is_told(
    segmenter: Segmenter, scene: Scene, tmp_path: Path, link: str, ends: str
) -> None:
    (tmp_path / "data").mkdir()
    tifffile.imwrite(tmp_path / "data" / "f.tif", scene.image[:90, :90])
    settings = FolderSettings(look=Look(link=link))

    steps = segment_folder(
        Alone(segmenter), [tmp_path / "data"], tmp_path / "out", settings
    )
    told = [state.message for state in steps if state.path is not None]

    assert len(told) == 1
    assert told[0].endswith(ends)


def test_a_model_of_regions_finds_them_in_folders_too(
    segmenter: Segmenter, scene: Scene, tmp_path: Path
) -> None:
    frame = scene.image[:90, :90]
    dark = np.full_like(frame, frame.min())
    # What is found in one plane lies elsewhere than in the other.
    stack = np.stack([np.hstack([frame, dark]), np.hstack([dark, frame])])
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "stack.ome.tif"
    tifffile.imwrite(path, stack, metadata={"axes": "ZYX"})
    regions = replace(segmenter, settings=DecodeSettings(region=True))

    run(regions, tmp_path / "data", tmp_path / "out", look=Look(link="z"))

    (found,) = (tmp_path / "out").glob("*_labels.tif")
    np.testing.assert_array_equal(
        tifffile.imread(found), regions.segment(stack, axes="ZYX")
    )
    # The same images, with cells instead.
    _, orders = run(segmenter, tmp_path / "data", tmp_path / "out")
    assert orders == [path.name]
