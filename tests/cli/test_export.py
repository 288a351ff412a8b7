"""``napari-metaseg export``, and ``--also-write`` on the way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import roifile
import tifffile
from pycocotools.coco import COCO

from napari_metaseg.cli import make_parser
from napari_metaseg.cli.export import run
from napari_metaseg.core.errors import UserError
from napari_metaseg.io.images import ImageFile, read_image
from napari_metaseg.io.instances import read_instances
from napari_metaseg.io.label_zarr import write_label_zarr
from napari_metaseg.workflows.summary import summarise

LABELS = np.zeros((3, 20, 30), np.uint16)
LABELS[0, 2:6, 3:9] = 1
LABELS[2, 10:16, 12:20] = 7
LABELS[2, 12:14, 14:16] = 0
ALL = "c.zip c.geojson c.json c.csv c.tif"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    kept = {"imagej": True, "resolution": (4, 4)}
    tifffile.imwrite(
        "labels.tif", LABELS, metadata={"axes": "ZYX", "unit": "um"}, **kept
    )
    image = np.stack([LABELS * 10, LABELS * 20], axis=1)
    tifffile.imwrite(
        "image.tif", image, metadata={"axes": "ZCYX", "unit": "um"}, **kept
    )
    return tmp_path


def export(line: str) -> int:
    return run(make_parser().parse_args(["export", *line.split()]))


def test_every_format_is_written_at_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert export(f"labels.tif --image image.tif --output {ALL}") == 0

    assert capsys.readouterr().out.splitlines() == [
        f"{name}: 2 cells" for name in ALL.split()
    ]
    assert [roi.position for roi in roifile.roiread("c.zip")] == [1, 3]
    assert COCO("c.json").loadImgs(3)[0]["file_name"] == "image.tif"
    table = pd.read_csv("c.csv")
    assert table["z"].tolist() == [0, 2]
    assert table["intensity_mean_c1"].tolist() == [20, 140]
    assert table["area_um2"].tolist() == [24 / 16, 44 / 16]
    written = read_image("c.tif")
    np.testing.assert_array_equal(written.data, LABELS)
    assert written.axes == "ZYX"
    assert written.pixel_size == pytest.approx((0.25, 0.25))


@pytest.mark.parametrize("name", ["c.zip", "c.geojson", "c.json", "c.zarr"])
def test_each_comes_back_as_labels(name: str) -> None:
    export(f"labels.tif --output {name}")

    assert export(f"{name} --image image.tif --output back.tif") == 0

    back = read_image("back.tif")
    np.testing.assert_array_equal(back.data, LABELS)
    assert back.axes == "ZYX"
    assert back.pixel_size == pytest.approx((0.25, 0.25))


@pytest.mark.parametrize("labels", ["labels.tif", "moved.zarr"])
def test_ome_zarr_keeps_the_place_of_the_labels_or_the_image(labels: str) -> None:
    placed = {"axes": "ZYX", "pixel_size": (0.25, 0.5), "z_step": 2.0}
    write_label_zarr(Path("image.zarr"), LABELS, **placed, offset=(3, 40, 50))
    write_label_zarr(Path("moved.zarr"), LABELS, **placed, offset=(0, 1, 2))

    export(f"{labels} --image image.zarr --output c.zarr")

    expected = (3, 40, 50) if labels == "labels.tif" else (0, 1, 2)
    assert read_instances("c.zarr").offset == pytest.approx(expected)


def test_cells_are_counted_in_each_plane_as_segment_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Planes that were not linked number their cells from 1, each.
    numbered = np.where(LABELS > 0, 1, 0).astype(np.uint16)
    tifffile.imwrite("planes.tif", numbered, imagej=True, metadata={"axes": "ZYX"})

    export("planes.tif --output c.zip")

    assert capsys.readouterr().out == "c.zip: 2 cells\n"
    assert summarise(numbered, ImageFile(numbered, "ZYX", None))["cells"] == 2


def test_the_pixel_size_may_be_given() -> None:
    export("labels.tif --pixel-size 2 2 --output c.csv")

    assert pd.read_csv("c.csv")["area_um2"].tolist() == [96, 176]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("missing.tif --output a.zip", "no file missing.tif"),
        ("labels.tif --output a.bmp", r"names no format; .* \.geojson"),
        ("labels.tif --output a.png", "add it with --image"),
        ("labels.tif --output a.pdf --image image.tif", "choose it with --plane"),
        ("labels.tif --output a.png --image image.tif --plane 3", "no plane"),
        ("labels.tif --output a.png --image image.tif --plane 1 1", "no plane"),
        ("labels.tif --output no/a.zip", "folder no does not exist"),
        ("labels.tif --output a.zip image.tif", "exists already"),
        ("labels.tif --output a.csv --channel 1", "needs --image"),
        ("labels.tif --output a.csv --image image.tif --channel 2", "no channel 2"),
        ("labels.tif --output a.csv --pixel-size 0 1", "no length"),
        ("labels.tif --output a.zip --axes QYX", "do not describe"),
        ("image.tif --output a.zip", "colour channels"),
        ("labels.tif --output no/a.zarr", "folder no does not exist"),
        ("labels.tif --output a.zarr --axes QYX", "do not describe"),
    ],
)
def test_bad_input_gets_one_sentence_and_leaves_nothing(
    here: Path, line: str, message: str
) -> None:
    before = sorted(here.iterdir())

    with pytest.raises(UserError, match=message):
        export(line)

    assert sorted(here.iterdir()) == before


def test_a_file_is_replaced_only_with_overwrite() -> None:
    Path("c.zip").write_bytes(b"precious")
    with pytest.raises(UserError, match="exists already"):
        export("labels.tif --output c.zip")

    assert export("labels.tif --output c.zip --overwrite") == 0
    assert len(roifile.roiread("c.zip")) == 2


def test_a_figure_says_what_it_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    line = "--image image.tif --plane 2 --line-width 2 --output a.png a.pdf"
    assert export(f"labels.tif {line}") == 0
    assert "scale bar" not in capsys.readouterr().out

    tifffile.imwrite("bare.tif", LABELS, photometric="minisblack")
    tifffile.imwrite("bare_image.tif", LABELS * 10, photometric="minisblack")
    assert export("bare.tif --image bare_image.tif --plane 0 --output b.png") == 0
    assert "has no scale bar; give it with --pixel-size" in capsys.readouterr().out


def test_exporting_loads_no_torch() -> None:
    program = (
        "import sys; from napari_metaseg.cli import main\n"
        "print(main(sys.argv[1:]), 'torch' in sys.modules)"
    )

    answer = subprocess.run(
        [sys.executable, "-c", program, "export", "labels.tif", "--output", "c.csv"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )

    assert answer.stdout.splitlines() == ["c.csv: 2 cells", "0 False"]
