"""Sessions are saved from the panel and come back as they were."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers import Layer
from napari.layers._source import layer_source

from napari_metaseg.core.classes import CellClass
from napari_metaseg.gui import readers, sessions, world
from napari_metaseg.gui.classes import table
from napari_metaseg.gui.classes.classes_panel import ClassesPanel
from napari_metaseg.gui.large_form import Scope
from napari_metaseg.io import bundle
from napari_metaseg.io.bundle import models_folder
from napari_metaseg.workflows import reopen, session_file
from napari_metaseg.workflows import session as session_values
from napari_metaseg.workflows.results import Progress, Report
from napari_metaseg.workflows.session import read_model_files
from napari_metaseg.workflows.session_file import read_session

from .acting import adapt, go_to
from .conftest import FakeModel

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari.layers import Image
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from napari_metaseg.gui.adapt_panel import AdaptPanel
    from napari_metaseg.workflows.session import Session

    from .acting import Open, Settle


REPORT = Report(1, 0, 9.0, 4, 0.5, 0.9, True, "", "cpu", "")
SHA256 = "of the start"


@pytest.fixture(autouse=True)
def real_files(monkeypatch: pytest.MonkeyPatch, engine: object) -> None:
    """Save the files of a real model in place of those of the stand-in."""
    folder = models_folder() / "maml"
    files = read_model_files(folder)
    monkeypatch.setattr(session_values, "_files_of", lambda _: files)
    monkeypatch.setattr(session_file, "_check_models", lambda _: None)
    monkeypatch.setattr(session_values, "read_card", lambda *_: {"sha256": SHA256})
    monkeypatch.setattr(bundle, "find_bundle", lambda _: folder)
    monkeypatch.setattr(reopen, "reopen_steps", reopen_steps)


def reopen_steps(
    session: Session, image: Any, *, device: str
) -> Generator[Progress, None, FakeModel]:
    yield Progress("segment", 50, 100, "Drawing")
    return fake_model(np.asarray(image) > 0)


def fake_model(bright: NDArray[np.bool_]) -> FakeModel:
    model = FakeModel(bright, REPORT)
    model.segmenter.card["initialization"] = {"sha256": SHA256}
    return model


@pytest.fixture(autouse=True)
def known_start(monkeypatch: pytest.MonkeyPatch, engine: Any) -> None:
    """Let the stand-in say from which start it set out."""
    make = engine._model

    def model(*given: Any) -> FakeModel:
        made: FakeModel = make(*given)
        made.segmenter.card["initialization"] = {"sha256": SHA256}
        return made

    monkeypatch.setattr(engine, "_model", model)


@pytest.fixture
def image(viewer: ViewerModel, blobs: NDArray[np.float32], tmp_path: Path) -> Image:
    return open_image(viewer, blobs, tmp_path / "plate.tif")


@pytest.fixture
def panel(viewer: ViewerModel, image: Image, open_panel: Open) -> AdaptPanel:
    return open_panel(viewer)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "day 1.metaseg"
    monkeypatch.setattr(sessions, "ask_path", lambda *_: path)
    monkeypatch.setattr(sessions, "ask_file", lambda *_: path)
    return path


def open_image(viewer: ViewerModel, data: NDArray[Any], file: Path) -> Image:
    """Write an image and open it as napari does, which notes its file."""
    tifffile.imwrite(file, data)
    with layer_source(path=str(file)):
        return viewer.add_image(data, name="plate", scale=(0.5, 0.5), units="um")


def work_with(panel: AdaptPanel, settle: Settle) -> None:
    """Adapt, correct, and choose other settings."""
    annotation = panel.desk.annotation
    assert annotation is not None
    annotation.paint((12, 12), 1)
    settle(panel)
    panel.view.object_size.set_by_hand(11)
    panel.adapt()
    settle(panel)
    panel.view.decode.fields["threshold"].value = 0.42
    settle(panel)
    annotation.paint((44, 12), 2)
    settle(panel)


def drop(viewer: ViewerModel, path: Path) -> None:
    for each in readers.session_layers(path):
        viewer.add_layer(Layer.create(*each))


@pytest.fixture
def saved(panel: AdaptPanel, path: Path, settle: Settle) -> Path:
    work_with(panel, settle)
    panel.view.session.save.click()
    settle(panel)
    return path


def check_same(panel: AdaptPanel, other: AdaptPanel) -> None:
    """Check that two panels show the same work."""
    for role in (lambda p: p.desk.annotation.data, lambda p: cells_of(p).data):
        np.testing.assert_array_equal(role(panel), role(other))
    assert other.work is not None
    assert other.work.last is not None
    assert other.view.decode.settings == panel.view.decode.settings
    assert other.view.object_size.chosen == panel.view.object_size.chosen
    assert other.desk.target.name == panel.desk.target.name
    assert other.work.last.model.report == REPORT
    assert len(other.work.rounds) == 1
    assert cells_of(other).contour == 2
    assert not cells_of(other).editable


def cells_of(panel: AdaptPanel) -> Any:
    layer_list = panel._layers
    (found,) = (
        layer
        for layer in layer_list
        if layer.metadata.get("napari_metaseg", {}).get("role") == "cells"
    )
    return found


def test_a_session_holds_what_the_round_was_asked(
    panel: AdaptPanel, image: Image, saved: Path
) -> None:
    session = read_session(saved)

    assert panel.view.status.text == f"Saved {saved}"
    (kept,) = session.images
    assert panel.desk.annotation is not None
    np.testing.assert_array_equal(kept.painted, panel.desk.annotation.data)
    np.testing.assert_array_equal(kept.cells, cells_of(panel).data)
    assert np.unique(kept.learned).tolist() == [0, 1]  # painted before the round
    assert kept.reference.path == image.source.path
    assert kept.reference.pixel_size == (0.5, 0.5)
    assert session.settings.diameter == 11
    assert session.settings.decode.threshold == 0.42
    assert session.settings.target == "cells"


@pytest.mark.parametrize("dropped", [False, True])
def test_a_session_comes_back_as_it_was(
    panel: AdaptPanel, saved: Path, open_panel: Open, settle: Settle, dropped: bool
) -> None:
    empty = ViewerModel()
    other = open_panel(empty)

    if dropped:
        drop(empty, saved)
    else:
        other.view.session.open.click()
    settle(other)

    check_same(panel, other)
    assert len(empty.layers) == 3
    assert other.desk.image is empty.layers[0]
    assert other.view.save.isEnabled()


def test_layers_come_back_to_their_place(
    image: Image, panel: AdaptPanel, path: Path, settle: Settle
) -> None:
    image.scale, image.units = (0.5, 0.25), ("mm", "mm")
    image.rotate, image.translate = 30, (7, -3)
    image.affine = np.array([[1, 0.2, 4], [0, 1, 5], [0, 0, 1]])
    work_with(panel, settle)
    panel.view.session.save.click()
    settle(panel)

    layers = [Layer.create(*each) for each in readers.session_layers(path)]

    assert len(layers) == 3
    for layer in layers:
        assert layer.units == image.units
        assert world.pixel_size(layer) == world.pixel_size(image) == (500, 250)
        for corner in ((0, 0), (0, 9), (9, 0)):
            there = layer.data_to_world(corner)
            np.testing.assert_allclose(there, image.data_to_world(corner), atol=1e-12)


def open_movie(
    viewer: ViewerModel, path: Path, movie: NDArray[np.float32], labels: str
) -> Image:
    """Show a movie of a file, its axes labelled so."""
    tifffile.imwrite(path, movie, imagej=True, metadata={"axes": "TYX"})
    with layer_source(path=str(path)):
        return viewer.add_image(movie, name="movie", axis_labels=tuple(labels))


def test_links_and_the_part_that_was_asked_for_come_back(
    blobs: NDArray[np.float32],
    path: Path,
    tmp_path: Path,
    open_panel: Open,
    settle: Settle,
) -> None:
    viewer = ViewerModel()
    open_movie(viewer, tmp_path / "movie.tif", np.stack([blobs] * 3), "tyx")
    panel = open_panel(viewer)
    annotation = panel.desk.annotation
    assert annotation is not None
    annotation.brush_size = 10
    annotation.paint((0, 12, 12), 1)
    annotation.paint((1, 44, 44), 9)
    annotation.corner_pixels = np.array([[1, 4, 6], [1, 59, 61]])
    panel.view.large.links.choose("t")
    panel.view.large.scope.choose(Scope.VIEW)
    adapt(panel, settle)
    panel.view.session.save.click()
    settle(panel)
    settings = read_session(path).settings
    assert (settings.link, settings.part) == ("t", (4, 60, 6, 62))
    assert settings.planes is not None

    empty = ViewerModel()
    other = open_panel(empty)
    drop(empty, path)
    settle(other)

    np.testing.assert_array_equal(cells_of(other).data, cells_of(panel).data)
    assert other.view.large.links.value == "t"
    assert other.view.large.scope.value is Scope.VIEW
    annotation = other.desk.annotation
    assert annotation is not None
    annotation.brush_size = 10
    annotation.paint((2, 12, 44), 20)
    settle(other)
    assert len(set(cells_of(other).data[:, 12, 44].tolist())) == 1
    other.view.session.save.click()
    settle(other)
    assert read_session(path).settings == settings


def test_an_axis_that_was_named_otherwise_since_is_so_in_the_session(
    blobs: NDArray[np.float32],
    path: Path,
    tmp_path: Path,
    open_panel: Open,
    settle: Settle,
) -> None:
    viewer = ViewerModel()
    image = open_movie(viewer, tmp_path / "movie.tif", np.stack([blobs] * 2), "zyx")
    panel = open_panel(viewer)
    assert panel.desk.annotation is not None
    panel.desk.annotation.brush_size = 10
    panel.desk.annotation.paint((0, 12, 12), 1)
    adapt(panel, settle)
    image.axis_labels = ("t", "y", "x")
    settle(panel)
    panel.view.large.links.choose("t")
    settle(panel)
    panel.view.session.save.click()
    settle(panel)

    empty = ViewerModel()
    other = open_panel(empty)
    drop(empty, path)
    settle(other)

    assert other.view.large.links.value == "t"
    np.testing.assert_array_equal(cells_of(other).data, cells_of(panel).data)


@pytest.mark.parametrize("chosen", [True, False])
def test_the_next_adapt_does_what_the_session_did(
    saved: Path,
    open_panel: Open,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
    chosen: bool,
) -> None:
    decode = read_session(saved).settings.decode
    recipe = decode.chosen() | {"mirrors": 4} if chosen else {"mirrors": 1}

    def steps(*given: Any, **named: Any) -> Generator[Progress, None, FakeModel]:
        model = yield from reopen_steps(*given, **named)
        model.segmenter.card["recipe"] = recipe
        return model

    monkeypatch.setattr(reopen, "reopen_steps", steps)
    empty = ViewerModel()
    other = open_panel(empty)
    other.view.decode.fitted.setChecked(not chosen)
    other.view.source.mirrors.setChecked(not chosen)

    drop(empty, saved)
    settle(other)

    assert other.view.decode.fitted.isChecked() == chosen
    assert other.view.source.mirrors.isChecked() == chosen
    assert other.view.decode.settings.split == decode.split
    other.view.decode.fitted.setChecked(not chosen)
    adapt(other, settle)
    assert other.view.decode.fitted.isChecked() != chosen, "a round changes no box"


@pytest.mark.parametrize(
    ("planes", "part", "scope"),
    [
        (None, None, Scope.ALL),
        ((3,), None, Scope.PLANE),
        ((3,), (0, 9, 0, 9), Scope.VIEW),
        (None, (0, 9, 0, 9), Scope.VIEW),
    ],
)
def test_what_was_segmented_tells_what_was_chosen(
    planes: tuple[int, ...] | None, part: tuple[int, int, int, int] | None, scope: Scope
) -> None:
    assert Scope.of(planes, part) is scope


def test_classes_come_back_with_a_session(
    panel: AdaptPanel, path: Path, open_panel: Open, settle: Settle, qtbot: QtBot
) -> None:
    work_with(panel, settle)
    cells = cells_of(panel)
    numbers = np.unique(cells.data[cells.data > 0]).tolist()
    classes = {numbers[-1]: CellClass("round", 1.0, example=True)}
    classes |= {numbers[1]: CellClass("round", 0.75)}
    classes |= {numbers[0]: CellClass("long", 1.0, example=True)}
    table.write_classes(cells, classes)
    panel.view.session.save.click()
    settle(panel)
    empty = ViewerModel()
    other = open_panel(empty)

    drop(empty, path)
    settle(other)

    back = cells_of(other)
    assert table.read_classes(back) == classes
    dock = ClassesPanel(empty)
    qtbot.addWidget(dock)
    qtbot.waitUntil(lambda: dock.sheet is not None and dock.sheet.layer is not None)
    assert dock.sheet is not None and dock.sheet.cells is back
    assert dock.sheet.names == {1: "round", 2: "long"}
    assert dock.sheet.classes() == classes
    assert dock.view.export.isEnabled()


def test_a_session_that_was_dropped_before_the_panel_opened(
    panel: AdaptPanel, saved: Path, open_panel: Open, settle: Settle
) -> None:
    other = ViewerModel()
    drop(other, saved)

    check_same(panel, open_panel(other))


def test_work_goes_on_from_a_session(
    saved: Path, open_panel: Open, settle: Settle, engine: Any
) -> None:
    viewer = ViewerModel()
    drop(viewer, saved)
    panel = open_panel(viewer)
    annotation = panel.desk.annotation
    assert annotation is not None
    assert annotation.selected_label == 3

    annotation.paint((30, 30), 3)
    settle(panel)
    assert (cells_of(panel).data[30, 30] > 0).all()
    annotation.undo()
    settle(panel)
    assert cells_of(panel).data[30, 30] == 0
    panel.adapt()
    settle(panel)

    assert np.unique(engine.calls[-1].annotation).tolist() == [0, 1, 2]
    assert panel.work is not None
    assert len(panel.work.rounds) == 2


def test_a_session_is_saved_again(
    saved: Path, open_panel: Open, settle: Settle
) -> None:
    first = read_session(saved)
    viewer = ViewerModel()
    drop(viewer, saved)
    panel = open_panel(viewer)

    panel.view.session.save.click()
    settle(panel)

    assert panel.view.status.text == f"Saved {saved}"
    again = read_session(saved)
    assert again.settings == first.settings
    assert again.images[0].reference == first.images[0].reference
    for name in ("painted", "learned", "cells"):
        found, kept = (getattr(s.images[0], name) for s in (again, first))
        np.testing.assert_array_equal(found, kept)


def test_another_target_comes_back_under_its_name(
    panel: AdaptPanel, path: Path, open_panel: Open, settle: Settle
) -> None:
    panel.targets.add("nuclei")
    settle(panel)
    work_with(panel, settle)
    panel.view.session.save.click()
    settle(panel)
    viewer = ViewerModel()
    drop(viewer, path)

    other = open_panel(viewer)

    check_same(panel, other)
    assert other.desk.target.name == "nuclei"


def test_an_image_that_was_moved_is_found_among_the_open_ones(
    panel: AdaptPanel,
    saved: Path,
    image: Image,
    open_panel: Open,
    settle: Settle,
    tmp_path: Path,
    blobs: NDArray[np.float32],
) -> None:
    Path(str(image.source.path)).unlink()
    viewer = ViewerModel()
    open_image(viewer, blobs * 2, tmp_path / "other.tif")
    moved = open_image(viewer, blobs, tmp_path / "moved.tif")
    other = open_panel(viewer)

    drop(viewer, saved)
    settle(other)

    check_same(panel, other)
    assert other.desk.image is moved


def test_an_image_that_has_changed_is_told(
    saved: Path,
    image: Image,
    open_panel: Open,
    settle: Settle,
    blobs: NDArray[np.float32],
) -> None:
    tifffile.imwrite(Path(str(image.source.path)), blobs * 3)
    viewer = ViewerModel()
    other = open_panel(viewer)

    drop(viewer, saved)
    settle(other)

    assert "open the right one, then the session again" in other.view.status.text
    assert [layer.name for layer in viewer.layers] == [
        "plate cells",
        "plate annotation",
    ]


def test_an_image_that_is_no_file_is_told(
    viewer: ViewerModel,
    blobs: NDArray[np.float32],
    open_panel: Open,
    settle: Settle,
    path: Path,
) -> None:
    viewer.add_image(blobs, name="made")
    panel = open_panel(viewer)
    work_with(panel, settle)

    panel.view.session.save.click()
    settle(panel)

    assert "without the image" in panel.view.status.text
    assert read_session(path).images[0].reference.path == ""


def test_cells_stay_when_the_drawing_is_cancelled(
    saved: Path, open_panel: Open, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(*_: Any, **__: Any) -> Generator[Progress, None, FakeModel]:
        while True:
            yield Progress("segment", 50, 100, "Drawing")

    monkeypatch.setattr(reopen, "reopen_steps", endless)
    kept = read_session(saved).images[0]
    viewer = ViewerModel()
    panel = open_panel(viewer)
    drop(viewer, saved)
    panel.outlets.sessions._begin()
    assert panel.bench.running

    panel.adapt()
    settle(panel)

    np.testing.assert_array_equal(cells_of(panel).data, kept.cells)
    assert panel.desk.annotation is not None
    np.testing.assert_array_equal(panel.desk.annotation.data, kept.painted)


def test_a_session_that_is_damaged_adds_nothing(
    path: Path, open_panel: Open, settle: Settle
) -> None:
    path.write_bytes(b"no session")
    viewer = ViewerModel()
    panel = open_panel(viewer)

    panel.view.session.open.click()
    settle(panel)

    assert len(viewer.layers) == 0
    assert str(path) in panel.view.status.text


@pytest.mark.parametrize("seen", ["an earlier round", "before adaptation"])
def test_a_session_holds_the_current_cells_whatever_is_seen(
    panel: AdaptPanel, path: Path, settle: Settle, seen: str
) -> None:
    work_with(panel, settle)
    adapt(panel, settle)
    threshold = panel.view.decode.fields["threshold"]
    if seen == "before adaptation":
        panel.view.before.setChecked(True)
    else:
        threshold.value = 0.95
        settle(panel)
        go_to(panel, 0, settle)
    settle(panel)
    assert panel.desk.annotation is not None
    panel.desk.annotation.paint((44, 44), 3)
    settle(panel)
    classes = {3: CellClass("round", 1.0, example=True)}
    table.write_classes(cells_of(panel), classes)
    shown = cells_of(panel).data.copy()

    panel.view.session.save.click()
    settle(panel)

    said = f"Saved {path}. It holds the current result, which is not the one shown."
    assert panel.view.status.text == said
    panel.view.before.setChecked(False)
    go_to(panel, 1, settle)
    (kept,) = read_session(path).images
    np.testing.assert_array_equal(kept.cells, cells_of(panel).data)
    assert not np.array_equal(kept.cells, shown)
    assert dict(kept.classes) == classes
    assert read_session(path).settings.decode.threshold == threshold.value
