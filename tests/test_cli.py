from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import roifile
import tifffile
import torch

from napari_metaseg import __version__, adapt, load
from napari_metaseg.cli import main
from napari_metaseg.core.network import Architecture, PrototypeUNet
from napari_metaseg.data.synthetic import sample_scene
from napari_metaseg.io.bundle import bundled_names, save_bundle
from napari_metaseg.io.labels import write_labels
from napari_metaseg.workflows.session_file import read_session

ROOT = Path(__file__).resolve().parent.parent
SCENE = sample_scene("fluorescence", size=(128, 144), seed=3)


def whole_cells() -> np.ndarray:
    """Return three whole cells, numbered as in the masks."""
    masks = SCENE.masks
    edge = np.concatenate([masks[0], masks[-1], masks[:, 0], masks[:, -1]])
    whole = np.setdiff1d(masks, np.append(edge, 0))[:3]
    return np.where(np.isin(masks, whole), masks, 0).astype(np.int32)


CELLS = whole_cells()
STROKE = np.zeros(CELLS.shape, bool)
STROKE[60, :] = SCENE.masks[60] == 0
ANNOTATION = np.where(STROKE, -1, CELLS).astype(np.int16)


class Outcome(NamedTuple):
    """Exit status and what was printed."""

    status: int
    out: str
    err: str


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with an image, its annotation and another image."""
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("cells.tif", SCENE.image)
    tifffile.imwrite("painted.tif", ANNOTATION)
    tifffile.imwrite("other.tif", SCENE.image[::-1, ::-1])
    Path("broken.tif").write_bytes(b"II*\0 and no more")
    return tmp_path


@pytest.fixture
def shell(here: Path, capsys: pytest.CaptureFixture[str]) -> object:
    def run(line: str) -> Outcome:
        status = main(line.split())
        out, err = capsys.readouterr()
        return Outcome(status, out, err)

    return run


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "model"
    adapt(SCENE.image, ANNOTATION, device="cpu").save(folder)
    return folder


ADAPT = "adapt cells.tif --annotation painted.tif --device cpu --output found.tif"


def test_adapt_writes_what_python_returns(shell, here: Path) -> None:
    outcome = shell(ADAPT)

    assert outcome.status == 0
    assert "3 cells painted" in outcome.out
    assert "found.tif" in outcome.out
    found = tifffile.imread("found.tif")
    expected = adapt(SCENE.image, ANNOTATION, device="cpu").labels
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(found[CELLS > 0], CELLS[CELLS > 0])
    assert not found[ANNOTATION == -1].any()


def test_a_region_is_one_object(shell, here: Path) -> None:
    outcome = shell(f"{ADAPT} --region --save-model spots --save-session spots.metaseg")

    assert outcome.status == 0
    assert set(np.unique(tifffile.imread("found.tif"))) == {0, 1}
    assert read_session("spots.metaseg").settings.decode.region
    # The model does the same with other images, without being told again.
    assert shell("segment spots cells.tif --output-dir out").status == 0
    assert set(np.unique(tifffile.imread("out/cells_labels.tif"))) == {0, 1}


def test_background_may_come_from_a_second_file(shell, here: Path) -> None:
    tifffile.imwrite("cells_only.tif", CELLS.astype(np.uint16))
    tifffile.imwrite("ground.tif", STROKE.astype(np.uint8))

    outcome = shell(
        "adapt cells.tif --annotation cells_only.tif --background ground.tif "
        "--device cpu --output two.tif"
    )

    assert outcome.status == 0
    assert shell(ADAPT).status == 0
    np.testing.assert_array_equal(
        tifffile.imread("two.tif"), tifffile.imread("found.tif")
    )


def test_support_adds_painted_images(shell, here: Path) -> None:
    tifffile.imwrite("more.tif", ANNOTATION[::-1, ::-1])

    outcome = shell(f"{ADAPT} --support other.tif more.tif")

    assert outcome.status == 0
    assert "6 cells painted" in outcome.out
    found = tifffile.imread("found.tif")
    np.testing.assert_array_equal(found[CELLS > 0], CELLS[CELLS > 0])


def test_also_segments_further_images_with_their_pixel_size(shell, here: Path) -> None:
    flipped = SCENE.image[::-1]
    metadata = {"axes": "YX", "unit": "um"}
    tifffile.imwrite(
        "c.tif", flipped, imagej=True, resolution=(4, 4), metadata=metadata
    )

    outcome = shell(f"{ADAPT} --also other.tif c.tif --output-dir results")

    assert outcome.status == 0
    model = adapt(SCENE.image, ANNOTATION, device="cpu")
    np.testing.assert_array_equal(
        tifffile.imread("results/c_labels.tif"), model.segment(flipped)
    )
    assert Path("results/other_labels.tif").exists()
    with tifffile.TiffFile("results/c_labels.tif") as tif:
        assert tif.pages[0].tags["XResolution"].value == (4, 1)


def test_further_formats_are_written_beside_the_labels(shell, here: Path) -> None:
    assert shell(f"{ADAPT} --also-write csv rois").status == 0

    labels = tifffile.imread("found.tif")
    assert len(roifile.roiread("found.zip")) == len(np.unique(labels)) - 1
    table = Path("found.csv").read_text(encoding="utf-8").splitlines()
    assert len(table) == len(np.unique(labels))
    assert "intensity_mean" in table[0]
    Path("found.tif").unlink()
    outcome = shell(f"{ADAPT} --also-write rois")
    assert outcome.status == 2
    assert "found.zip exists already" in outcome.err
    assert outcome.err.count("\n") == 1, "nothing was computed"
    assert not Path("found.tif").exists()


def test_a_saved_model_segments_from_the_shell(shell, here: Path) -> None:
    assert shell(f"{ADAPT} --save-model mine").status == 0

    outcome = shell("segment mine cells.tif other.tif --output-dir results")

    assert outcome.status == 0
    for name, image in (("cells", SCENE.image), ("other", SCENE.image[::-1, ::-1])):
        found = tifffile.imread(f"results/{name}_labels.tif")
        np.testing.assert_array_equal(found, load("mine").segment(image))
        assert f"{name}_labels.tif: {len(np.unique(found)) - 1} cells" in outcome.out


def test_a_session_is_replayed_from_the_shell(shell, here: Path) -> None:
    assert shell(f"{ADAPT} --save-session day1.metaseg").status == 0

    outcome = shell("replay day1.metaseg --image cells.tif --output again.tif")

    assert outcome.status == 0
    assert "the same labels as in the session" in outcome.out
    np.testing.assert_array_equal(
        tifffile.imread("again.tif"), tifffile.imread("found.tif")
    )
    refused = shell("replay day1.metaseg --image other.tif")
    assert refused.status == 2
    assert "holds other pixels" in refused.err
    again = shell(f"{ADAPT} --overwrite --save-session other.tif/day1.metaseg")
    assert again.status == 2
    assert again.err.count("\n") == 1, "nothing was computed"


def test_adaptation_may_begin_with_an_earlier_model(shell, here: Path) -> None:
    assert shell(f"{ADAPT} --save-model first").status == 0

    outcome = shell(f"{ADAPT} --overwrite --start first --save-model second")

    assert outcome.status == 0
    first, second = (
        load(name).segmenter.network.adapted.params for name in ("first", "second")
    )
    assert any(not torch.equal(first[k], second[k]) for k in first)
    assert "missing or damaged" in shell(f"{ADAPT} --overwrite --start here").err


def test_stacks_and_channels_are_understood(shell, here: Path) -> None:
    stack = np.stack([np.stack([SCENE.image * 0, SCENE.image])] * 2)
    painted = np.zeros((2, *CELLS.shape), np.int32)
    painted[0] = ANNOTATION
    tifffile.imwrite("stack.tif", stack)
    tifffile.imwrite("stack_painted.tif", painted)

    outcome = shell(
        "adapt stack.tif --annotation stack_painted.tif --axes TCYX --channel 1 "
        "--output stack_found.tif --device cpu"
    )

    assert outcome.status == 0
    with tifffile.TiffFile("stack_found.tif") as tif:
        assert tif.series[0].axes == "TYX"
        assert tif.series[0].shape == painted.shape


def test_axes_that_cannot_be_written_are_refused_before_the_work(
    shell, here: Path
) -> None:
    tifffile.imwrite("turned.tif", np.stack([SCENE.image] * 2, axis=-1))
    tifffile.imwrite("turned_cells.tif", np.stack([ANNOTATION] * 2, axis=-1))

    outcome = shell(
        "adapt turned.tif --annotation turned_cells.tif --axes YXT --output o.tif"
    )

    assert outcome.status == 2
    assert "Y and X last" in outcome.err
    assert outcome.err.count("\n") == 1, "nothing was computed"
    assert not Path("o.tif").exists()


def test_models_lists_what_is_bundled(shell) -> None:
    outcome = shell("models")

    assert outcome.status == 0
    assert [line.partition(":")[0] for line in outcome.out.splitlines()] == (
        bundled_names()
    )


def test_some_of_several_files_may_fail(shell, here: Path, model_folder: Path) -> None:
    outcome = shell(f"segment {model_folder} broken.tif cells.tif --output-dir r")

    assert outcome.status == 1
    assert [p.name for p in Path("r").glob("*_labels.*")] == ["cells_labels.tif"]
    assert outcome.err.count("\n") == 1
    assert "broken.tif" in outcome.err


def test_a_further_image_that_fails_leaves_the_first_result(shell, here: Path) -> None:
    outcome = shell(f"{ADAPT} --also broken.tif --output-dir r")

    assert outcome.status == 1
    assert Path("found.tif").exists()
    assert outcome.err.splitlines()[-1].startswith("napari-metaseg: broken.tif:")


def test_the_only_file_that_fails_is_bad_input(
    shell, here: Path, model_folder: Path
) -> None:
    outcome = shell(f"segment {model_folder} broken.tif --output-dir r")

    assert outcome.status == 2
    assert not list(Path("r").glob("*_labels.*"))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (ADAPT.replace("cells.tif", "missing.tif"), "There is no file missing.tif"),
        (ADAPT.replace("cells.tif", "broken.tif"), "broken.tif cannot be read"),
        (ADAPT.replace("painted.tif", "missing.tif"), "There is no file missing.tif"),
        (ADAPT.replace("painted.tif", "blank.tif"), "Nothing is painted"),
        (ADAPT.replace("painted.tif", "small.tif"), "same shape"),
        (ADAPT.replace("painted.tif", "notes.txt"), "notes.txt is not a TIFF"),
        (ADAPT.replace("found.tif", "found.png"), "end in .tif"),
        (ADAPT.replace("found.tif", "no/where.tif"), "folder no does not exist"),
        (ADAPT.replace("found.tif", "painted.tif"), "add --overwrite"),
        (f"{ADAPT} --init mamba", "no initialization 'mamba'"),
        (f"{ADAPT} --axes CYX", "do not describe"),
        (f"{ADAPT} --channel 3", "no channel 3"),
        (f"{ADAPT} --diameter -2", "above 0"),
        (f"{ADAPT} --also other.tif", "needs --output-dir"),
        (f"{ADAPT} --also other.tif a/other.tif --output-dir r", "named 'other'"),
        (f"{ADAPT} --save-model taken", "add --overwrite"),
        (f"{ADAPT} --background painted.tif", "cell in painted.tif and background"),
        (f"{ADAPT} --support other.tif small.tif", "same shape"),
        ("segment nowhere cells.tif --output-dir r", "missing or damaged"),
        ("segment taken cells.tif --output-dir r", "missing or damaged"),
        ("benchmark . --draws 1", "holds no tasks"),
        ("benchmark . --inits --methods", "nothing to compare"),
        ("benchmark . --cells 0", "must be 1 or more"),
        ("benchmark . --methods magic", "no method 'magic'"),
        ("benchmark . --methods finetune --pooled no", "no initialization 'no'"),
        ("benchmark . --l2sp -1", "cannot be below 0"),
        ("benchmark . --json no/rows.jsonl", "folder no does not exist"),
        ("meta-train . --output run --steps 1", "holds no tasks"),
    ],
)
def test_bad_input_gets_one_sentence_and_leaves_nothing(
    shell, here: Path, line: str, words: str
) -> None:
    tifffile.imwrite("blank.tif", np.zeros_like(CELLS))
    tifffile.imwrite("small.tif", ANNOTATION[:40, :40])
    Path("notes.txt").write_text("two cells\n", encoding="utf-8")
    Path("taken").mkdir()
    Path("taken/card.json").write_text("not mine to replace", encoding="utf-8")
    before = {p: p.stat().st_mtime_ns for p in here.rglob("*")}

    outcome = shell(line)

    assert outcome.status == 2
    assert outcome.err.startswith("napari-metaseg: ")
    assert outcome.err.count("\n") == 1
    assert outcome.out == ""
    assert words in outcome.err
    assert {p: p.stat().st_mtime_ns for p in here.rglob("*")} == before


def test_results_are_replaced_only_with_overwrite(shell, here: Path) -> None:
    Path("found.tif").write_bytes(b"precious")

    assert shell(ADAPT).status == 2
    assert Path("found.tif").read_bytes() == b"precious"

    assert shell(f"{ADAPT} --overwrite").status == 0
    assert tifffile.imread("found.tif").shape == CELLS.shape


def test_segment_replaces_only_with_overwrite(
    shell, here: Path, model_folder: Path
) -> None:
    Path("r").mkdir()
    write_labels("r/cells_labels.tif", np.full((3, 3), 7))
    line = f"segment {model_folder} cells.tif --output-dir r"

    outcome = shell(line)
    assert outcome.status == 2
    assert "exists already" in outcome.err
    assert (tifffile.imread("r/cells_labels.tif") == 7).all()

    assert shell(f"{line} --overwrite").status == 0
    assert tifffile.imread("r/cells_labels.tif").shape == CELLS.shape


def write_task(folder: Path) -> None:
    for part, array in (("images", SCENE.image), ("masks", SCENE.masks)):
        (folder / "task" / part).mkdir(parents=True)
        tifffile.imwrite(folder / "task" / part / "0.tif", array)


def write_bundle(folder: Path) -> None:
    """Write a small initialization with random weights."""
    torch.manual_seed(0)
    small = Architecture(widths=(4, 4, 4, 8))
    params = {k: v.detach() for k, v in PrototypeUNet(small).named_parameters()}
    card = {
        "name": "small",
        "algorithm": "none",
        "architecture": small.as_dict(),
        "working_diameter": 24.0,
        "recipe": {"steps": 1, "rates": dict.fromkeys(params, 0.01)},
    }
    save_bundle(folder, params, card)


def test_benchmark_prints_tables_and_goes_on_where_it_was(shell, here: Path) -> None:
    write_task(here / "data")
    write_bundle(here / "small")
    line = (
        "benchmark data --inits small --methods forest --draws 1 --cells 2 "
        "--regimes strokes --corrections 1 --device cpu --json rows.jsonl "
        "--pictures looks"
    )

    outcome = shell(line)

    assert outcome.status == 0
    assert "## 2 painted cells, 2 background strokes" in outcome.out
    assert "| small | forest |" in outcome.out
    assert "## Corrections" in outcome.out
    lines = Path("rows.jsonl").read_text(encoding="utf-8").splitlines()
    head, *rows = map(json.loads, lines)
    assert head["settings"] == {"data": "data", "images": 3, "seed": 0, "device": "cpu"}
    assert [(r["kind"], r["method"]) for r in rows if r["method"] == "forest"] == [
        ("score", "forest"),
        ("correction", "forest"),
    ]
    assert {r["method"] for r in rows} == {"forest", "small"}
    assert Path("looks/task.png").stat().st_size > 0
    again = shell(line)
    assert (again.status, again.out) == (0, outcome.out)
    assert Path("rows.jsonl").read_text(encoding="utf-8").splitlines() == lines


def test_rivals_are_set_on_the_command_line(shell, here: Path) -> None:
    write_task(here / "data")
    write_bundle(here / "small")
    line = (
        "benchmark data --inits small --methods finetune --pooled small --draws 1 "
        "--cells 1 --images 1 --regimes cells --finetune-steps 0 --adam-rate 0.5 "
        "--device cpu --json rows.jsonl"
    )

    assert shell(line).status == 0

    lines = Path("rows.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(x) for x in lines[1:]]
    tuned = [r for r in rows if r["method"].startswith("finetune")]
    assert len(tuned) == 4
    assert all(r["after"] == tuned[0]["after"] for r in tuned), "no steps were taken"


def test_meta_train_writes_a_bundle_that_can_be_used(shell, here: Path) -> None:
    write_task(here / "data")
    line = (
        "meta-train data --output run --steps 1 --tasks-per-step 1 --inner-steps 1 "
        "--procedural-share 0 --device cpu"
    )

    outcome = shell(line)

    assert outcome.status == 0
    assert "step 1 of 1" in outcome.out
    assert shell(line).status == 2, "a run is not overwritten"
    assert shell(f"{line} --keep").status == 0
    card = json.loads(Path("run/bundle/card.json").read_text(encoding="utf-8"))
    assert card["training"]["command"] == f"napari-metaseg {line} --keep"
    assert shell(f"{ADAPT} --init run/bundle").status == 0


@pytest.mark.parametrize(
    "line", ["", "paint", "adapt", "adapt cells.tif", "segment", "models --all"]
)
def test_a_wrong_command_line_is_bad_input(shell, line: str) -> None:
    with pytest.raises(SystemExit) as caught:
        shell(line)

    assert caught.value.code == 2


def in_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_module_is_the_command() -> None:
    answer = in_python("-m", "napari_metaseg", "--version")

    assert (answer.returncode, answer.stdout.strip()) == (0, __version__)


def test_bad_input_shows_no_traceback() -> None:
    answer = in_python(
        "-m", "napari_metaseg", "segment", "no", "x", "--output-dir", "y"
    )

    assert answer.returncode == 2
    assert answer.stderr.startswith("napari-metaseg: ")
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize("line", ["--help", "adapt --help", "--version", "adapt"])
def test_help_needs_no_torch(line: str) -> None:
    program = (
        "import sys\n"
        "from napari_metaseg.cli import main\n"
        "try:\n"
        "    main(sys.argv[1:])\n"
        "except SystemExit:\n"
        "    print('torch' in sys.modules, 'numpy' in sys.modules)\n"
    )

    answer = in_python("-c", program, *line.split())

    assert answer.stdout.splitlines()[-1] == "False False"
