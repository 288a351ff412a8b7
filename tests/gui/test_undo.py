"""Strokes and corrections in any order, taken back one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.layers import Labels

from napari_metaseg.core import edits, reshape
from napari_metaseg.core.errors import UserError
from napari_metaseg.gui import layers
from napari_metaseg.gui.protect import protect_cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Place = tuple[float, ...]


SIDE = 24


PLACES = st.tuples(st.integers(0, SIDE - 1), st.integers(0, SIDE - 1))


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["accept", "reject"]), PLACES, PLACES),
        st.tuples(st.sampled_from(["split", "join", "complete"]), PLACES, PLACES),
        st.tuples(st.just("paint"), PLACES, st.integers(-1, 3)),
        st.just(("undo",)),
        st.just(("redo",)),
    ),
    max_size=20,
)


def found() -> NDArray[np.int32]:
    """Four squares that touch, and one apart."""
    shown = np.zeros((SIDE, SIDE), np.int32)
    shown[2:8, 2:8], shown[2:8, 8:14] = 1, 2
    shown[8:14, 2:8], shown[8:14, 8:14], shown[17:22, 17:22] = 3, 4, 5
    return shown


def correct(plane: NDArray[np.int32], action: tuple) -> edits.Edit | None:
    name, one, other = action
    try:
        match name:
            case "accept" | "reject":
                return getattr(edits, name)(plane, found(), one)
            case "split":
                return reshape.split(plane, found(), [one, other])
            case "join":
                return reshape.join(plane, found(), one, other)
        box = edits.Box.between(one, other, plane.shape)
        return edits.complete(plane, found(), box)
    except UserError:
        return None


@settings(max_examples=60, deadline=None)
@given(ACTIONS)
def test_undo_takes_back_strokes_and_corrections_in_order(actions: list[tuple]) -> None:
    layer = Labels(np.zeros((SIDE, SIDE), np.int32))
    layer.brush_size = 4
    protect_cells(layer)
    steps: list[object] = []
    layer.events.paint.connect(steps.append)
    states, now = [layer.data.copy()], 0

    for action in actions:
        before, steps[:] = layer.data.copy(), []
        match action:
            case ("undo",):
                layer.undo()
                now = max(now - 1, 0)
            case ("redo",):
                layer.redo()
                now = min(now + 1, len(states) - 1)
            case ("paint", place, label):
                layer.paint(place, label)
                assert len(steps) <= 1
                if steps:
                    states[now + 1 :] = [layer.data.copy()]
            case _:
                edit = correct(before, action)
                if edit is not None and len(edit.rows):
                    layers.write(layer, (), edit)
                    assert len(steps) == 1
                    states[now + 1 :] = [edit.apply(before)]
        now += len(steps)
        np.testing.assert_array_equal(layer.data, states[now])
