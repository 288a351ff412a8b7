"""What is painted is kept aside, and comes back after a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest
from napari.components import ViewerModel

from napari_metaseg.gui import desk

from .acting import annotation_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from napari_metaseg.gui.adapt_panel import AdaptPanel

    from .acting import Open, Settle


def files(home: Path) -> list[Path]:
    return sorted((home / "unsaved").glob("*"))


@pytest.fixture
def crash(
    viewer: ViewerModel,
    blobs: NDArray[np.float32],
    open_panel: Open,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
) -> NDArray[np.int32]:
    """Paint two cells and a stroke in a process that ends without warning."""
    viewer.add_image(blobs, name="plate")
    panel = open_panel(viewer)
    drawn = annotation_of(panel)
    drawn.paint((12, 12), 1)
    drawn.paint((12, 44), 2)
    drawn.paint((60, 60), -1)
    settle(panel)
    # From now on, this is another process.
    later = psutil.Process.create_time(psutil.Process()) + 100
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: later)
    return np.array(drawn.data)


@pytest.fixture
def reopened(
    crash: NDArray[np.int32], blobs: NDArray[np.float32], open_panel: Open
) -> AdaptPanel:
    other = ViewerModel()
    other.add_image(blobs, name="plate")
    return open_panel(other)


def test_cells_of_a_crash_are_offered_and_come_back_as_one_step(
    crash: NDArray[np.int32], reopened: AdaptPanel, settle: Settle, home: Path
) -> None:
    view = reopened.view
    assert view.status.text.startswith("2 cells of ")
    assert view.status.text.endswith(" were found for this image. Restore?")
    assert view.offer.isVisibleTo(reopened)
    assert view.offer.restore.text() == "Restore 2 cells"

    view.offer.restore.click()
    settle(reopened)

    np.testing.assert_array_equal(annotation_of(reopened).data, crash)
    assert view.status.text == "2 cells restored. Ctrl+Z takes it back."
    assert not view.offer.isVisibleTo(reopened)
    assert len(files(home)) == 1  # the new one
    annotation_of(reopened).undo()
    assert not annotation_of(reopened).data.any()


@pytest.fixture
def resting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the hand rest before what it did is looked at, as outside of tests."""
    monkeypatch.setattr(desk, "_REST", 500)


@pytest.mark.usefixtures("resting")
def test_what_is_restored_and_undone_at_once_is_offered_again(
    crash: NDArray[np.int32], reopened: AdaptPanel, settle: Settle, qtbot: QtBot
) -> None:
    view, annotation = reopened.view, annotation_of(reopened)
    view.offer.restore.click()
    qtbot.waitUntil(annotation.data.any)

    annotation.undo()
    settle(reopened)

    assert not annotation.data.any()
    assert view.offer.isVisibleTo(reopened)
    view.offer.restore.click()
    settle(reopened)
    np.testing.assert_array_equal(annotation.data, crash)


def test_what_is_painted_already_stays(
    crash: NDArray[np.int32], reopened: AdaptPanel, settle: Settle
) -> None:
    annotation_of(reopened).paint((45, 12), 1)
    annotation_of(reopened).paint((12, 12), 2)
    settle(reopened)
    mine = np.array(annotation_of(reopened).data)
    assert reopened.view.offer.isVisibleTo(reopened)
    assert "press Adapt" in reopened.view.status.text

    reopened.view.offer.restore.click()
    settle(reopened)

    now = annotation_of(reopened).data
    np.testing.assert_array_equal(now[mine != 0], mine[mine != 0])
    assert np.unique(now[crash == 2]).tolist() == [3]
    assert "1 was left out" in reopened.view.status.text


def test_discarded_cells_are_gone(
    crash: NDArray[np.int32],
    reopened: AdaptPanel,
    blobs: NDArray[np.float32],
    open_panel: Open,
    home: Path,
) -> None:
    reopened.view.offer.discard.click()

    assert not files(home)
    assert reopened.view.status.text.startswith("Paint one whole cell")
    assert not reopened.view.offer.isVisibleTo(reopened)


def test_an_image_of_other_content_is_offered_nothing(
    crash: NDArray[np.int32], blobs: NDArray[np.float32], open_panel: Open
) -> None:
    other = ViewerModel()
    other.add_image(blobs[::-1] + 1, name="plate")

    assert open_panel(other).keeper.offer is None


def test_nothing_is_offered_while_its_process_is_at_work(
    viewer: ViewerModel,
    blobs: NDArray[np.float32],
    open_panel: Open,
    settle: Settle,
    home: Path,
) -> None:
    other = ViewerModel()
    for each in (viewer, other):
        each.add_image(blobs, name="plate")
    first = open_panel(viewer)
    annotation_of(first).paint((12, 12), 1)
    settle(first)

    second = open_panel(other)
    assert second.keeper.offer is None
    annotation_of(second).paint((44, 44), 1)
    settle(second)
    assert len(files(home)) == 2  # one each


def test_an_emptied_annotation_leaves_no_file(
    viewer: ViewerModel,
    blobs: NDArray[np.float32],
    open_panel: Open,
    settle: Settle,
    home: Path,
) -> None:
    viewer.add_image(blobs, name="plate")
    panel = open_panel(viewer)
    annotation_of(panel).paint((12, 12), 1)
    settle(panel)
    assert len(files(home)) == 1

    annotation_of(panel).undo()
    settle(panel)

    assert not files(home)


def test_a_renamed_image_keeps_its_file(
    viewer: ViewerModel,
    blobs: NDArray[np.float32],
    open_panel: Open,
    settle: Settle,
    home: Path,
) -> None:
    image = viewer.add_image(blobs, name="plate")
    panel = open_panel(viewer)
    annotation_of(panel).paint((12, 12), 1)
    settle(panel)
    before = files(home)

    image.name = "other"
    annotation_of(panel).paint((44, 44), 2)
    settle(panel)

    assert files(home) == before


def test_the_last_strokes_are_kept_when_the_panel_closes(
    viewer: ViewerModel, blobs: NDArray[np.float32], open_panel: Open, home: Path
) -> None:
    viewer.add_image(blobs, name="plate")
    panel = open_panel(viewer)
    annotation_of(panel).paint((12, 12), 1)
    panel.desk.edited.emit()

    panel.keeper.leave()

    assert len(files(home)) == 1


def test_a_damaged_file_is_told_and_set_aside(
    crash: NDArray[np.int32],
    blobs: NDArray[np.float32],
    open_panel: Open,
    home: Path,
) -> None:
    (file,) = files(home)
    file.write_bytes(file.read_bytes()[:50])
    other = ViewerModel()
    other.add_image(blobs, name="plate")

    panel = open_panel(other)

    assert "was set aside as" in panel.view.status.text
    assert [path.suffix for path in files(home)] == [".broken"]
