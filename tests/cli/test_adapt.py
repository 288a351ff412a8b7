"""Adapting and segmenting from the shell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import roifile
import tifffile
import torch

from napari_metaseg import adapt, load
from napari_metaseg.io.labels import write_labels
from napari_metaseg.workflows.session_file import read_session

from .scene import ADAPT, ANNOTATION, CELLS, SCENE, STROKE


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "model"
    adapt(SCENE.image, ANNOTATION, device="cpu").save(folder)
    return folder


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


def test_each_painted_image_has_the_axes_of_its_file(shell, here: Path) -> None:
    stack, painted = (
        np.stack([a] + [a * 0] * 3) for a in (SCENE.image[::-1], ANNOTATION[::-1])
    )
    metadata = {"axes": "TYX"}
    tifffile.imwrite("movie.tif", stack, imagej=True, metadata=metadata)
    tifffile.imwrite("movie_painted.tif", painted, photometric="minisblack")

    outcome = shell(
        f"{ADAPT} --support movie.tif movie_painted.tif --save-session two.metaseg"
    )

    assert outcome.status == 0
    assert "6 cells painted" in outcome.out
    references = [image.reference for image in read_session("two.metaseg").images]
    assert [reference.axes for reference in references] == ["YX", "TYX"]
    replayed = shell("replay two.metaseg")
    assert replayed.status == 0
    assert "movie.tif" in replayed.out


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
    # Gradient steps go on from there; iMAML's problem has been solved already.
    adapt = f"{ADAPT} --init maml"
    assert shell(f"{adapt} --save-model first").status == 0

    outcome = shell(f"{adapt} --overwrite --start first --save-model second")

    assert outcome.status == 0
    first, second = (
        load(name).segmenter.network.adapted.params for name in ("first", "second")
    )
    assert any(not torch.equal(first[k], second[k]) for k in first)
    assert "no model in 'here'" in shell(f"{ADAPT} --overwrite --start here").err


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
        (f"{ADAPT} --save-model half", "weights.safetensors exists already"),
        (f"{ADAPT} --save-model no/model", "folder no does not exist"),
        (f"{ADAPT} --save-model notes.txt", "is a file"),
        (f"{ADAPT} --also other.tif --output-dir notes.txt", "is a file"),
        (f"{ADAPT} --seed 99999999999999999999", "fewer than 19 digits"),
        (f"{ADAPT} --background painted.tif", "cell in painted.tif and background"),
        (f"{ADAPT} --support other.tif small.tif", "same shape"),
        ("segment nowhere cells.tif --output-dir r", "no model in 'nowhere'"),
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
    Path("half").mkdir()
    Path("half/weights.safetensors").write_bytes(b"what a stop left")
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
