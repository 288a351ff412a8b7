"""``napari-metaseg segment`` on folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_metaseg import adapt
from napari_metaseg.cli import main
from napari_metaseg.data.synthetic import sample_scene


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scene = sample_scene("fluorescence", size=(128, 144), seed=3)
    edge = np.unique(
        np.pad(scene.masks[1:-1, 1:-1] * 0, 1, constant_values=1) * scene.masks
    )
    whole = np.setdiff1d(scene.masks, edge)[:3]
    painted = np.where(np.isin(scene.masks, whole), scene.masks, 0)
    folder = tmp_path_factory.mktemp("models") / "model"
    adapt(scene.image, painted, device="cpu").save(folder)
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("plate/day1").mkdir(parents=True)
    image = sample_scene("fluorescence", size=(96, 104), seed=4).image
    empty = np.random.default_rng(0).normal(np.min(image), 0.01, image.shape)
    tifffile.imwrite("plate/day1/A_full.tif", image)
    tifffile.imwrite("plate/day1/A_blank.tif", empty.astype(np.float32))
    Path("plate/broken.tif").write_bytes(b"II*\0 and no more")
    Path("plate/notes.md").write_text("x", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("normalise", ["each", "all"])
def test_a_blank_frame_stays_blank_and_the_report_says_all(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str], normalise: str
) -> None:
    line = f"segment {model} plate --output-dir out --normalise {normalise}"

    status = main([*line.split(), "--fields", "{well}_{kind}"])

    out, err = capsys.readouterr()
    table = pd.read_csv("out/metaseg-summary.csv").set_index("kind")
    assert status == 1
    assert table.loc["blank", "cells"] == 0
    assert table.loc["full", "cells"] > 2
    assert "[3/3] " in out
    assert "2 segmented, 0 finished before, 1 skipped" in out
    assert f"skipped {Path('plate/broken.tif')}: " in out
    assert "Left out, as their names are not asked for: 1 .md." in out
    assert err.count("\n") == 1

    assert main(line.split()) == 1
    assert "0 segmented, 2 finished before, 1 skipped" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--fields well", "names no fields"),
        ("--pattern *.czi", "that fits *.czi"),
        ("--jobs 0", "choose 1 or more"),
    ],
)
def test_bad_input_gets_one_sentence_and_leaves_nothing(
    here: Path,
    model: Path,
    capsys: pytest.CaptureFixture[str],
    options: str,
    words: str,
) -> None:
    status = main(f"segment {model} plate --output-dir out {options}".split())

    err = capsys.readouterr().err
    assert status == 2
    assert words in err
    assert err.count("\n") == 1
    assert not Path("out").exists()
