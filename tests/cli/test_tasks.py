"""``napari-metaseg tasks``: the table, and the import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_metaseg.cli import main, make_parser
from napari_metaseg.cli.tasks import run
from napari_metaseg.core.errors import UserError
from napari_metaseg.data.folders import read_tasks

MASKS = np.zeros((30, 40), np.uint16)
MASKS[2:12, 3:13], MASKS[15:25, 20:34] = 1, 2


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Cellpose folder with one odd file, and a StarDist folder."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for folder in ("lab", "dist/images", "dist/masks"):
        Path(folder).mkdir(parents=True)
    for k in range(3):
        noise = rng.integers(0, 100, MASKS.shape)
        image = (noise + 155 * (MASKS > 0)).astype(np.uint8)
        Image.fromarray(image).save(f"lab/{k}_img.png")
        Image.fromarray(MASKS).save(f"lab/{k}_masks.png")
        tifffile.imwrite(f"dist/images/{k}.tif", 255 - image)
        tifffile.imwrite(f"dist/masks/{k}.tif", MASKS)
    Path("lab/0_masks.png").unlink()
    Path("lab/1_masks.png").write_bytes(b"?")
    return tmp_path


def tasks(line: str) -> int:
    return run(make_parser().parse_args(["tasks", *line.split()]))


def test_the_table_tells_what_is_used_and_what_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert tasks("lab dist") == 0

    head, lab, *skipped, dist, split = capsys.readouterr().out.splitlines()
    assert head.split() == "task layout images objects diameter (px) problems".split()
    assert lab.split()[:5] == ["lab", "cellpose", "1", "2", "11.1"]
    assert "one image" in lab
    assert skipped[0].strip().startswith(f"skipped: {Path('lab/0_img.png')}: has no")
    assert "1_masks.png" in skipped[1]
    assert dist.split() == ["dist", "stardist", "3", "6", "11.1"]
    assert split in (
        "Proposed split: train on lab; validate on dist.",
        "Proposed split: train on dist; validate on lab.",
    )
    assert not Path("library").exists()


def test_many_files_with_one_reason_are_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for k in (7, 8, 9):
        Image.fromarray(np.zeros((30, 40), np.uint8)).save(f"lab/{k}_img.png")

    tasks("lab")

    assert "0_img.png (and 3 more): has no masks" in capsys.readouterr().out


def test_json_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert tasks("lab dist --json") == 0

    said = json.loads(capsys.readouterr().out)
    lab, dist = said["tasks"]
    assert (lab["task"], lab["images"], lab["objects"]) == ("lab", 1, 2)
    assert [Path(s["file"]).name for s in lab["skipped"]] == ["0_img.png", "1_img.png"]
    assert (dist["layout"], dist["source"], dist["skipped"]) == ("stardist", "dist", [])
    assert sorted(said["split"]["training"] + said["split"]["validation"]) == [
        "dist",
        "lab",
    ]


def test_what_is_imported_is_what_training_reads(here: Path) -> None:
    line = "lab dist --import-to library --licence CC0-1.0 --source-name us"
    assert tasks(line) == 0

    dist, lab = read_tasks(Path("library"))
    assert (len(dist.images), len(lab.images)) == (3, 1)
    np.testing.assert_array_equal(lab.masks[0], MASKS)
    assert (lab.info.source, lab.info.licence) == ("us", "CC0-1.0")
    absolute = line.replace("lab dist", f"{here / 'lab'} {here / 'dist'}")
    assert tasks(absolute) == 0, "nothing is left to do"


def test_only_named_tasks_are_imported() -> None:
    tasks("lab dist --import-to library --tasks dist")

    assert [t.name for t in read_tasks(Path("library"))] == ["dist"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("missing", "no folder 'missing'"),
        ("empty", "holds no images with masks"),
        ("lab --tasks dist", "no task 'dist'; there are lab"),
        ("lab --overwrite", "--overwrite needs --import-to"),
        ("lab --licence MIT", "--licence needs --import-to"),
        ("lab --source-name us", "--source-name needs --import-to"),
    ],
)
def test_bad_input_gets_one_sentence(line: str, message: str) -> None:
    Path("empty").mkdir()

    with pytest.raises(UserError, match=message):
        tasks(line)


def test_nothing_to_use_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    Path("lab/2_masks.png").write_bytes(b"?")

    assert main(["tasks", "lab"]) == 2

    told = capsys.readouterr()
    assert "nothing to use" in told.out
    assert "Nothing can be used" in told.err


def test_the_table_loads_no_torch() -> None:
    program = (
        "import sys; from napari_metaseg.cli import main\n"
        "print(main(sys.argv[1:]), 'torch' in sys.modules)"
    )

    answer = subprocess.run(
        [sys.executable, "-c", program, "tasks", "dist"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )

    assert answer.stdout.splitlines()[-1] == "0 False"
