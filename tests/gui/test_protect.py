"""Only cells protect each other, and one undo takes back one stroke."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.layers import Labels

from napari_metaseg.gui.protect import protect_cells, unprotected

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 12
LABELS = st.integers(-1, 3)
PLACES = st.tuples(st.integers(0, SIDE - 1), st.integers(0, SIDE - 1))
STROKES = st.one_of(
    st.tuples(st.just("dab"), LABELS, PLACES, st.integers(1, 7)),
    st.tuples(st.just("drag"), LABELS, st.lists(PLACES, min_size=1, max_size=4)),
    st.tuples(st.just("fill"), LABELS, PLACES, st.booleans()),
    st.tuples(st.just("polygon"), LABELS, st.lists(PLACES, min_size=3, max_size=5)),
    st.tuples(st.just("pixels"), LABELS, st.lists(PLACES, min_size=1, max_size=5)),
)
ACTIONS = st.lists(
    st.one_of(STROKES, st.just(("undo",)), st.just(("redo",))), max_size=25
)


def layer_of(data: NDArray[np.int32]) -> Labels:
    return Labels(data.copy(), name="cells")


def apply(layer: Labels, stroke: tuple) -> None:
    match stroke:
        case ("dab", label, place, size):
            layer.brush_size = size
            layer.paint(place, label)
        case ("drag", label, places):
            layer.brush_size = 3
            with layer.block_history():
                for place in places:
                    layer.paint(place, label, refresh=False)
        case ("fill", label, place, contiguous):
            layer.contiguous = contiguous
            layer.fill(place, label)
        case ("polygon", label, corners):
            layer.paint_polygon(corners, label)
        case ("pixels", label, places):
            rows, columns = zip(*places, strict=True)
            layer.data_setitem((np.array(rows), np.array(columns)), label)


def expected(before: NDArray[np.int32], stroke: tuple) -> NDArray[np.int32] | None:
    """Return what a stroke must leave; None if it does not touch anything.

    The unprotected stroke is drawn on a plain layer. Then the rule, as it is
    written down for people, says which pixels keep their cell.
    """
    plain = layer_of(before)
    apply(plain, stroke)
    if (plain.data == before).all():
        return None
    kept = (before > 0) & (plain.data != 0)
    return np.where(kept, before, plain.data)


@settings(max_examples=60, deadline=None)
@given(ACTIONS)
def test_any_sequence_of_strokes_undo_and_redo(actions: list[tuple]) -> None:
    layer = layer_of(np.zeros((SIDE, SIDE), np.int32))
    protect_cells(layer)
    states, now = [layer.data.copy()], 0

    for action in actions:
        if action == ("undo",):
            layer.undo()
            now = max(now - 1, 0)
        elif action == ("redo",):
            layer.redo()
            now = min(now + 1, len(states) - 1)
        else:
            after = expected(states[now], action)
            apply(layer, action)
            if after is not None:
                states[now + 1 :] = [after]
                now += 1
        np.testing.assert_array_equal(layer.data, states[now])


@pytest.fixture
def layer() -> Labels:
    """Cell 1 on the left, cell 2 on the right, background in the middle."""
    data = np.zeros((SIDE, SIDE), np.int32)
    data[:, :4], data[:, 4:8], data[:, 8:] = 1, -1, 2
    layer = layer_of(data)
    layer.brush_size = 3
    protect_cells(layer)
    return layer


def test_a_cell_may_grow_over_background_but_not_over_a_cell(layer: Labels) -> None:
    with layer.block_history():
        for column in range(SIDE):
            layer.paint((6, column), 1)

    assert (layer.data[6] == [1] * 8 + [2] * 4).all()


def test_background_does_not_eat_cells(layer: Labels) -> None:
    before = layer.data.copy()

    layer.paint((6, 4), -1)

    np.testing.assert_array_equal(layer.data, before)


def test_the_eraser_takes_cells_and_background(layer: Labels) -> None:
    with layer.block_history():
        for column in range(SIDE):
            layer.paint((6, column), 0)

    assert not layer.data[6].any()


def test_a_stroke_in_one_plane_of_a_stack(layer: Labels) -> None:
    stack = Labels(np.stack([layer.data, np.zeros_like(layer.data)]))
    protect_cells(stack)
    stack.brush_size = 5
    before = stack.data.copy()

    stack.paint((0, 6, 8), 3)
    stack.paint((1, 6, 8), 3)

    assert (stack.data[0, :, 8:] == 2).all()
    assert stack.data[0, 6, 7] == 3
    assert stack.data[1, 6, 8] == 3
    stack.undo()
    stack.undo()
    np.testing.assert_array_equal(stack.data, before)


def test_filling_a_cell_with_another_leaves_it_as_it_was(layer: Labels) -> None:
    layer.fill((0, 0), 5)

    assert (layer.data[:, :4] == 1).all()


def test_a_correction_passes_and_protection_comes_back(layer: Labels) -> None:
    before = layer.data.copy()
    pixels = (np.repeat(6, 4), np.arange(4))

    with unprotected(layer):
        layer.data_setitem(pixels, 2)
    assert (layer.data[6, :4] == 2).all()
    layer.data_setitem((np.repeat(7, 4), np.arange(4)), 2)
    assert (layer.data[7, :4] == 1).all()

    layer.undo()
    layer.undo()
    np.testing.assert_array_equal(layer.data, before)
    layer.redo()
    assert (layer.data[6, :4] == 2).all()


def test_protection_comes_back_after_an_error(layer: Labels) -> None:
    with pytest.raises(ZeroDivisionError), unprotected(layer):
        raise ZeroDivisionError
    layer.paint((6, 1), 2)

    assert (layer.data[:, :4] == 1).all()


def test_only_the_layer_that_is_corrected_is_unprotected(layer: Labels) -> None:
    other = layer_of(layer.data)
    protect_cells(other)

    with unprotected(layer):
        other.paint((6, 1), 2)

    assert (other.data[:, :4] == 1).all()
