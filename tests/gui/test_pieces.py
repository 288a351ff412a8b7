from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels
from qtpy.QtCore import QObject

from napari_metaseg.gui import pieces
from napari_metaseg.gui.pieces import Pieces, change, finish, go_on_with, labels_of
from napari_metaseg.workflows.results import Part

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

SIDE = 8
RNG = np.random.default_rng(0)
FIRST, SECOND, THIRD = RNG.integers(0, 9, (3, 2, 32, 24)).astype(np.int32)


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "SIDE", SIDE)
    monkeypatch.setattr(pieces, "LARGE", 0)


class Shown:
    """A layer that shows the first labels."""

    def __init__(self, labels: np.ndarray) -> None:
        self.viewer = ViewerModel()
        self.parent = QObject()
        self.pieces = Pieces(self.viewer, self.parent)
        self.layer = Labels(self.pieces.prepare(labels))
        self.viewer.add_layer(self.layer)
        self.pieces.claim(self.layer)

    @property
    def under_way(self) -> bool:
        return labels_of(self.layer) is not self.layer.data

    def finish(self, qtbot: QtBot) -> None:
        qtbot.waitUntil(lambda: not self.under_way)


def test_pieces_come_one_by_one_and_in_the_end_all_is_shown(qtbot: QtBot) -> None:
    shown = Shown(FIRST[0])
    written: list[int] = []
    shown.layer.events.labels_update.connect(lambda e: written.append(e.data.size))
    given = SECOND[0].copy()

    assert shown.pieces.show(shown.layer, given)

    np.testing.assert_array_equal(shown.layer.data, FIRST[0])
    np.testing.assert_array_equal(labels_of(shown.layer), SECOND[0])
    shown.finish(qtbot)
    np.testing.assert_array_equal(shown.layer.data, SECOND[0])
    np.testing.assert_array_equal(given, SECOND[0])
    assert len(written) == (32 // SIDE) * (24 // SIDE)
    assert max(written) <= SIDE * SIDE


def test_what_is_in_view_comes_first(qtbot: QtBot) -> None:
    shown = Shown(np.zeros((32, 24), np.int32))
    shown.layer.corner_pixels = np.array([[24, 16], [31, 23]])
    corners: list[tuple[int, int]] = []

    def note(_event: object) -> None:
        corners.append(tuple(np.argwhere(shown.layer.data).max(0)))

    shown.layer.events.labels_update.connect(note)
    shown.pieces.show(shown.layer, np.ones((32, 24), np.int32))
    qtbot.waitUntil(lambda: bool(corners))

    assert corners[0] == (31, 23)
    assert not shown.layer.data[:24, :16].any() or len(corners) > 1


def test_labels_that_were_shown_do_not_change(qtbot: QtBot) -> None:
    first = FIRST[0].copy()
    shown = Shown(first)

    shown.pieces.show(shown.layer, SECOND[0])
    shown.finish(qtbot)

    np.testing.assert_array_equal(first, FIRST[0])


def test_what_is_shown_last_stays(qtbot: QtBot) -> None:
    shown = Shown(FIRST[0])

    shown.pieces.show(shown.layer, SECOND[0])
    qtbot.waitUntil(lambda: not np.array_equal(shown.layer.data, FIRST[0]))
    shown.pieces.show(shown.layer, THIRD[0])
    shown.finish(qtbot)

    np.testing.assert_array_equal(shown.layer.data, THIRD[0])


def test_what_changes_meanwhile_is_not_overwritten(qtbot: QtBot) -> None:
    """A stroke that is followed, and a part that is previewed, come to stay."""
    shown = Shown(FIRST[0])
    followed = SECOND[0].copy()
    followed[3, 3] = 77
    part = (slice(20, 30), slice(10, 20))

    shown.pieces.show(shown.layer, SECOND[0])
    go_on_with(shown.layer, followed)
    change(shown.layer, Part(part, np.full((10, 10), 55, np.int32), None))
    shown.finish(qtbot)

    assert shown.layer.data[3, 3] == 77
    assert (shown.layer.data[part] == 55).all()
    assert not (followed == 55).any()


def test_parts_that_change_are_there_without_a_copy_of_all(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of large labels in every step would hold up the window."""
    shown = Shown(FIRST[0])
    parts = [
        Part(np.s_[0:10, 0:10], np.full((10, 10), 55, np.int32), None),
        Part(np.s_[20:30, 10:20], np.full((10, 10), 66, np.int32), None),
    ]
    given = SECOND[0].copy()
    expected = given.copy()
    for part in parts:
        expected[part.place] = part.labels
    read: list[object] = []
    labels = pieces._Showing.labels.fget
    assert labels is not None
    monkeypatch.setattr(
        pieces._Showing, "labels", property(lambda s: read.append(s) or labels(s))
    )

    shown.pieces.show(shown.layer, given)
    for part in parts:
        change(shown.layer, part)
    qtbot.waitUntil(lambda: bool((shown.layer.data == expected).all()))

    assert not read
    np.testing.assert_array_equal(given, SECOND[0])


def test_what_is_about_to_be_shown_holds_the_parts_that_changed(qtbot: QtBot) -> None:
    shown = Shown(FIRST[0])
    part = Part(np.s_[20:30, 10:20], np.full((10, 10), 66, np.int32), None)

    shown.pieces.show(shown.layer, SECOND[0])
    change(shown.layer, part)
    known = labels_of(shown.layer)

    assert (known[part.place] == 66).all()
    assert labels_of(shown.layer) is known
    shown.finish(qtbot)
    np.testing.assert_array_equal(shown.layer.data, known)


def test_of_a_stack_the_other_planes_are_there_at_once(qtbot: QtBot) -> None:
    shown = Shown(FIRST)
    shown.viewer.dims.set_current_step(0, 1)

    assert shown.pieces.show(shown.layer, SECOND)

    np.testing.assert_array_equal(shown.layer.data[0], SECOND[0])
    np.testing.assert_array_equal(shown.layer.data[1], FIRST[1])
    shown.finish(qtbot)
    np.testing.assert_array_equal(shown.layer.data, SECOND)


@pytest.mark.parametrize("why", ["another array", "another shape", "3D"])
def test_elsewhere_all_is_shown_at_once(why: str) -> None:
    shown = Shown(FIRST)
    labels = SECOND
    match why:
        case "another array":
            shown.layer.data = FIRST.copy()
        case "another shape":
            labels = np.zeros((2, 9, 9), np.int32)
        case "3D":
            shown.viewer.dims.ndisplay = 3

    assert not shown.pieces.show(shown.layer, labels)


def test_nothing_is_left_half_shown() -> None:
    shown = Shown(FIRST[0])
    shown.pieces.show(shown.layer, SECOND[0])

    finish(shown.layer)

    assert not shown.under_way
    np.testing.assert_array_equal(shown.layer.data, SECOND[0])
