"""What lies in a folder of results when a run goes on, and what it tells of images."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_metaseg.core.generators import exhaust
from napari_metaseg.io.labels import write_labels
from napari_metaseg.workflows.crews import Alone
from napari_metaseg.workflows.folder import SUMMARY, segment_folder
from napari_metaseg.workflows.folder_settings import FolderReport, FolderSettings

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari_metaseg.data.synthetic import Scene
    from napari_metaseg.workflows.folder_settings import FolderProgress
    from napari_metaseg.workflows.segmenter import Segmenter


@pytest.fixture
def frames(tmp_path: Path, scene: Scene) -> Path:
    folder = tmp_path / "frames"
    folder.mkdir()
    for k in range(3):
        tifffile.imwrite(folder / f"{k}.tif", np.roll(scene.image[:90, :90], 5 * k, 0))
    return folder


def steps(
    segmenter: Segmenter, data: Path, out: Path, **settings: object
) -> Generator[FolderProgress, None, FolderReport]:
    chosen = FolderSettings(**settings)  # type: ignore[arg-type]
    return segment_folder(Alone(segmenter), [data], out, chosen)


def stop_after_one(running: Generator[FolderProgress, None, FolderReport]) -> None:
    next(state for state in running if state.path is not None)
    running.close()


def test_labels_put_there_while_a_run_was_stopped_stay(
    segmenter: Segmenter, frames: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    stop_after_one(steps(segmenter, frames, out))
    by_hand = np.zeros((90, 90), np.int32)
    by_hand[10:20, 10:20] = 777
    write_labels(out / "2_labels.tif", by_hand)

    report = exhaust(steps(segmenter, frames, out))

    np.testing.assert_array_equal(tifffile.imread(out / "2_labels.tif"), by_hand)
    assert (report.segmented, report.kept) == (1, 1)
    assert "exists already" in report.problems[frames / "2.tif"]


@pytest.mark.parametrize("also", [(), ("csv",)])
def test_a_result_that_was_written_and_not_noted_is_ours(
    segmenter: Segmenter, frames: Path, tmp_path: Path, also: tuple[str, ...]
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    exhaust(steps(segmenter, frames, whole, also=also))
    stop_after_one(steps(segmenter, frames, out, also=also))
    for suffix in ("tif", *also):
        shutil.copy(whole / f"1_labels.{suffix}", out)
    # Beside labels that were never written, this is of the run that was stopped.
    (out / "2_labels.csv").write_bytes(b"half")

    report = exhaust(steps(segmenter, frames, out, also=("csv",)))

    assert not report.problems
    for name in ("0", "1", "2"):
        labels = tifffile.imread(out / f"{name}_labels.tif")
        expected = tifffile.imread(whole / f"{name}_labels.tif")
        np.testing.assert_array_equal(labels, expected)
        table = pd.read_csv(out / f"{name}_labels.csv")
        assert len(table) == len(np.unique(labels)) - 1


def test_a_format_that_is_asked_for_later_is_added(
    segmenter: Segmenter, frames: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    exhaust(steps(segmenter, frames, out))
    corrected = tifffile.imread(out / "1_labels.tif") * 2
    write_labels(out / "1_labels.tif", corrected, overwrite=True)

    report = exhaust(steps(segmenter, frames, out, also=("csv",)))

    assert report.segmented == 2
    assert {p.name for p in out.glob("*.csv")} >= {"0_labels.csv", "2_labels.csv"}
    # What was corrected by hand is neither replaced nor measured as if it were ours.
    np.testing.assert_array_equal(tifffile.imread(out / "1_labels.tif"), corrected)
    assert not (out / "1_labels.csv").exists()
    assert "exists already" in report.problems[frames / "1.tif"]


def test_the_table_keeps_what_was_found_before_a_refusal(
    segmenter: Segmenter, frames: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    before = exhaust(steps(segmenter, frames, out)).table
    for path in frames.iterdir():
        os.utime(path, (1, 1))

    refused = exhaust(steps(segmenter, frames, out))

    assert len(refused.problems) == 3
    table = pd.read_csv(out / SUMMARY)
    np.testing.assert_array_equal(table["cells"], before["cells"])
    assert table["status"].tolist() == ["segmented"] * 3
    assert table["problem"].str.contains("exists already").all()


def test_an_image_of_the_same_name_size_and_time_is_another_one(
    segmenter: Segmenter, frames: Path, tmp_path: Path
) -> None:
    out, first = tmp_path / "out", frames / "0.tif"
    other = tmp_path / "other" / "0.tif"
    other.parent.mkdir()
    tifffile.imwrite(other, tifffile.imread(first)[::-1])
    for path in (first, other):
        os.utime(path, (1, 1))
    exhaust(steps(segmenter, first, out))

    report = exhaust(steps(segmenter, other, out))

    assert (report.segmented, report.kept) == (0, 0)
    assert "exists already" in report.problems[other]


def test_a_name_that_is_not_utf_8_is_told_as_it_can_be(
    segmenter: Segmenter, frames: Path, tmp_path: Path
) -> None:
    data = tmp_path / "strange"
    data.mkdir()
    try:
        shutil.copy(frames / "0.tif", os.fsencode(data) + b"/5\xb5m.tif")
    except OSError:
        pytest.skip("this file system takes no such names")

    exhaust(steps(segmenter, data, tmp_path / "out"))

    text = (tmp_path / "out" / SUMMARY).read_text(encoding="utf-8")
    assert r"5\udcb5m.tif" in text


def test_an_image_that_counts_as_blank_and_further_images_are_told(
    segmenter: Segmenter, scene: Scene, tmp_path: Path
) -> None:
    image = scene.image[:90, :90].astype(np.float32)
    data = tmp_path / "data"
    data.mkdir()
    tifffile.imwrite(data / "dim.tif", image / 10)
    tifffile.imwrite(data / "usual.tif", image)
    with tifffile.TiffWriter(data / "wells.ome.tif", ome=True) as file:
        for _ in range(3):
            file.write(image, metadata={"axes": "YX"}, photometric="minisblack")

    told = [
        state.message
        for state in steps(segmenter, data, tmp_path / "out")
        if state.path is not None
    ]

    dim, usual, wells = told
    assert "so it counts as blank" in dim
    assert usual.endswith(" cells")
    assert "the first of 3 images in the file" in wells
