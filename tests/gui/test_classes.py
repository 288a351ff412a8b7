"""The dock for classes, with real clicks and keys in a window of napari."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt, QTimer

from napari_metaseg.gui import layers
from napari_metaseg.gui.classes import export, jobs, table
from napari_metaseg.gui.classes.classes_panel import ClassesPanel
from napari_metaseg.gui.images import readings
from napari_metaseg.gui.worker import Runner
from napari_metaseg.gui.writers import write_cells
from napari_metaseg.workflows.results import Progress

from .acting import adapt, annotation_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari import Viewer
    from napari.layers import Labels
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from .acting import Open, Settle

STEP, ROWS, COLUMNS = 40, 4, 6


def field() -> tuple[NDArray[np.float64], NDArray[np.int32], list[bool]]:
    """Draw large and small disks in turn, numbered from 1 row by row."""
    labels = np.zeros((STEP * ROWS, STEP * COLUMNS), np.int32)
    y, x = np.indices(labels.shape)
    large = [k % 2 == 0 for k in range(ROWS * COLUMNS)]
    for k, is_large in enumerate(large):
        row, column = centre(k + 1)
        radius = 14 if is_large else 7
        labels[(y - row) ** 2 + (x - column) ** 2 <= radius**2] = k + 1
    noise = np.random.default_rng(0).normal(0, 5, labels.shape)
    return np.where(labels > 0, 100, 20) + noise, labels, large


def centre(number: int) -> tuple[int, int]:
    """Return the middle of a disk, (y, x)."""
    row, column = divmod(number - 1, COLUMNS)
    return row * STEP + STEP // 2, column * STEP + STEP // 2


class Bench:
    """A window with a segmented image and the dock; clicks cells."""

    def __init__(self, qtbot: QtBot, viewer: Viewer, cells: Labels) -> None:
        self.qtbot, self.viewer, self.cells = qtbot, viewer, cells
        self.panel = ClassesPanel(viewer)
        viewer.window.resize(1280, 800)
        viewer.window.add_dock_widget(self.panel, name="MetaSeg: Classes")
        viewer.reset_view()
        self.canvas = viewer.window._qt_viewer.canvas.native
        qtbot.wait(50)

    @property
    def classes(self) -> Labels:
        return self.viewer.layers["field cells classes"]

    def take(self, row: int) -> None:
        """Click the row of a class."""
        view = self.panel.view.table
        place = view.visualItemRect(view.item(row, 1)).center()
        port = view.viewport()
        self.qtbot.mouseClick(port, Qt.MouseButton.LeftButton, pos=place)

    def click(self, pixel: tuple[int, int]) -> None:
        """Click a pixel (y, x) of the image."""
        camera = self.viewer.scene.camera
        y, x = (np.array(pixel) - camera.center[-2:]) * camera.zoom
        middle = self.canvas.width() / 2, self.canvas.height() / 2
        at = QPoint(round(x + middle[0]), round(y + middle[1]))
        self.qtbot.mousePress(self.canvas, Qt.MouseButton.LeftButton, pos=at)
        self.qtbot.mouseRelease(self.canvas, Qt.MouseButton.LeftButton, pos=at)

    def press(self, button: Any) -> None:
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        self.settle()

    def settle(self) -> None:
        def at_rest() -> bool:
            timers = any(t.isActive() for t in self.panel.findChildren(QTimer))
            busy = any(r.running for r in self.panel.findChildren(Runner))
            return not timers and not busy

        self.qtbot.waitUntil(at_rest, timeout=180_000)

    def give(self) -> None:
        """Give three large and three small cells, by row and by key."""
        self.take(0)
        for number in (1, 3, 9):
            self.click(centre(number))
        self.qtbot.keyClick(self.canvas, Qt.Key.Key_2)
        for number in (2, 4, 10):
            self.click(centre(number))

    def found(self) -> dict[int, str]:
        return {n: c.name for n, c in table.read_classes(self.cells).items()}


@pytest.fixture
def bench(qtbot: QtBot, make_napari_viewer: Callable[..., Viewer]) -> Bench:
    viewer = make_napari_viewer(show=True)
    pixels, labels, _ = field()
    image = viewer.add_image(pixels, name="field")
    reading = readings(image)[0]
    cells = layers.show_cells(viewer.layers, image, reading, labels)
    return Bench(qtbot, viewer, cells)


def test_clicks_and_keys_give_examples_and_classify(bench: Bench) -> None:
    view = bench.panel.view
    assert "Choose a class" in view.status.text
    assert not view.classify.isEnabled()

    bench.give()

    assert bench.panel.sheet is not None
    assert bench.panel.sheet.examples == {1: 1, 3: 1, 9: 1, 2: 2, 4: 2, 10: 2}
    assert bench.viewer.layers.selection.active is bench.classes

    bench.press(view.classify)

    _, labels, large = field()
    names = ["Class 1" if is_large else "Class 2" for is_large in large]
    assert bench.found() == dict(enumerate(names, start=1))
    assert [view.table.item(r, 3).text() for r in (0, 1)] == ["12", "12"]
    # Every cell is drawn in the colour of its class, and napari's status tells it.
    first, second = (bench.classes.get_color(k) for k in (5, 6))
    np.testing.assert_allclose(first[:3], [0xE6 / 255, 0x9F / 255, 0], atol=0.01)
    np.testing.assert_allclose(
        second[:3], [0x56 / 255, 0xB4 / 255, 0xE9 / 255], atol=0.01
    )
    status = bench.classes.get_status(centre(5), world=True)
    assert "class: Class 1" in status["coordinates"]
    assert "probability" in status["coordinates"]
    # The cells themselves are as they were.
    np.testing.assert_array_equal(bench.cells.data, labels)
    assert bench.cells.contour == 2


def test_a_correction_classifies_again_and_wins(bench: Bench) -> None:
    bench.give()
    bench.press(bench.panel.view.classify)

    bench.qtbot.keyClick(bench.canvas, Qt.Key.Key_1)
    bench.click(centre(12))
    bench.settle()

    assert bench.found()[12] == "Class 1"
    bench.click(centre(12))  # once more: it is no example any longer
    bench.settle()
    assert bench.panel.sheet is not None and 12 not in bench.panel.sheet.examples
    assert bench.found()[12] == "Class 2"


def test_a_click_beside_all_cells_says_so(bench: Bench) -> None:
    bench.take(0)

    bench.click((STEP, STEP))

    assert "no cell" in bench.panel.view.status.text
    assert bench.panel.sheet is not None and not bench.panel.sheet.examples


def test_digits_mean_classes_on_the_layer_of_classes_alone(bench: Bench) -> None:
    bench.take(0)
    plain = bench.viewer.add_labels(np.zeros((8, 8), np.int32), name="other")

    bench.qtbot.keyClick(bench.canvas, Qt.Key.Key_2)

    assert plain.mode == "paint"
    assert bench.panel.sheet is not None and bench.panel.sheet.taken == 1


def test_classes_follow_the_cells_to_another_segmentation(bench: Bench) -> None:
    bench.give()
    bench.press(bench.panel.view.classify)
    labels = bench.cells.data
    anew = labels.copy()
    anew[labels == 1] = 101  # the same cell under another number
    anew[labels == 3] = 0  # an example that is gone
    y, x = centre(8)
    anew[y - 2 : y + 2, x - 2 : x + 2] = 0  # the same cell, slightly smaller

    image = bench.viewer.layers["field"]
    layers.show_cells(bench.viewer.layers, image, readings(image)[0], anew)
    bench.settle()

    assert bench.panel.sheet is not None
    assert bench.panel.sheet.examples == {101: 1, 9: 1, 2: 2, 4: 2, 10: 2}
    found = bench.found()
    assert set(found) == set(np.unique(anew)[1:].tolist())
    assert found[101] == "Class 1" and found[8] == "Class 2"
    np.testing.assert_array_equal(bench.classes.data, anew)


def test_adapting_again_keeps_the_classes_of_cells_that_are_still_there(
    qtbot: QtBot,
    make_napari_viewer: Callable[..., Viewer],
    open_panel: Open,
    settle: Settle,
) -> None:
    viewer = make_napari_viewer(show=True)
    _, labels, large = field()
    viewer.add_image((labels > 0).astype(np.float32), name="field")
    panel = open_panel(viewer)
    annotation_of(panel).data_setitem(np.nonzero(labels == 1), 1)
    adapt(panel, settle)
    bench = Bench(qtbot, viewer, viewer.layers["field cells"])
    bench.give()
    bench.press(bench.panel.view.classify)

    annotation_of(panel).data_setitem(np.nonzero(labels == 3), -1)  # an example
    annotation_of(panel).data_setitem(np.nonzero(labels == 5), -1)
    annotation_of(panel).data_setitem(np.nonzero(labels == 7), 7)
    adapt(panel, settle)
    bench.settle()

    found = bench.found()
    left = [k for k in range(1, len(large) + 1) if k not in (3, 5)]
    numbers = [bench.cells.data[centre(k)] for k in left]
    assert set(found) == set(numbers)
    names = ["Class 1" if large[k - 1] else "Class 2" for k in left]
    assert [found[number] for number in numbers] == names
    assert bench.panel.sheet is not None
    given = {bench.cells.data[centre(k)]: 1 for k in (1, 9)}
    given |= {bench.cells.data[centre(k)]: 2 for k in (2, 4, 10)}
    assert bench.panel.sheet.examples == given


def test_classes_can_be_added_named_and_removed(bench: Bench) -> None:
    view = bench.panel.view
    bench.give()
    view.table.item(0, 1).setText("large")
    bench.press(view.add)
    bench.click(centre(24))
    sheet = bench.panel.sheet
    assert sheet is not None
    assert sheet.given[24] == "Class 3" and sheet.given[1] == "large"

    view.table.item(1, 1).setText("large")  # taken already
    assert sheet.names == {1: "large", 2: "Class 2", 3: "Class 3"}
    assert "large" in view.status.text

    bench.press(view.remove)
    assert sheet.names == {1: "large", 2: "Class 2"} and 24 not in sheet.examples
    for _ in range(9):
        bench.press(view.add)
    assert len(sheet.entries) == 9 and not view.add.isEnabled()


def test_exports_tell_the_classes(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.give()
    bench.press(bench.panel.view.classify)
    paths = [tmp_path / f"Zellen – µ.{end}" for end in ("csv", "geojson", "json")]
    for path in paths:
        monkeypatch.setattr(export, "ask_path", lambda *_, path=path: path)
        bench.press(bench.panel.view.export)

    with paths[0].open(encoding="utf-8-sig") as file:
        rows = {int(r["label"]): r for r in csv.DictReader(file)}
    assert {k: r["class"] for k, r in rows.items()} == bench.found()
    assert float(rows[1]["probability"]) == 1 and "intensity_mean" in rows[1]
    shapes = json.loads(paths[1].read_text(encoding="utf-8"))["features"]
    kinds = [f["properties"]["classification"]["name"] for f in shapes]
    assert kinds.count("Class 1") == 12
    names = {c["name"] for c in json.loads(paths[2].read_text())["categories"]}
    assert names == {"cell", "Class 1", "Class 2"}


def test_napari_s_own_save_dialog_tells_the_classes(
    bench: Bench, tmp_path: Path
) -> None:
    bench.give()
    bench.press(bench.panel.view.classify)
    data, meta, _ = bench.classes.as_layer_data_tuple()

    (path,) = write_cells(str(tmp_path / "a.geojson"), data, meta)

    shapes = json.loads(Path(path).read_text(encoding="utf-8"))["features"]
    assert all("classification" in f["properties"] for f in shapes)


def test_another_dock_goes_on_where_this_one_was(bench: Bench) -> None:
    bench.give()
    bench.press(bench.panel.view.classify)
    measured = bench.cells.features.assign(area=1.0)
    bench.cells.features = measured

    second = ClassesPanel(bench.viewer)
    bench.qtbot.addWidget(second)

    assert second.sheet is not None
    assert second.sheet.given == dict.fromkeys((1, 3, 9), "Class 1") | dict.fromkeys(
        (2, 4, 10), "Class 2"
    )
    assert second.sheet.layer is bench.classes
    second.sheet.show()
    assert (bench.cells.features["area"] == 1).all()


def test_without_cells_or_image_it_says_what_to_do(
    qtbot: QtBot, make_napari_viewer: Callable[..., Viewer]
) -> None:
    viewer = make_napari_viewer()
    panel = ClassesPanel(viewer)
    qtbot.addWidget(panel)
    assert "Segment an image first" in panel.view.status.text

    viewer.add_labels(np.ones((9, 9), np.int32), name="alone")
    assert "No image fits 'alone'" in panel.view.status.text

    viewer.add_image(np.zeros((9, 9)))
    assert "Choose a class" in panel.view.status.text


def test_cells_whose_image_is_gone_are_exported_all_the_same(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed: list[Path] = []

    def answer(_window: Any, _title: str, start: Path, _kinds: str) -> Path:
        proposed.append(start)
        return tmp_path / "a.csv"

    monkeypatch.setattr(export, "ask_path", answer)
    bench.give()
    bench.press(bench.panel.view.classify)
    bench.viewer.layers.remove("field")
    bench.settle()

    bench.press(bench.panel.view.export)

    assert proposed == [Path.home() / "cells_field cells_classes.csv"]
    with (tmp_path / "a.csv").open(encoding="utf-8-sig") as file:
        rows = {int(r["label"]): r["class"] for r in csv.DictReader(file)}
    assert len(rows) == 24 and rows == bench.found()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    """Return what classifying waits for."""
    gate, run = Event(), jobs.run

    def wait(*given: Any) -> Any:
        while not gate.wait(0.01):
            yield Progress("segment", 0, 1, "")
        return (yield from run(*given))

    monkeypatch.setattr(jobs, "run", wait)
    yield gate
    gate.set()


def test_what_is_computed_belongs_to_the_image_it_was_computed_of(
    bench: Bench, gate: Event
) -> None:
    first = bench.viewer.layers["field"]
    second = bench.viewer.add_image(255 - first.data, name="other")
    bench.give()
    bench.qtbot.mouseClick(bench.panel.view.classify, Qt.MouseButton.LeftButton)

    bench.panel.view.image.choose(second)
    gate.set()
    bench.settle()

    assert bench.panel.sheet is not None and bench.panel.sheet.described is not None
    assert bench.panel.sheet.described[0] is first
    bench.press(bench.panel.view.classify)
    assert bench.panel.sheet.described[0] is second


def test_examples_that_a_preview_lacks_come_back_with_their_cells(bench: Bench) -> None:
    bench.give()
    bench.press(bench.panel.view.classify)
    sheet = bench.panel.sheet
    assert sheet is not None
    labels, given, found = bench.cells.data, dict(sheet.examples), bench.found()

    bench.cells.data = np.where(labels == 1, labels, 0)
    bench.settle()
    assert list(sheet.examples) == [1]
    bench.cells.data = labels.copy()
    bench.settle()

    assert sheet.examples == given
    assert bench.found() == found


def test_a_click_on_another_layer_of_classes_turns_to_its_cells(bench: Bench) -> None:
    bench.give()
    first, layer = bench.panel.sheet, bench.classes
    other = bench.viewer.add_labels(bench.cells.data.copy(), name="others")
    bench.panel.view.cells.choose(other)
    bench.settle()
    bench.take(0)
    assert bench.panel.sheet is not first

    bench.viewer.layers.selection.active = layer
    bench.click(centre(5))

    assert first is not None
    assert bench.panel.sheet is first
    assert 5 in first.examples


def test_ctrl_enter_classifies_the_cells_whose_classes_are_active(bench: Bench) -> None:
    bench.give()
    layer = bench.classes
    other = bench.viewer.add_labels(bench.cells.data.copy(), name="others")
    bench.panel.view.cells.choose(other)
    bench.settle()
    bench.take(0)

    bench.viewer.layers.selection.active = layer
    control = Qt.KeyboardModifier.ControlModifier
    bench.qtbot.keyClick(bench.canvas, Qt.Key.Key_Return, control)
    bench.settle()

    assert len(bench.found()) == 24
    assert bench.panel.view.cells.value is bench.cells
    assert not table.read_classes(other)


def test_a_class_that_is_renamed_while_it_is_sought_keeps_its_cells(
    bench: Bench, gate: Event
) -> None:
    bench.give()
    bench.qtbot.mouseClick(bench.panel.view.classify, Qt.MouseButton.LeftButton)
    bench.panel.view.table.renamed.emit(0, "dead")
    gate.set()
    bench.settle()

    assert set(bench.found().values()) == {"dead", "Class 2"}
    assert len(bench.found()) == 24


@pytest.mark.parametrize("ready", [True, False])
def test_cells_drawn_anew_while_they_are_classified_at_first(
    bench: Bench, gate: Event, ready: bool
) -> None:
    bench.give()
    bench.qtbot.mouseClick(bench.panel.view.classify, Qt.MouseButton.LeftButton)
    labels = bench.cells.data
    anew = np.where(labels > 0, 25 - labels, 0).astype(np.int32)
    if not ready:  # the examples of one class are gone
        anew[np.isin(labels, (2, 4, 10))] = 0

    bench.cells.data = anew
    bench.qtbot.wait(500)  # until the classes follow
    gate.set()
    bench.settle()

    _, _, large = field()
    names = {25 - k: "Class 1" if large[k - 1] else "Class 2" for k in range(1, 25)}
    assert bench.found() == (names if ready else dict.fromkeys((24, 22, 16), "Class 1"))
