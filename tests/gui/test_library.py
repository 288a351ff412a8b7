"""What was annotated goes into the person's library, and training is offered it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QDesktopServices

from napari_metaseg.data.folders import read_tasks
from napari_metaseg.gui.images import FILE, Reading, Target
from napari_metaseg.gui.library import propose
from napari_metaseg.gui.train.train_panel import TrainPanel
from napari_metaseg.gui.worker import Runner
from napari_metaseg.io.sources.history import task_library

from .acting import adapt

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot
    from qtpy.QtWidgets import QWidget

    from napari_metaseg.gui.adapt_panel import AdaptPanel

    from .acting import Open, Settle
    from .conftest import Engine


@pytest.fixture
def panel(
    viewer: ViewerModel, blobs: NDArray[np.float32], open_panel: Open
) -> AdaptPanel:
    """Return a panel with a plate of four cells, of which one is painted."""
    viewer.add_image(blobs, name="plate 1")
    panel = open_panel(viewer)
    paint(panel, (slice(8, 18), slice(8, 18)), 1)
    return panel


def paint(panel: AdaptPanel, where: tuple[slice, ...], label: int) -> None:
    annotation = panel.desk.annotation
    assert annotation is not None
    mask = np.zeros(annotation.data.shape, bool)
    mask[where] = True
    annotation.data_setitem(np.nonzero(mask), label)


def click(qtbot: QtBot, panel: AdaptPanel, settle: Settle, part: QWidget) -> None:
    """Click a part of the fold, which is opened first."""
    settle(panel)
    panel.show()
    (fold,) = (fold for fold in panel.view.folds if fold.title == "Task library")
    if not fold.is_open:
        qtbot.mouseClick(fold.heading, Qt.MouseButton.LeftButton)
    assert part.isVisible() and part.isEnabled()
    at = part.rect().center()
    at.setX(10)
    qtbot.mouseClick(part, Qt.MouseButton.LeftButton, pos=at)
    settle(panel)


def test_one_click_adds_what_is_painted_and_leaves_the_rest_unknown(
    qtbot: QtBot, panel: AdaptPanel, settle: Settle, blobs: NDArray[np.float32]
) -> None:
    form = panel.view.library
    settle(panel)
    assert form.task == "plate_1"
    assert not form.all_right.isEnabled(), "there are no cells shown yet"

    click(qtbot, panel, settle, form.add_button)

    assert panel.view.status.text == (
        "Added to your task “plate_1”, which now holds 1 image with 1 cell. MetaSeg: "
        "Meta-train offers it under My task library."
    )
    assert str(task_library()) in form.where.text()
    assert "1 task, 1 image" in form.where.text()
    (task,) = read_tasks(task_library())
    assert not task.info.complete
    np.testing.assert_array_equal(task.images[0], blobs)
    assert np.unique(task.masks[0]).tolist() == [0, 1]


def test_all_cells_shown_are_added_if_they_are_right(
    qtbot: QtBot, panel: AdaptPanel, settle: Settle, blobs: NDArray[np.float32]
) -> None:
    form = panel.view.library
    adapt(panel, settle)
    form.task = "our-plates"

    click(qtbot, panel, settle, form.all_right)
    click(qtbot, panel, settle, form.add_button)
    click(qtbot, panel, settle, form.add_button)

    said = "Replaced in your task “our-plates”, which now holds 1 image with 4 cells."
    assert panel.view.status.text.startswith(said)
    (task,) = read_tasks(task_library())
    assert task.info.complete
    np.testing.assert_array_equal(task.masks[0] > 0, blobs > 0)


def test_that_all_are_right_is_said_of_one_result_alone(
    qtbot: QtBot,
    panel: AdaptPanel,
    viewer: ViewerModel,
    settle: Settle,
    blobs: NDArray[np.float32],
) -> None:
    box, first = panel.view.library.all_right, panel.desk.image
    assert first is not None
    adapt(panel, settle)
    click(qtbot, panel, settle, box)
    assert box.isChecked()
    adapt(panel, settle)
    assert not box.isChecked()

    click(qtbot, panel, settle, box)
    panel.view.source.choose_image(viewer.add_image(blobs, name="plate 2"))
    settle(panel)
    panel.view.source.choose_image(first)
    settle(panel)
    assert box.isEnabled() and not box.isChecked()


def test_a_preview_is_never_said_to_be_all_right(
    qtbot: QtBot, panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    form = panel.view.library
    adapt(panel, settle)
    engine.gate.clear()

    panel.adapt()

    assert not form.all_right.isEnabled()
    assert form.add_button.isEnabled(), "what is painted can be added as before"
    panel.adapt()  # cancels
    settle(panel)
    click(qtbot, panel, settle, form.all_right)
    panel.adapt()
    assert form.all_right.isChecked() and not form.add_button.isEnabled()
    panel.adapt()
    settle(panel)
    assert form.all_right.isEnabled() and form.add_button.isEnabled()


def test_only_the_chosen_channel_of_the_planes_with_cells_is_added(
    qtbot: QtBot,
    viewer: ViewerModel,
    blobs: NDArray[np.float32],
    open_panel: Open,
    settle: Settle,
) -> None:
    stack = np.stack([[blobs, 2 * blobs], [3 * blobs, 4 * blobs]])
    viewer.add_image(stack, name="stack")
    panel = open_panel(viewer)
    ways = panel.view.source.channels
    row = next(n for n, way in enumerate(ways.values) if way.channel == 1)
    ways.setCurrentIndex(row)
    settle(panel)
    assert panel.desk.reading is not None
    planes = panel.desk.reading.axes.index("C")
    paint(panel, (slice(1, 2), slice(8, 18), slice(8, 18)), 1)

    click(qtbot, panel, settle, panel.view.library.add_button)

    (task,) = read_tasks(task_library())
    np.testing.assert_array_equal(task.images[0], stack.take(1, planes)[1])


def test_a_name_that_is_none_is_told(
    qtbot: QtBot, panel: AdaptPanel, settle: Settle
) -> None:
    settle(panel)
    panel.view.library.task = "a/b"

    click(qtbot, panel, settle, panel.view.library.add_button)

    assert panel.view.status.text.startswith("'a/b' cannot name a task")
    assert not task_library().exists()


def test_nothing_can_be_added_before_something_is_painted(
    viewer: ViewerModel, blobs: NDArray[np.float32], open_panel: Open
) -> None:
    form = open_panel(viewer).view.library
    assert not form.add_button.isEnabled()
    viewer.add_image(blobs)
    assert not form.add_button.isEnabled()


def test_the_folder_of_the_library_opens(
    qtbot: QtBot, panel: AdaptPanel, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    form = panel.view.library
    assert not form.open.isEnabled()

    click(qtbot, panel, settle, form.add_button)
    click(qtbot, panel, settle, form.open)

    assert opened[0].toLocalFile() == str(task_library()).replace("\\", "/")


def test_a_task_is_named_after_the_folder_of_its_images(viewer: ViewerModel) -> None:
    file = Path("Labor", "Hefe – µ", "images", "1.tif")
    layer = viewer.add_image(np.ones((16, 16)), metadata={FILE: str(file)})
    nuclei = Target("1", "nuclei")

    assert propose(layer, Reading("Gray", "YX", None)) == "Hefe_µ"
    assert propose(layer, Reading("Gray", "YX", None, nuclei)) == "Hefe_µ-nuclei"


def test_training_is_offered_the_library_at_once(
    qtbot: QtBot, panel: AdaptPanel, settle: Settle, viewer: ViewerModel
) -> None:
    dock = TrainPanel(viewer)
    qtbot.addWidget(dock)
    tasks = dock.view.setup.tasks

    click(qtbot, panel, settle, panel.view.library.add_button)
    qtbot.waitUntil(lambda: [r.task for r in tasks.rows] == ["plate_1"])
    panel.view.library.task = "more"
    click(qtbot, panel, settle, panel.view.library.add_button)
    qtbot.waitUntil(lambda: [r.task for r in tasks.rows] == ["more", "plate_1"])

    assert str(task_library()) in dock.view.setup.found.text()
    runners = dock.findChildren(Runner)
    qtbot.waitUntil(lambda: not any(r.running for r in runners), timeout=60_000)
    dock.office.leave()
