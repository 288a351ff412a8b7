"""A session comes back as it was saved, and leads to the same labels again."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from napari_metaseg import adapt
from napari_metaseg.core.classes import CellClass
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.linking import link_labels
from napari_metaseg.core.overlay import number
from napari_metaseg.core.settings import DEFAULT_INIT, DecodeSettings
from napari_metaseg.io.bundle import find_bundle
from napari_metaseg.io.images import ImageFile, read_image
from napari_metaseg.io.label_zarr import write_label_zarr
from napari_metaseg.io.open_images import read_any_image
from napari_metaseg.workflows.adapt import AdaptedModel
from napari_metaseg.workflows.image_reference import ImageReference
from napari_metaseg.workflows.reopen import read_report, reopen_steps
from napari_metaseg.workflows.replay import replay_steps
from napari_metaseg.workflows.results import Report
from napari_metaseg.workflows.session import Session, make_session, session_image
from napari_metaseg.workflows.session_file import read_session, save_session

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_metaseg.data.synthetic import Scene

SHOWN = DecodeSettings(threshold=0.5, min_size=0.2)
CLASSES = {
    7: CellClass("small – µ", 1.0, example=True),
    2: CellClass("small – µ", 0.75),
    40_003: CellClass("large", 0.5),
}


@pytest.fixture(scope="module")
def image_file(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("images") / "cells.tif"
    tifffile.imwrite(path, scene.image)
    return path


@pytest.fixture(scope="module")
def model(image_file: Path, painted: np.ndarray) -> AdaptedModel:
    return adapt(read_image(image_file).data, painted, device="cpu", seed=5)


@pytest.fixture(scope="module")
def session(model: AdaptedModel, image_file: Path, painted: np.ndarray) -> Session:
    """Return a session whose cells are numbered in a way of their own."""
    cells = model.relabel(SHOWN)
    free = (cells > 0) & (painted == 0)
    cells[free] += 40_000
    image = session_image(
        read_image(image_file), image_file, painted, cells, classes=CLASSES
    )
    return make_session(
        model, (image,), initialization=find_bundle(DEFAULT_INIT), seed=5, decode=SHOWN
    )


@pytest.fixture
def saved(session: Session, tmp_path: Path) -> Path:
    return save_session(tmp_path / "day1.metaseg", session)


def test_a_session_comes_back_as_it_was(session: Session, saved: Path) -> None:
    back = read_session(saved)

    assert back.settings == session.settings
    assert back.versions == session.versions
    assert back.models == session.models
    assert back.images[0].reference == session.images[0].reference
    for name in ("painted", "learned", "cells"):
        found, expected = (getattr(s.images[0], name) for s in (back, session))
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == np.int32
    assert list(back.images[0].classes.items()) == list(CLASSES.items())


def test_an_image_of_another_format_is_found_again(tmp_path: Path) -> None:
    pixels = np.arange(600, dtype=np.uint16).reshape(20, 30)
    path = write_label_zarr(tmp_path / "plate.zarr", pixels)

    reference = ImageReference.of(read_any_image(path), path)

    np.testing.assert_array_equal(reference.read(reference.find(tmp_path)), pixels)


def test_the_part_that_was_segmented_is_kept(session: Session, tmp_path: Path) -> None:
    part = replace(session.settings, planes=(0,), part=(2, 30, 4, 50), link="zt")

    saved = save_session(tmp_path / "part.metaseg", replace(session, settings=part))

    assert read_session(saved).settings == part


def test_an_unpacked_session_is_the_same(saved: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        archive.extractall(tmp_path / "folder")

    assert read_session(tmp_path / "folder").models == read_session(saved).models


def test_anybody_can_read_what_was_painted(saved: Path, painted: np.ndarray) -> None:
    with zipfile.ZipFile(saved) as archive, archive.open("painted-0.tif") as file:
        np.testing.assert_array_equal(tifffile.imread(file), painted)


def test_the_same_session_is_the_same_file(
    session: Session, saved: Path, tmp_path: Path
) -> None:
    again = save_session(tmp_path / "again.metaseg", session)

    assert again.read_bytes() == saved.read_bytes()


def test_a_session_is_replaced_only_when_that_is_allowed(
    session: Session, saved: Path
) -> None:
    with pytest.raises(UserError, match="exists already"):
        save_session(saved, session)

    save_session(saved, session, overwrite=True)


def in_a_fresh_process(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the shell command where nothing is left of this process."""
    return subprocess.run(
        [sys.executable, "-m", "napari_metaseg", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "2"},
    )


def test_a_replay_in_a_fresh_process_gives_the_same_labels(
    session: Session, saved: Path, tmp_path: Path
) -> None:
    out = tmp_path / "again.tif"

    answer = in_a_fresh_process("replay", saved, "--output", out)

    assert answer.returncode == 0, answer.stderr
    assert "the same labels as in the session" in answer.stdout
    assert "Note" not in answer.stdout
    cells = session.images[0].cells
    assert len(np.unique(cells)) > 5
    np.testing.assert_array_equal(tifffile.imread(out), cells)


def test_nothing_of_the_result_is_taken_from_the_session(
    session: Session, image_file: Path
) -> None:
    """A replay that only handed back what is stored would find no difference."""
    image = session.images[0]
    cells = image.cells.copy()
    spoilt = np.unique(cells)[-1]
    cells[cells == spoilt] = 0
    changed = replace(session, images=(replace(image, cells=cells),))

    result = exhaust(replay_steps(changed, [read_image(image_file).data]))

    assert result.different == (int((image.cells == spoilt).sum()),)


def test_what_was_painted_after_adapting_is_put_in(
    session: Session, model: AdaptedModel, scene: Scene, image_file: Path
) -> None:
    image = session.images[0]
    later = image.painted.copy()
    gone = np.unique(image.cells[(image.cells > 0) & (later == 0)])[0]
    later[image.cells == gone] = -1
    cells = np.where(image.cells == gone, 0, image.cells)
    changed = replace(session, images=(replace(image, painted=later, cells=cells),))

    result = exhaust(replay_steps(changed, [read_image(image_file).data]))

    assert result.different == (0,)
    assert not result.labels[0][later == -1].any()


def test_several_images_and_an_earlier_model_are_replayed(
    scene: Scene, painted: np.ndarray, small: str, tmp_path: Path
) -> None:
    pair = [scene.image, scene.image[::-1, ::-1].copy()]
    drawn = [painted, painted[::-1, ::-1].copy()]
    first = adapt(scene.image, painted, init=small, device="cpu")
    # Random weights hardly ever fit, and then nobody begins with them.
    start = AdaptedModel(replace(first.segmenter, kept=True), report=first.report)
    model = adapt(pair, drawn, init=small, device="cpu", start=start, diameter=30.0)
    images = tuple(
        session_image(ImageFile(image, None, (0.5, 0.5)), None, ann, cells)
        for image, ann, cells in zip(pair, drawn, model.labels, strict=True)
    )
    session = make_session(
        model, images, initialization=Path(small), diameter=30.0, start=start
    )
    save_session(tmp_path / "two.metaseg", session)

    back = read_session(tmp_path / "two.metaseg")
    result = exhaust(replay_steps(back, pair))

    assert result.different == (0, 0)
    assert result.changes == ()
    assert back.images[1].reference.pixel_size == (0.5, 0.5)
    without = {k: v for k, v in back.models.items() if k != "start"}
    again = exhaust(replay_steps(replace(back, models=without), pair))
    old, new = (r.model.segmenter.digest() for r in (result, again))
    assert old != new, "the earlier model matters"


def test_other_versions_are_told(session: Session, image_file: Path) -> None:
    before = session.versions | {"torch": "1.0", "gone": "2"}
    changed = replace(session, versions=before)

    result = exhaust(replay_steps(changed, [read_image(image_file).data]))

    assert [c.partition(" ")[0] for c in result.changes] == ["gone", "torch"]
    assert result.changes[1].endswith("here and was 1.0.")


def test_an_image_that_moved_is_looked_for_beside_the_session(
    saved: Path, image_file: Path, session: Session, tmp_path: Path
) -> None:
    reference = replace(session.images[0].reference, path=r"C:\data\cells.tif")
    with pytest.raises(UserError, match="say where it is with --image"):
        reference.find(saved)
    moved = tmp_path / "cells.tif"
    moved.write_bytes(image_file.read_bytes())

    assert reference.find(saved) == moved
    assert reference.find(saved, image_file) == image_file
    np.testing.assert_array_equal(reference.read(moved), tifffile.imread(image_file))


def test_other_pixels_are_refused(
    session: Session, image_file: Path, tmp_path: Path
) -> None:
    reference = session.images[0].reference
    pixels = tifffile.imread(image_file)
    pixels[3, 3] += 1
    for name, other in (("one", pixels), ("small", pixels[:-1])):
        tifffile.imwrite(tmp_path / f"{name}.tif", other)
        with pytest.raises(UserError, match="holds other pixels"):
            reference.read(tmp_path / f"{name}.tif")


def test_a_model_from_a_file_makes_no_session(saved_model: Path) -> None:
    from napari_metaseg import load

    with pytest.raises(UserError, match="adapt before saving"):
        make_session(load(saved_model), (), initialization=find_bundle(DEFAULT_INIT))


def test_a_model_of_another_start_makes_no_session(model: AdaptedModel) -> None:
    with pytest.raises(UserError, match="not adapted from 'maml' as it is now"):
        make_session(model, (), initialization=find_bundle("maml"))


def tampered(saved: Path, change: Callable[[dict[str, Any], dict[str, bytes]], object]):
    """Rewrite the archive after a change of its manifest and files."""
    with zipfile.ZipFile(saved) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files.pop("session.json"))
    change(manifest, files)
    with zipfile.ZipFile(saved, "w") as archive:
        archive.writestr("session.json", json.dumps(manifest))
        for name, data in files.items():
            archive.writestr(name, data)


def put(name: str, data: bytes) -> Callable[[dict[str, Any], dict[str, bytes]], object]:
    """Replace a file, and list it with its true size and hash."""

    def change(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
        files[name] = data
        digest = hashlib.sha256(data).hexdigest()
        manifest["files"][name] = {"size": len(data), "sha256": digest}

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda m, f: f.pop("cells-0.tif"), id="a file is missing"),
        pytest.param(
            lambda m, f: f.update({"cells-0.tif": f["cells-0.tif"][:-1] + b"x"}),
            id="another hash",
        ),
        pytest.param(
            lambda m, f: m["files"]["cells-0.tif"].update(size=10**15), id="huge"
        ),
        pytest.param(
            lambda m, f: m["files"]["cells-0.tif"].update(size=3), id="another size"
        ),
        pytest.param(put("../../evil.tif", b"x"), id="a path outside"),
        pytest.param(put("/etc/evil", b"x"), id="an absolute path"),
        pytest.param(put("cells-0.tif", b"II*\0"), id="no labels"),
        pytest.param(put("adapted/weights.safetensors", b"\x80\x04N."), id="a pickle"),
        pytest.param(lambda m, f: m.update(files=[]), id="no list of files"),
        pytest.param(lambda m, f: m.update(images=[]), id="no images"),
        pytest.param(lambda m, f: m["images"][0].update(labels=[5, 5]), id="a shape"),
        pytest.param(
            lambda m, f: m["images"][0].update(labels=[2**40, 2**40]), id="a bomb"
        ),
        pytest.param(
            lambda m, f: m["images"][0].update(classes=[[1, "a", 2.0, True]]),
            id="a probability",
        ),
        pytest.param(
            lambda m, f: m["images"][0].update(classes=[[1, {}, 1.0, True]]),
            id="a class",
        ),
        pytest.param(lambda m, f: m["settings"].update(threads=0), id="threads"),
        pytest.param(lambda m, f: m["settings"].update(device="rm"), id="device"),
        pytest.param(lambda m, f: m["settings"].update(part=[5, 3, 0, 9]), id="part"),
        pytest.param(lambda m, f: m["settings"].update(link="x"), id="link"),
        pytest.param(
            lambda m, f: m["settings"]["decode"].update(threshold=7), id="threshold"
        ),
        pytest.param(
            lambda m, f: m["settings"]["decode"].update(other=7), id="unknown setting"
        ),
        pytest.param(lambda m, f: m.pop("versions"), id="no versions"),
        pytest.param(lambda m, f: m.update(schema=2), id="another schema"),
        pytest.param(lambda m, f: m.update(kind="bundle"), id="another kind"),
    ],
)
def test_what_is_not_intact_is_refused_in_one_sentence(
    saved: Path, change: Callable[[dict[str, Any], dict[str, bytes]], object]
) -> None:
    tampered(saved, change)
    before = sorted(saved.parent.parent.rglob("*"))

    with pytest.raises(UserError, match=r"day1\.metaseg .*; \w+ .*\.$"):
        read_session(saved)

    assert sorted(saved.parent.parent.rglob("*")) == before


@pytest.mark.parametrize("content", [b"", b"PK\3\4 and no more", b"hello"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.metaseg"
    path.write_bytes(content)

    with pytest.raises(UserError, match="empty" if not content else "no session"):
        read_session(path)
    with pytest.raises(UserError, match="no session"):
        read_session(tmp_path)


def test_a_session_is_reopened_bit_for_bit(session: Session, saved: Path) -> None:
    back = read_session(saved)

    (kept,) = back.images
    pixels = kept.reference.read(kept.reference.find(saved))

    model = exhaust(reopen_steps(back, pixels, device="cpu"))

    found = number(model.found(back.settings.decode), kept.painted, kept.cells).under(
        kept.painted
    )
    np.testing.assert_array_equal(found, kept.cells)
    assert model.report is not None
    assert model.report.own_iou_after > 0
    assert model.report == read_report(model.segmenter.card)


@pytest.mark.parametrize(
    "change", [{"kept": "yes"}, {"own_iou_before": None}, {"diameter": "9"}]
)
def test_a_report_that_is_none_is_left_out(change: dict[str, object]) -> None:
    card = {"report": asdict(Report(1, 0, 9.0, 4, 0.5, 0.9, True, "", "cpu", ""))}
    assert read_report(card) is not None

    assert read_report({"report": card["report"] | change}) is None
    assert read_report({}) is None


def test_linked_cells_are_replayed_under_their_numbers(
    scene: Scene, painted: np.ndarray, small: str
) -> None:
    movie = np.stack([scene.image, np.roll(scene.image, 2, 1)])
    drawn = np.stack([painted, np.zeros_like(painted)])
    two = [movie, movie], [drawn, drawn]
    model = adapt(*two, axes="TYX", init=small, device="cpu")
    plain = model.relabel(SHOWN)
    linked = link_labels(plain, "TYX", "t")
    cells = np.append(0, 500 - np.arange(400))[linked].astype(np.int32)
    assert set(cells[0].flat) & set(cells[1].flat) - {0}
    image = session_image(ImageFile(movie, "TYX", None), None, drawn, cells)
    # As one that was only learned from, whose cells are not linked.
    other = session_image(ImageFile(movie, "TYX", None), None, drawn, plain)
    session = make_session(
        model, (image, other), initialization=Path(small), decode=SHOWN, link="t"
    )

    replay = exhaust(replay_steps(session, [movie, movie]))

    assert replay.different == (0, 0)
    np.testing.assert_array_equal(replay.labels[0], cells)
