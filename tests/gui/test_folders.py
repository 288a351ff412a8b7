"""A folder of images is segmented from the panel."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import Qt
from scipy import ndimage as ndi

from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.gui import folder_form, folders
from napari_metaseg.workflows.crews import Alone
from napari_metaseg.workflows.folder_settings import FolderProgress, FolderReport

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari.components import ViewerModel
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from napari_metaseg.gui.adapt_panel import AdaptPanel
    from napari_metaseg.gui.folder_form import FolderForm
    from napari_metaseg.workflows.segmenter import Segmenter

    from .acting import Open, Settle
    from .conftest import FakeModel


class Bright:
    """Stands for a segmenter: every bright blob is a cell."""

    card: ClassVar[dict[str, Any]] = {}
    lens = SimpleNamespace(
        channel=None, ranges=(None,), blank_share=lambda _planes: None
    )

    def digest(self) -> str:
        return "bright"

    def segment_steps(
        self, image: Any, **_: Any
    ) -> Generator[float, None, NDArray[np.int32]]:
        yield 0.5
        return ndi.label(np.asarray(image) > 0)[0].astype(np.int32)


@pytest.fixture
def panel(
    viewer: ViewerModel,
    blobs: NDArray[np.float32],
    open_panel: Open,
    settle: Settle,
    engine: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> AdaptPanel:
    """Return a panel with a model."""
    make = engine._model

    def model(*given: Any) -> FakeModel:
        made: FakeModel = make(*given)
        made.segmenter = Bright()  # type: ignore[assignment]
        return made

    monkeypatch.setattr(engine, "_model", model)
    viewer.add_image(blobs, name="plate")
    panel = open_panel(viewer)
    assert panel.desk.annotation is not None
    panel.desk.annotation.paint((12, 12), 1)
    settle(panel)
    panel.adapt()
    settle(panel)
    return panel


@pytest.fixture
def form(panel: AdaptPanel) -> FolderForm:
    return panel.view.folder


@pytest.fixture
def plates(tmp_path: Path, blobs: NDArray[np.float32]) -> Path:
    """Return a folder of two images, one broken one, and a note."""
    folder = tmp_path / "plates"
    (folder / "b").mkdir(parents=True)
    tifffile.imwrite(folder / "one.tif", blobs)
    tifffile.imwrite(folder / "b" / "two.tif", blobs)
    (folder / "broken.tif").write_bytes(b"II*\0 nothing")
    (folder / "notes.txt").write_text("none")
    return folder


def type_into(qtbot: QtBot, form: FolderForm, images: Path, output: Path) -> None:
    qtbot.keyClicks(form.images.text, str(images))
    qtbot.keyClicks(form.output.text, str(output))


def test_a_folder_is_segmented_and_reported(
    qtbot: QtBot,
    panel: AdaptPanel,
    form: FolderForm,
    settle: Settle,
    plates: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(folder_form, "open_file", opened.append)
    assert not form.start.isEnabled()
    type_into(qtbot, form, plates, tmp_path / "out")

    qtbot.mouseClick(form.start, Qt.MouseButton.LeftButton)
    settle(panel)

    results = sorted((tmp_path / "out").rglob("*.tif"))
    assert [path.relative_to(tmp_path / "out").parts[0] for path in results] == [
        "b",
        results[1].name,
    ]
    assert int(tifffile.imread(results[0]).max()) == 4
    lines = form.report.toPlainText().splitlines()
    assert "✓ one.tif: 4 cells" in lines
    assert "✓ two.tif: 4 cells" in lines
    assert any(line.startswith("✗ broken.tif: ") for line in lines)
    assert "Left out, no images: 1 of '.txt'" in lines
    said = "2 images segmented, 1 skipped: the list says why."
    assert panel.view.status.text == said
    form.summary.click()
    assert opened == [tmp_path / "out" / "metaseg-summary.csv"]

    (plates / "broken.tif").unlink()
    form.start.click()
    settle(panel)
    assert panel.view.status.text == "0 images segmented, 2 finished before."


def test_a_folder_that_is_cancelled_can_go_on(
    panel: AdaptPanel,
    form: FolderForm,
    settle: Settle,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed: list[bool] = []

    def endless(
        order: folders.FolderOrder,
    ) -> Generator[folders.Step, None, FolderReport]:
        try:
            while True:
                state = FolderProgress(1, 4, 0.5, "Image 2 of 4")
                yield folders.Step(150, 400, state)
        finally:
            closed.append(True)

    monkeypatch.setattr(folders, "segment", endless)
    type_into(qtbot, form, tmp_path, tmp_path / "out")
    form.start.click()
    qtbot.waitUntil(lambda: form.bar.value() == 1500)
    assert form.start.text() == "Cancel"
    assert not form.images.isEnabled()

    form.start.click()
    settle(panel)

    assert closed == [True]
    assert form.start.text() == "Segment folder"
    assert "what is finished is kept" in panel.view.status.text
    assert form.bar.isHidden()


def test_what_is_chosen_reaches_the_folder(
    panel: AdaptPanel,
    form: FolderForm,
    settle: Settle,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    orders: list[folders.FolderOrder] = []

    def note(order: folders.FolderOrder) -> Generator[folders.Step, None, FolderReport]:
        orders.append(order)
        yield from ()
        return FolderReport(0, 0, {}, {}, tmp_path, SimpleNamespace())

    monkeypatch.setattr(folders, "segment", note)
    panel.view.decode.fields["threshold"].value = 0.4
    settle(panel)
    type_into(qtbot, form, tmp_path, tmp_path / "out")
    qtbot.keyClick(form.normalise, Qt.Key.Key_Down)
    qtbot.keyClick(form.jobs, Qt.Key.Key_Up)

    form.start.click()
    settle(panel)

    (order,) = orders
    assert (order.images, order.output) == (tmp_path, tmp_path / "out")
    assert order.normalise == "all"
    assert order.jobs == min(2, form.jobs.maximum())
    assert order.settings.threshold == 0.4


def test_a_folder_that_is_not_there_is_told(
    panel: AdaptPanel, form: FolderForm, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    type_into(qtbot, form, tmp_path / "none", tmp_path / "out")

    form.start.click()
    settle(panel)

    assert panel.view.status.text.startswith("There is no folder")
    assert not (tmp_path / "out").exists()


def test_several_at_a_time_are_processes_with_the_model_saved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, plates: Path
) -> None:
    made: list[tuple[Path, int]] = []

    def processes(segmenter: Segmenter, model: Path, jobs: int) -> Any:
        made.append((model, jobs))
        return Alone(segmenter)

    monkeypatch.setattr("napari_metaseg.workflows.processes.Processes", processes)
    saved: list[Path] = []
    model: Any = SimpleNamespace(segmenter=Bright(), save=saved.append)
    order = folders.FolderOrder(
        model, DecodeSettings(), plates, tmp_path / "out", "each", 2
    )
    for _ in folders.segment(order):
        pass

    assert made == [(saved[0], 2)]
    assert not saved[0].exists()
