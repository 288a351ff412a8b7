"""Cells leave as files of every format, and are measured into their layer."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image as Picture
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QDialogButtonBox,
    QFileDialog,
    QLineEdit,
    QWidget,
)

from napari_metaseg.core.classes import CellClass
from napari_metaseg.gui import pieces, saving
from napari_metaseg.gui.adapt_panel import AdaptPanel
from napari_metaseg.gui.asking import ask_path
from napari_metaseg.gui.classes import table
from napari_metaseg.gui.exports import Snapshot
from napari_metaseg.gui.figure_form import FigureDialog, Looks
from napari_metaseg.io.images import ImageFile
from napari_metaseg.io.instances import read_instances
from napari_metaseg.workflows.export import FORMATS
from napari_metaseg.workflows.results import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from napari import Viewer
    from napari.components import ViewerModel
    from napari.layers import Labels
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from .acting import Open, Settle
    from .conftest import Engine

    Ask = Callable[[Path], None]

YELLOW = (240, 228, 66)


@pytest.fixture
def panel(
    viewer: ViewerModel, blobs: NDArray[np.float32], open_panel: Open, settle: Settle
) -> AdaptPanel:
    """Return a panel that shows the cells of a plate: four, and the stroke."""
    placed = {"scale": (0.5, 0.5), "translate": (7, -3), "units": "um"}
    viewer.add_image(blobs, name="plate", **placed)
    panel = open_panel(viewer)
    adapt(panel, settle, (12, 12))
    return panel


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Answer the dialogs: with a file, and with yellow contours."""

    def answer(path: Path) -> None:
        monkeypatch.setattr(saving, "ask_path", lambda *_: path)
        looks = Looks(YELLOW, 1, scale_bar=False)
        monkeypatch.setattr(saving, "ask_looks", lambda *_, scaled: looks)

    return answer


def adapt(panel: AdaptPanel, settle: Settle, place: tuple[int, ...]) -> None:
    assert panel.desk.annotation is not None
    panel.desk.annotation.paint(place, 1)
    settle(panel)
    panel.adapt()
    settle(panel)


def cells_of(viewer: ViewerModel) -> Labels:
    (cells,) = (layer for layer in viewer.layers if layer.name.endswith(" cells"))
    return cells


@pytest.mark.parametrize("suffix", [s for f in FORMATS for s in f.suffixes])
def test_every_format(
    panel: AdaptPanel,
    viewer: ViewerModel,
    settle: Settle,
    ask: Ask,
    tmp_path: Path,
    suffix: str,
) -> None:
    path = tmp_path / f"cells{suffix}"
    ask(path)

    panel.view.export.click()
    settle(panel)

    assert panel.view.status.text == f"Saved {path}"
    assert panel.view.export.isEnabled()
    shown = cells_of(viewer).data
    if suffix == ".csv":
        table = pd.read_csv(path)
        assert table["label"].tolist() == np.unique(shown[shown > 0]).tolist()
        assert table["area_um2"].sum() == np.count_nonzero(shown) / 4
        assert (table["intensity_max"] == 1).all()
    elif suffix == ".png":
        drawn = np.asarray(Picture.open(path))
        coloured = drawn[(drawn != drawn[..., :1]).any(-1)]
        assert {tuple(pixel) for pixel in coloured} == {YELLOW}
    elif suffix == ".pdf":
        assert path.read_bytes().startswith(b"%PDF")
    else:
        image = ImageFile(np.zeros(shown.shape, np.uint8), "YX", None)
        written = read_instances(path, image)
        np.testing.assert_array_equal(written.data, shown)
        assert written.offset == ((0, 14, -6) if suffix == ".zarr" else (0, 0, 0))


def test_a_figure_of_a_stack_shows_the_plane_in_view(
    viewer: ViewerModel,
    blobs: NDArray[np.float32],
    open_panel: Open,
    settle: Settle,
    ask: Ask,
    tmp_path: Path,
) -> None:
    empty = np.zeros_like(blobs)
    viewer.add_image(np.stack([blobs, empty, empty]), name="stack")
    panel = open_panel(viewer)
    adapt(panel, settle, (0, 12, 12))
    coloured = []
    for plane in (0, 1):
        viewer.dims.set_point(0, plane)
        ask(tmp_path / f"{plane}.png")
        panel.view.export.click()
        settle(panel)
        drawn = np.asarray(Picture.open(tmp_path / f"{plane}.png"))
        coloured.append(bool((drawn != drawn[..., :1]).any()))

    assert coloured == [True, False]


def test_no_figure_when_the_person_changes_their_mind(
    panel: AdaptPanel,
    ask: Ask,
    tmp_path: Path,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask(tmp_path / "a.png")
    monkeypatch.setattr(saving, "ask_looks", lambda *_, scaled: None)

    panel.view.export.click()
    settle(panel)

    assert not (tmp_path / "a.png").exists()


def test_nothing_to_export_or_measure_before_the_first_round(
    viewer: ViewerModel, blobs: NDArray[np.float32], open_panel: Open
) -> None:
    viewer.add_image(blobs)
    panel = open_panel(viewer)

    assert not panel.view.export.isEnabled()
    assert not panel.view.measure.isEnabled()


def test_a_preview_is_neither_exported_nor_measured(
    qtbot: QtBot,
    panel: AdaptPanel,
    viewer: ViewerModel,
    engine: Engine,
    settle: Settle,
) -> None:
    buttons = panel.view.export, panel.view.measure
    assert all(button.isEnabled() for button in buttons)
    engine.preview = True
    engine.gate.clear()

    panel.adapt()
    qtbot.waitUntil(lambda: bool((cells_of(viewer).data == 7).all()))

    assert not any(button.isEnabled() for button in buttons)
    panel.adapt()  # cancels
    settle(panel)
    assert all(button.isEnabled() for button in buttons)


@pytest.mark.parametrize("large", [True, False])
def test_an_export_has_the_cells_of_the_click(
    panel: AdaptPanel,
    viewer: ViewerModel,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    large: bool,
) -> None:
    monkeypatch.setattr(pieces, "LARGE", 0 if large else pieces.LARGE)
    panel.adapt()
    settle(panel)
    cells, before = cells_of(viewer), cells_of(viewer).data.copy()
    assert panel.work is not None and panel.work.shown is not None
    held, taken = panel.work.shown.labels, list[Snapshot]()
    monkeypatch.setattr(panel.saver, "export", lambda *given: taken.append(given[-1]))

    panel.view.export.click()
    panel.view.before.click()
    settle(panel)
    panel.view.before.click()
    settle(panel)
    panel.background()
    assert panel.desk.annotation is not None
    panel.desk.annotation.paint((44, 44), -1)
    settle(panel)
    assert not np.array_equal(cells.data, before)

    (snapshot,) = taken
    np.testing.assert_array_equal(snapshot.labels, before)
    # A copy of large cells would hold up the window.
    assert (snapshot.labels is held) == large


def test_a_model_waits_until_an_export_is_told_of(
    panel: AdaptPanel, settle: Settle, tmp_path: Path
) -> None:
    done = Event()

    def slowly() -> Generator[Progress, None, Path]:
        while not done.wait(0.01):
            yield Progress("segment", 0, 1, "")
        return tmp_path / "a.tif"

    buttons = panel.view.save, panel.view.export
    assert all(button.isEnabled() for button in buttons)

    panel.saver.write(tmp_path / "a.tif", slowly)

    assert not any(button.isEnabled() for button in buttons)
    done.set()
    settle(panel)
    assert panel.view.status.text == f"Saved {tmp_path / 'a.tif'}"
    assert all(button.isEnabled() for button in buttons)


def test_measurements_become_features(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    cells = cells_of(viewer)

    panel.view.measure.click()
    settle(panel)

    features = cells.features
    assert features["index"].tolist() == np.unique(cells.data[cells.data > 0]).tolist()
    assert panel.view.status.text.startswith("Measured 5 cells: select 'plate cells'")
    (at,) = np.flatnonzero(features["index"] == cells.data[10, 42])
    assert features["area_um2"][at] == 25
    there = cells.data_to_world((10, 42))
    told = cells.get_status(there, world=True)["coordinates"]
    assert "area_px2: 100" in told


def test_measurements_of_other_cells_do_not_stay(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    panel.view.measure.click()
    settle(panel)
    assert len(cells_of(viewer).features) == 5

    assert panel.desk.annotation is not None
    panel.desk.annotation.paint((30, 30), 2)
    settle(panel)

    assert cells_of(viewer).features.empty


def test_classes_outlast_measurements_and_another_segmentation(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    cells = cells_of(viewer)
    first, *others = np.unique(cells.data[cells.data > 0]).tolist()
    classes = {first: CellClass("long", 1.0, example=True)}
    classes |= {number: CellClass("round", 0.75) for number in others[:-1]}
    table.write_classes(cells, classes)

    panel.view.measure.click()
    settle(panel)

    assert table.read_classes(cells) == classes
    assert len(cells.features) == 5 and cells.features["area_px2"].notna().all()
    # The cell `gone` is taken away; the measurements of all are out of date.
    gone = others[0]
    assert panel.desk.annotation is not None
    panel.desk.annotation.data_setitem(np.nonzero(cells.data == gone), -1)
    settle(panel)
    del classes[gone]
    assert list(table.read_classes(cells).items()) == list(classes.items())
    assert "area_px2" not in cells.features


def test_rgb_is_measured_by_its_colours(
    viewer: ViewerModel,
    blobs: NDArray[np.float32],
    open_panel: Open,
    settle: Settle,
) -> None:
    colours = np.stack([blobs, blobs / 2, 0 * blobs], -1)
    viewer.add_image(colours, rgb=True, name="tissue")
    panel = open_panel(viewer)
    adapt(panel, settle, (12, 12))

    panel.view.measure.click()
    settle(panel)

    features = cells_of(viewer).features
    assert (features["intensity_mean_red"] == 1).all()
    assert (features["intensity_mean_green"] == 0.5).all()
    assert (features["intensity_mean_blue"] == 0).all()


def test_the_suffix_follows_the_kind_that_is_chosen(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = QWidget()
    qtbot.addWidget(window)

    def choose(dialog: QFileDialog) -> bool:
        dialog.filterSelected.emit("Measurements (*.csv)")
        return True

    monkeypatch.setattr(QFileDialog, "exec", choose)
    kinds = "Label image (*.tif *.tiff);;Measurements (*.csv)"

    assert ask_path(window, "", tmp_path / "a.tif", kinds) == tmp_path / "a.csv"


def test_how_a_figure_looks(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    dialog = FigureDialog(window, scaled=True)
    dialog.show()
    assert dialog.looks == Looks()

    qtbot.keyClick(dialog.colours, Qt.Key.Key_Down)
    qtbot.keyClick(dialog.line_width, Qt.Key.Key_Up)
    qtbot.keyClick(dialog.scale_bar, Qt.Key.Key_Space)

    assert dialog.looks == Looks(YELLOW, 1, scale_bar=False)
    unscaled = FigureDialog(window, scaled=False)
    assert not unscaled.scale_bar.isEnabled()
    assert "scale" in unscaled.scale_bar.toolTip()


def test_a_person_exports(
    qtbot: QtBot,
    make_napari_viewer: Callable[..., Viewer],
    engine: object,
    blobs: NDArray[np.float32],
    settle: Settle,
    tmp_path: Path,
) -> None:
    """Choose a kind of file in the real dialog, and Save in the next one."""
    viewer = make_napari_viewer(show=True)
    viewer.add_image(blobs, name="plate", scale=(0.5, 0.5), units="um")
    panel = AdaptPanel(viewer)
    viewer.window.add_dock_widget(panel, name="MetaSeg", area="right")
    settle(panel)
    adapt(panel, settle, (12, 12))

    def in_file_dialog(kind: str) -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, QFileDialog)
        kinds = dialog.findChild(QComboBox, "fileTypeCombo")
        while not kinds.currentText().startswith(kind):
            qtbot.keyClick(kinds, Qt.Key.Key_Down)
        name = dialog.findChild(QLineEdit, "fileNameEdit")
        name.setText(str(tmp_path / name.text()))
        press(dialog)

    def press(dialog: QWidget) -> None:
        buttons = dialog.findChild(QDialogButtonBox)
        save = buttons.button(QDialogButtonBox.StandardButton.Save)
        qtbot.mouseClick(save, Qt.MouseButton.LeftButton)

    def export(*answers: Callable[[], None]) -> None:
        for number, answer in enumerate(answers):
            QTimer.singleShot(600 * (number + 1), answer)
        qtbot.mouseClick(panel.view.export, Qt.MouseButton.LeftButton)
        settle(panel)

    export(lambda: in_file_dialog("Label image"))
    export(
        lambda: in_file_dialog("Figure"),
        lambda: press(QApplication.activeModalWidget()),
    )

    found = tifffile.imread(tmp_path / "plate_cells.tif")
    np.testing.assert_array_equal(found, cells_of(viewer).data)
    assert (tmp_path / "plate_cells.png").exists()
