"""Several targets in one image: each with its own layers, work and history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from qtpy.QtWidgets import QInputDialog, QMessageBox

from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.gui.images import CELLS

from .acting import adapt, annotation_of

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from napari_metaseg.gui.adapt_panel import AdaptPanel

    from .acting import Open, Settle
    from .conftest import Engine


@pytest.fixture
def image(viewer: ViewerModel, blobs: NDArray[np.float32]) -> Image:
    return viewer.add_image(blobs, name="plate")


@pytest.fixture
def panel(
    viewer: ViewerModel, image: Image, open_panel: Open, settle: Settle
) -> AdaptPanel:
    """Open a panel with a second target, which is chosen."""
    panel = open_panel(viewer)
    panel.targets.add("nuclei")
    settle(panel)
    return panel


def names(viewer: ViewerModel) -> list[str]:
    return [layer.name for layer in viewer.layers]


def choose(panel: AdaptPanel, settle: Settle, title: str) -> None:
    chooser = panel.view.target.targets
    chooser.setCurrentIndex(chooser.titles.index(title))
    settle(panel)


def test_an_image_begins_with_cells(
    viewer: ViewerModel, image: Image, open_panel: Open
) -> None:
    panel = open_panel(viewer)

    assert panel.view.target.targets.titles == ["cells", "Add…"]
    assert panel.desk.target is CELLS
    assert not panel.view.target.rename.isEnabled()
    assert not panel.view.target.more.isEnabled()


def test_each_target_has_layers_of_its_own(
    viewer: ViewerModel, panel: AdaptPanel, settle: Settle
) -> None:
    assert names(viewer) == ["plate", "plate annotation", "plate annotation (nuclei)"]
    nuclei = annotation_of(panel)
    assert viewer.layers.selection.active is nuclei
    nuclei.paint((12, 12), 1)
    settle(panel)
    assert panel.desk.painted.cells == 1

    choose(panel, settle, "cells")

    assert viewer.layers.selection.active is annotation_of(panel)
    assert annotation_of(panel).name == "plate annotation"
    assert panel.desk.painted.cells == 0


def test_keys_work_on_the_chosen_target(panel: AdaptPanel, settle: Settle) -> None:
    nuclei = annotation_of(panel)
    nuclei.paint((12, 12), 1)

    panel.view.next_cell.click()

    assert nuclei.selected_label == 2
    choose(panel, settle, "cells")
    panel.view.background.click()
    assert annotation_of(panel).selected_label == -1
    assert nuclei.selected_label == 2


def test_each_target_has_its_own_rounds(
    viewer: ViewerModel, panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    annotation_of(panel).paint((12, 12), 1)
    settle(panel)
    panel.adapt()
    settle(panel)
    assert panel.work is not None
    first = panel.work
    assert first.last is not None
    assert "plate cells (nuclei)" in names(viewer)

    choose(panel, settle, "cells")
    assert panel.work is not first
    assert panel.work.last is None
    assert not panel.view.export.isEnabled()
    annotation_of(panel).paint((44, 44), 1)
    settle(panel)
    panel.adapt()
    settle(panel)

    assert "plate cells" in names(viewer)
    assert (engine.calls[1].annotation > 0).sum() > 0
    assert engine.calls[1].previous is None
    choose(panel, settle, "nuclei")
    assert panel.work is first
    assert panel.view.export.isEnabled()


def test_a_click_on_an_annotation_turns_to_its_target(
    viewer: ViewerModel, panel: AdaptPanel, settle: Settle
) -> None:
    viewer.layers.selection.active = viewer.layers["plate annotation"]
    settle(panel)

    assert panel.desk.target is CELLS
    assert panel.view.target.targets.currentText() == "cells"

    viewer.layers.selection.active = viewer.layers["plate annotation (nuclei)"]
    settle(panel)

    assert panel.desk.target.name == "nuclei"


def test_a_click_turns_to_the_target_of_another_image(
    viewer: ViewerModel, panel: AdaptPanel, settle: Settle
) -> None:
    other = viewer.add_image(np.zeros((20, 30)), name="other")
    settle(panel)
    panel.view.source.choose_image(other)
    settle(panel)
    assert panel.view.target.targets.titles == ["cells", "Add…"]

    viewer.layers.selection.active = viewer.layers["plate annotation"]
    settle(panel)

    assert panel.desk.image is viewer.layers["plate"]
    assert panel.desk.target is CELLS


def test_undo_acts_on_one_target_only(panel: AdaptPanel, settle: Settle) -> None:
    nuclei = annotation_of(panel)
    nuclei.paint((12, 12), 1)
    choose(panel, settle, "cells")
    cells = annotation_of(panel)
    cells.paint((12, 12), 1)

    cells.undo()

    assert not cells.data.any()
    assert nuclei.data.any()


def test_a_target_is_renamed_with_its_layers_and_keeps_its_work(
    viewer: ViewerModel, panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    annotation_of(panel).paint((12, 12), 1)
    settle(panel)
    panel.adapt()
    settle(panel)
    work = panel.work
    viewer.layers["plate cells (nuclei)"].name = "mine"

    panel.targets.rename("spots")
    settle(panel)

    assert names(viewer) == [
        "plate",
        "plate annotation",
        "mine",
        "plate annotation (spots)",
    ]
    assert panel.view.target.targets.titles == ["cells", "spots", "Add…"]
    assert panel.work is work

    panel.targets.rename("CELLS")
    assert "already" in panel.view.status.text


def test_a_removed_target_takes_its_layers_along(
    viewer: ViewerModel,
    panel: AdaptPanel,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    annotation_of(panel).paint((12, 12), 1)
    settle(panel)
    buttons = QMessageBox.StandardButton
    monkeypatch.setattr(QMessageBox, "question", lambda *_: buttons.No)
    panel.view.target.remove.trigger()
    settle(panel)
    assert panel.desk.target.name == "nuclei"

    monkeypatch.setattr(QMessageBox, "question", lambda *_: buttons.Yes)
    panel.view.target.remove.trigger()
    settle(panel)

    assert names(viewer) == ["plate", "plate annotation"]
    assert panel.desk.target is CELLS
    assert panel.view.target.targets.titles == ["cells", "Add…"]


def test_a_target_that_is_removed_does_not_come_back_with_its_round(
    viewer: ViewerModel,
    panel: AdaptPanel,
    settle: Settle,
    engine: Engine,
    qtbot: QtBot,
) -> None:
    annotation_of(panel).paint((12, 12), 1)
    settle(panel)
    engine.gate.clear()
    engine.preview = True
    panel.adapt()
    qtbot.waitUntil(lambda: "plate cells (nuclei)" in names(viewer))

    panel.targets.remove()
    qtbot.waitUntil(lambda: engine.closed == 1)
    engine.gate.set()
    settle(panel)

    assert names(viewer) == ["plate", "plate annotation"]
    assert panel.bench.adapting_on is None
    assert panel.view.status.text.startswith("Paint one whole cell")


def test_a_target_that_is_removed_does_not_come_back_with_its_sliders(
    viewer: ViewerModel, panel: AdaptPanel, settle: Settle
) -> None:
    annotation_of(panel).paint((12, 12), 1)
    adapt(panel, settle)
    work = panel.work
    assert work is not None
    panel.bench.decode(work, DecodeSettings(threshold=0.95), adapted=True)

    panel.targets.remove()
    settle(panel)

    assert names(viewer) == ["plate", "plate annotation"]


@pytest.mark.parametrize(
    ("answer", "titles", "chosen"),
    [
        (("spots", True), ["cells", "nuclei", "spots", "Add…"], "spots"),
        (("Nuclei ", True), ["cells", "nuclei", "Add…"], "nuclei"),
        (("", False), ["cells", "nuclei", "Add…"], "nuclei"),
    ],
)
def test_add_asks_for_a_name(
    panel: AdaptPanel,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[str, bool],
    titles: list[str],
    chosen: str,
) -> None:
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: answer)

    choose(panel, settle, "Add…")

    assert panel.view.target.targets.titles == titles
    assert panel.view.target.targets.currentText() == chosen


def test_a_second_panel_knows_the_targets(
    viewer: ViewerModel, panel: AdaptPanel, open_panel: Open
) -> None:
    other = open_panel(viewer)

    assert other.view.target.targets.titles == ["cells", "nuclei", "Add…"]
    assert len(viewer.layers) == 3


def test_the_annotation_of_a_target_is_deleted_or_duplicated(
    viewer: ViewerModel, panel: AdaptPanel, settle: Settle
) -> None:
    layer = annotation_of(panel)
    viewer.layers.append(type(layer).create(*layer.as_layer_data_tuple()))
    settle(panel)
    assert annotation_of(panel) is layer

    viewer.layers.remove(layer)
    settle(panel)

    assert panel.desk.annotation is None
    panel.view.next_cell.click()
    assert annotation_of(panel).name.startswith("plate annotation (nuclei)")


def test_nuclei_are_linked_to_their_cells(
    viewer: ViewerModel, panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    panel.targets.link()
    assert "needs the results of two" in panel.view.status.text
    for title, place in (("nuclei", (12, 12)), ("cells", (44, 44))):
        choose(panel, settle, title)
        annotation_of(panel).paint(place, 1)
        settle(panel)
        panel.adapt()
        settle(panel)
    nuclei, cells = viewer.layers["plate cells (nuclei)"], viewer.layers["plate cells"]
    small = np.zeros((64, 64), np.int32)
    small[10:14, 10:14], small[42:46, 42:46], small[30, 30] = 5, 6, 7
    large = np.zeros((64, 64), np.int32)
    large[8:18, 8:18], large[40:50, 40:50] = 3, 4
    nuclei.data, cells.data = small, large

    panel.view.target.link.trigger()
    settle(panel)

    linked = viewer.layers["plate cells (nuclei) linked"]
    expected = np.where(small > 0, large, 0)
    np.testing.assert_array_equal(linked.data, expected)
    assert "1 of 3 lie in none" in panel.view.status.text


def test_unsaved_cells_are_kept_for_each_target(
    panel: AdaptPanel, settle: Settle
) -> None:
    annotation_of(panel).paint((12, 12), 1)
    settle(panel)
    choose(panel, settle, "cells")
    annotation_of(panel).paint((12, 12), 1)
    settle(panel)

    from napari_metaseg.io.user_folder import user_folder

    keys = {path.name.split("-")[0] for path in user_folder("unsaved").glob("*.zip")}
    assert len(keys) == 2
