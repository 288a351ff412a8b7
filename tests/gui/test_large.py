"""Stacks and big images: one plane at a time, or all of it into a file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtCore import Qt

from napari_metaseg import adapt
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.metrics import iou_matrix, match_counts
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.data.synthetic import sample_scene
from napari_metaseg.gui import large
from napari_metaseg.io.open_images import open_image
from napari_metaseg.workflows.results import Progress

from .test_end_to_end import whole_cells

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari.components import ViewerModel
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from napari_metaseg.gui.adapt_panel import AdaptPanel

    from .acting import Open, Settle
    from .conftest import Engine


@pytest.fixture
def stack(viewer: ViewerModel, blobs: NDArray[np.float32]) -> Any:
    data = np.stack([blobs, blobs, blobs])
    return viewer.add_image(data, name="movie", axis_labels=("t", "y", "x"))


@pytest.fixture
def panel(
    viewer: ViewerModel, stack: Any, open_panel: Open, settle: Settle
) -> AdaptPanel:
    """Return a panel with a model of a movie."""
    panel = open_panel(viewer)
    viewer.dims.set_point(0, 2)
    assert panel.desk.annotation is not None
    panel.desk.annotation.paint((0, 12, 12), 1)
    settle(panel)
    panel.adapt()
    settle(panel)
    return panel


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "cells.zarr"
    monkeypatch.setattr(large, "ask_path", lambda *_: path)
    return path


class Orders:
    """Stands for the engine that works through files."""

    def __init__(self) -> None:
        self.taken: list[large.LargeOrder] = []
        self.closed = 0
        self.endless = False
        self.notes: tuple[str, ...] = ()
        self.error: Exception | None = None

    def segment(self, order: large.LargeOrder) -> Generator[Progress, None, Any]:
        self.taken.append(order)
        try:
            yield Progress("segment", 40, 100, "Looking at tile 4 of 10")
            while self.endless:
                yield Progress("segment", 40, 100, "Looking at tile 4 of 10")
            if self.error is not None:
                raise self.error
            shape = order.levels[0].shape
            levels = [np.ones(shape, np.uint16)]
            return large.Written(order.path, levels, "TYX", self.notes)
        finally:
            self.closed += 1


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> Orders:
    fake = Orders()
    monkeypatch.setattr(large, "segment", fake.segment)
    return fake


def test_only_the_plane_in_view_is_segmented_if_asked(
    qtbot: QtBot, panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    assert engine.calls[-1].planes is None

    qtbot.keyClick(panel.view.large.scope, Qt.Key.Key_Down)
    panel.adapt()
    settle(panel)

    assert engine.calls[-1].planes == (2,)
    assert engine.calls[-1].part is None


def test_only_what_is_in_view_is_segmented_if_asked(
    qtbot: QtBot, panel: AdaptPanel, settle: Settle, engine: Engine
) -> None:
    annotation = panel.desk.annotation
    assert annotation is not None
    annotation.corner_pixels = np.array([[2, 10, 20], [2, 29, 49]])

    for _ in range(2):
        qtbot.keyClick(panel.view.large.scope, Qt.Key.Key_Down)
    panel.adapt()
    settle(panel)

    assert panel.view.large.scope.currentText() == "what is in view"
    assert engine.calls[-1].planes == (2,)
    assert engine.calls[-1].part == (10, 30, 20, 50)


def test_the_cells_shown_are_linked_if_asked(
    qtbot: QtBot, panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    """A painted cell has the number it was painted with, until it is linked."""
    annotation = panel.desk.annotation
    assert annotation is not None
    annotation.brush_size = 10
    annotation.paint((0, 12, 12), 1)
    annotation.paint((1, 44, 44), 9)
    settle(panel)
    panel.adapt()
    settle(panel)

    def numbers(y: int, x: int) -> set[int]:
        cells = viewer.layers["movie cells"].data
        return set(cells[:, y, x].tolist()) - {0}

    assert len(numbers(44, 44)) > 1
    before = numbers(12, 44)
    qtbot.keyClick(panel.view.large.links, Qt.Key.Key_Down)
    settle(panel)
    assert panel.view.large.links.currentText() == "through T"
    places = [(12, 12), (12, 44), (44, 12), (44, 44)]
    assert [len(numbers(*place)) for place in places] == [1] * 4
    assert len(set.union(*(numbers(*place) for place in places))) == 4
    assert numbers(12, 44) <= before

    # Strokes and further rounds keep it.
    annotation.paint((2, 44, 12), 11)
    settle(panel)
    assert [len(numbers(*place)) for place in places] == [1] * 4
    panel.adapt()
    settle(panel)
    assert [len(numbers(*place)) for place in places] == [1] * 4

    qtbot.keyClick(panel.view.large.links, Qt.Key.Key_Up)
    settle(panel)
    assert len(numbers(44, 44)) > 1
    assert 11 in numbers(44, 12)


def test_what_was_chosen_for_a_movie_outlasts_a_look_at_a_single_plane(
    qtbot: QtBot,
    panel: AdaptPanel,
    viewer: ViewerModel,
    settle: Settle,
    blobs: NDArray[np.float32],
) -> None:
    form, source, movie = panel.view.large, panel.view.source, panel.desk.image
    assert movie is not None
    qtbot.keyClick(form.links, Qt.Key.Key_Down)
    qtbot.keyClick(form.scope, Qt.Key.Key_Down)
    settle(panel)
    linked = viewer.layers["movie cells"].data.copy()

    source.choose_image(viewer.add_image(blobs, name="plane"))
    settle(panel)
    assert (form.links.currentText(), form.scope.currentText()) == ("no", "everything")
    source.choose_image(movie)
    settle(panel)

    assert form.links.currentText() == "through T"
    assert form.scope.currentText() == "this plane"
    np.testing.assert_array_equal(viewer.layers["movie cells"].data, linked)


def test_a_single_plane_has_no_choice(
    viewer: ViewerModel, blobs: NDArray[np.float32], open_panel: Open
) -> None:
    viewer.add_image(blobs)
    panel = open_panel(viewer)

    assert panel.view.large.scope.titles == ["everything", "what is in view"]
    assert not panel.view.large.links.isEnabled()
    assert not panel.view.large.start.isEnabled()


def test_an_image_is_segmented_to_a_file_and_shown(
    qtbot: QtBot,
    panel: AdaptPanel,
    viewer: ViewerModel,
    stack: Any,
    settle: Settle,
    orders: Orders,
    path: Path,
) -> None:
    form = panel.view.large
    assert form.links.titles == ["no", "through T"]
    qtbot.keyClick(form.links, Qt.Key.Key_Down)

    form.start.click()
    settle(panel)

    (order,) = orders.taken
    assert (order.axes, order.channel, order.link) == ("TYX", None, "t")
    assert order.levels[0] is stack.data
    assert panel.view.status.text == f"Saved {path}"
    shown = viewer.layers["cells"]
    assert isinstance(shown, Labels)
    assert viewer.layers.index(shown) == viewer.layers.index(stack) + 1
    assert not shown.editable
    assert panel.desk.image is stack


def test_another_image_is_segmented_with_the_current_model(
    panel: AdaptPanel,
    viewer: ViewerModel,
    settle: Settle,
    orders: Orders,
    path: Path,
    stack: Any,
) -> None:
    chosen = panel.desk.image
    levels = [np.zeros((2, 40, 40)), np.zeros((2, 20, 20))]
    big = viewer.add_image(
        levels, name="big", multiscale=True, axis_labels=("t", "y", "x")
    )
    settle(panel)
    panel.view.large.images.choose(big)

    panel.view.large.start.click()
    settle(panel)

    assert panel.desk.image is chosen
    assert [level.shape for level in orders.taken[0].levels] == [
        (2, 40, 40),
        (2, 20, 20),
    ]


def test_a_cancelled_run_goes_on_later(
    qtbot: QtBot, panel: AdaptPanel, settle: Settle, orders: Orders, path: Path
) -> None:
    form = panel.view.large
    orders.endless = True
    form.start.click()
    qtbot.waitUntil(lambda: form.bar.value() == 40)
    assert form.start.text() == "Cancel"

    form.start.click()
    settle(panel)

    assert orders.closed == 1
    assert "goes on from here" in panel.view.status.text
    path.with_name("cells.zarr.partial").mkdir()
    form.start.click()
    assert panel.view.status.text == "Going on with cells.zarr where it was left."
    form.start.click()
    settle(panel)


def test_what_one_would_not_expect_is_told(
    panel: AdaptPanel, settle: Settle, orders: Orders, path: Path
) -> None:
    orders.notes = ("it counts as blank", "it is upside down")

    panel.view.large.start.click()
    settle(panel)

    told = f"Saved {path}. Note: it counts as blank; it is upside down."
    assert panel.view.status.text == told


def test_what_cannot_be_written_is_told(
    panel: AdaptPanel, settle: Settle, orders: Orders, path: Path
) -> None:
    orders.error = UserError("cells.zarr exists already; choose another name.")

    panel.view.large.start.click()
    settle(panel)

    assert panel.view.status.text == "cells.zarr exists already; choose another name."


def test_the_real_engine_goes_on_where_it_was(tmp_path: Path) -> None:
    scene = sample_scene("fluorescence", size=(160, 176), seed=3)
    cells = np.isin(scene.masks, whole_cells(scene.masks)[:2])
    model = adapt(scene.image, np.where(cells, scene.masks, 0), device="cpu")
    movie, path = np.stack([scene.image, scene.image]), tmp_path / "cells.zarr"
    order = large.LargeOrder(
        model=model,
        levels=(movie,),
        axes="TYX",
        channel=None,
        settings=DecodeSettings(),
        link="t",
        pixel_size=(0.5, 0.5),
        z_step=None,
        offset=(0.0, 30.0, 0.0),
        path=path,
        device="cpu",
    )
    steps = large.segment(order)
    begun = [next(steps).message for _ in range(2)]
    steps.close()
    assert begun[1].startswith("Looking at tile 1 of")
    assert path.with_name("cells.zarr.partial").is_dir()

    steps = large.segment(order)
    with pytest.raises(StopIteration) as end:
        while True:
            next(steps)

    written, levels, axes, notes = end.value.value
    assert (written, axes, notes) == (path, "TYX", ())
    assert open_image(path).offset == (0, 30, 0)
    found = np.asarray(Labels(levels[0]).data)
    np.testing.assert_array_equal(found[0], found[1])  # linked through time
    whole = model.segment(scene.image)
    same = match_counts(iou_matrix(whole, found[0].astype(np.int32)))
    assert same.tp == int(whole.max()) == len(np.unique(found)) - 1
    assert not path.with_name("cells.zarr.partial").exists()

    dim = replace(order, levels=(movie // 10,), path=tmp_path / "dim.zarr")
    (note,) = exhaust(large.segment(dim)).notes
    assert "so it counts as blank" in note
