"""A saved model on the chosen image, and the text for a paper."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

import napari_metaseg.workflows.adapt
import napari_metaseg.workflows.applied
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.gui import opening, snapshot
from napari_metaseg.gui.corrections import Tool
from napari_metaseg.workflows.applied import Applied
from napari_metaseg.workflows.results import Progress

from .acting import table_of, texts
from .conftest import FakeModel

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari.components import ViewerModel
    from napari.layers import Image
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from napari_metaseg.gui.adapt_panel import AdaptPanel

    from .acting import Open, Settle
    from .conftest import Engine


class Saved:
    """Stands for a saved model: finds every bright blob."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.loaded: list[Path] = []
        self.calls: list[SimpleNamespace] = []
        self.warning = ""

    def load(self, folder: Path) -> str:
        self.loaded.append(folder)
        return "model"

    def apply_steps(
        self, model: str, image: Any, **options: Any
    ) -> Generator[Progress, None, Applied]:
        assert model == "model"
        self.calls.append(SimpleNamespace(**options))
        yield Progress("segment", 50, 100, "Finding all cells")
        while not self._engine.gate.wait(0.01):
            yield Progress("segment", 60, 100, "Finding all cells")
        if self._engine.error is not None:
            raise self._engine.error
        found: Any = FakeModel(np.asarray(image) > 0, None)
        return Applied(found, self.warning)


@pytest.fixture
def image(viewer: ViewerModel, blobs: NDArray[np.float32]) -> Image:
    return viewer.add_image(blobs, name="plate")


@pytest.fixture
def panel(viewer: ViewerModel, image: Image, open_panel: Open) -> AdaptPanel:
    return open_panel(viewer)


@pytest.fixture
def saved(engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Saved:
    fake = Saved(engine)
    monkeypatch.setattr(napari_metaseg.workflows.adapt, "load", fake.load)
    steps = fake.apply_steps
    monkeypatch.setattr(napari_metaseg.workflows.applied, "apply_steps", steps)
    monkeypatch.setattr(opening, "ask_folder", lambda *_: tmp_path)
    return fake


def test_a_saved_model_shows_its_cells_which_can_be_decoded_and_accepted(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle, saved: Saved, tmp_path: Path
) -> None:
    panel.view.open.click()
    settle(panel)

    cells = viewer.layers["plate cells"]
    assert saved.loaded == [tmp_path]
    assert (saved.calls[0].axes, saved.calls[0].channel) == ("YX", None)
    assert len(np.unique(cells.data)) == 5
    assert panel.view.status.text == "4 cells. Paint what is missing."
    assert not panel.view.before.isEnabled()

    assert panel.tools.judge(Tool.ACCEPT, (12, 45)) is not None
    panel.view.decode.fields["threshold"].value = 0.95
    settle(panel)
    assert len(np.unique(cells.data)) == 2
    assert panel.desk.painted.cells == 1
    assert panel.view.adapt.isEnabled()


def test_an_opened_model_is_called_so_and_is_no_start(
    panel: AdaptPanel, settle: Settle, saved: Saved
) -> None:
    panel.view.open.click()
    settle(panel)

    ((number, _, start, _),) = texts(panel)
    assert (number, start) == ("1", "opened model")
    tip = table_of(panel).item(0, 0).toolTip()
    assert tip == "Round 1, an opened model. This is the current result."
    why_not = snapshot.why_no_start(panel.work, panel.view.source.init)
    assert why_not == "This model was opened; adapt once first."


def test_a_model_comes_with_its_own_settings(
    panel: AdaptPanel, settle: Settle, saved: Saved, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = DecodeSettings(0.4, 0.65, clear_border=True)
    monkeypatch.setattr(FakeModel, "settings", own)

    panel.view.open.click()
    settle(panel)

    assert panel.view.decode.settings == own


def test_a_warning_is_told_with_the_cells(
    panel: AdaptPanel, settle: Settle, saved: Saved
) -> None:
    saved.warning = "This image counts as nearly blank; press Adapt."

    panel.view.open.click()
    settle(panel)

    assert panel.view.status.text == f"4 cells. {saved.warning}"


def test_a_model_that_cannot_be_used_leaves_everything_as_it_was(
    panel: AdaptPanel,
    viewer: ViewerModel,
    settle: Settle,
    saved: Saved,
    engine: Engine,
) -> None:
    engine.error = UserError("The model uses 1 channel(s) but this image has 2.")

    panel.view.open.click()
    settle(panel)

    assert panel.view.status.text == str(engine.error)
    assert "plate cells" not in viewer.layers
    assert panel.view.open.isEnabled()


def test_opening_can_be_cancelled(
    qtbot: QtBot,
    panel: AdaptPanel,
    viewer: ViewerModel,
    settle: Settle,
    saved: Saved,
    engine: Engine,
) -> None:
    engine.gate.clear()
    panel.view.open.click()
    qtbot.waitUntil(lambda: panel.view.status.text == "Finding all cells")
    assert not panel.view.open.isEnabled()

    panel.view.adapt.click()
    settle(panel)

    assert panel.view.status.text.startswith("Cancelled")
    assert "plate cells" not in viewer.layers


def test_no_folder_no_model(
    panel: AdaptPanel, settle: Settle, saved: Saved, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "ask_folder", lambda *_: None)

    panel.view.open.click()
    settle(panel)

    assert not saved.loaded


def test_the_text_for_a_paper_is_copied(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    assert not panel.view.methods.isEnabled()
    assert panel.desk.annotation is not None
    panel.desk.annotation.data_setitem((np.arange(8, 18), np.arange(8, 18)), 1)
    settle(panel)
    panel.adapt()
    settle(panel)
    panel.view.decode.fields["threshold"].value = 0.45
    settle(panel)

    panel.view.methods.click()

    text = QApplication.clipboard().text()
    assert text.startswith("Cells were segmented with napari-metaseg")
    assert "1 annotated cell" in text
    assert "threshold 0.45" in text
    assert panel.view.status.text.startswith(f"Copied {len(text.split())} words")
