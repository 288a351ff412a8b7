"""Outlines are exact, valid polygons; filling follows the centres of pixels."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stnp
from skimage.draw import polygon2mask

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.drawing import draw_outlines, fill
from napari_metaseg.io.outlines import Outline, find_outlines, signed_area

SQUARE = np.array([[1, 1], [4, 1], [4, 3], [1, 3]])

small = stnp.arrays(
    np.int32,
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    elements=st.integers(0, 3),
)


@settings(max_examples=80)
@given(labels=small, zoom=st.integers(1, 3))
def test_outlines_are_valid_polygons_of_the_same_pixels(
    labels: np.ndarray, zoom: int
) -> None:
    labels = labels.repeat(zoom, axis=0).repeat(zoom, axis=1)
    y, x = np.indices(labels.shape) + 0.5

    outlines = list(find_outlines(labels))

    assert [o.label for o in outlines] == [k for k in np.unique(labels) if k]
    for outline in outlines:
        for outer, *holes in outline.polygons:
            assert signed_area(outer) > 0
            assert all(signed_area(hole) < 0 for hole in holes)
        shape = shapely.MultiPolygon([(p[0], p[1:]) for p in outline.polygons])
        assert shape.is_valid, shapely.is_valid_reason(shape)
        np.testing.assert_array_equal(
            shapely.contains_xy(shape, x, y), labels == outline.label
        )
    np.testing.assert_array_equal(draw_outlines(outlines, labels.shape), labels)


def test_a_ring_with_a_cell_in_its_hole() -> None:
    labels = np.ones((5, 5), np.int32)
    labels[1:4, 1:4] = 0
    labels[2, 2] = 7

    ring, core = find_outlines(labels)

    assert (ring.label, core.label) == (1, 7)
    assert [[signed_area(r) for r in p] for p in ring.polygons] == [[25, -9]]
    assert [sorted(r.tolist()) for r in ring.polygons[0]] == [
        [[0, 0], [0, 5], [5, 0], [5, 5]],
        [[1, 1], [1, 4], [4, 1], [4, 4]],
    ]
    assert signed_area(core.polygons[0][0]) == 1


def test_pixels_that_touch_at_a_corner_are_parts_of_their_own() -> None:
    (outline,) = find_outlines(np.eye(3, dtype=np.int32))

    assert [len(p) for p in outline.polygons] == [1, 1, 1]


def test_planes_are_traced_one_by_one() -> None:
    labels = np.zeros((2, 3, 4, 4), np.int32)
    labels[1, 2, 0, 0] = 5
    labels[0, 1, :2, :2] = 5

    assert [(o.label, o.plane) for o in find_outlines(labels)] == [
        (5, (0, 1)),
        (5, (1, 2)),
    ]


corners = st.tuples(st.integers(-30, 90), st.integers(-30, 90))


@settings(max_examples=60)
@given(ring=st.lists(corners, min_size=3, max_size=8))
def test_any_polygon_is_filled_as_scikit_image_does(
    ring: list[tuple[int, int]],
) -> None:
    points = np.array(ring) / 3 + 0.1
    height, width = 21, 17
    expected = polygon2mask((height, width), points[:, ::-1] - 0.5)
    y, x = np.indices((height, width)) + 0.5
    edge = shapely.LineString([*points, points[0]])
    # Whether a centre on the very edge is inside is anyone's choice.
    clear = shapely.distance(edge, shapely.points(x, y)) > 1e-9

    (rows, columns), mask = fill([points], height, width)

    found = np.zeros((height, width), bool)
    found[rows, columns] = mask
    np.testing.assert_array_equal(found[clear], expected[clear])


def test_what_lies_beyond_the_border_is_cut_off() -> None:
    big = np.array([[-1e300, -1e300], [1e300, -1e300], [1e300, 1e300], [-1e300, 1e300]])

    drawn = draw_outlines([Outline(3, (), ((big,),))], (4, 5))

    assert (drawn == 3).all()


def test_cells_without_a_number_get_the_next_ones() -> None:
    apart = [SQUARE + np.array([5 * k, 0]) for k in range(4)]
    numbers = [0, 6, 0, 2]

    drawn = draw_outlines(
        [Outline(n, (), ((r,),)) for n, r in zip(numbers, apart, strict=True)], (5, 25)
    )

    assert [drawn[2, 2 + 5 * k] for k in range(4)] == [7, 6, 8, 2]
    assert drawn.dtype == np.int32


def test_large_numbers_are_kept() -> None:
    drawn = draw_outlines([Outline(2**32 - 1, (), ((SQUARE,),))], (5, 5))

    assert drawn.max() == 2**32 - 1


@pytest.mark.parametrize(
    ("outline", "shape", "message"),
    [
        (Outline(1, (), ((SQUARE + 90,),)), (20, 20), "lies outside"),
        (Outline(1, (), ((SQUARE - 90,),)), (20, 20), "lies outside"),
        (Outline(1, (2,), ((SQUARE,),)), (2, 20, 20), r"plane \(2,\)"),
        (Outline(1, (), ((SQUARE,),)), (2, 20, 20), "plane"),
        (Outline(2**32, (), ((SQUARE,),)), (20, 20), "number cells"),
        (Outline(-1, (), ((SQUARE,),)), (20, 20), "number cells"),
        (Outline(1, (), ((SQUARE,),)), (0, 20), "cannot be drawn"),
        (Outline(1, (), ((SQUARE,),)), (2**20, 2**20), "cannot be drawn"),
    ],
)
def test_what_does_not_fit_is_refused(
    outline: Outline, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        draw_outlines([outline], shape)


def test_an_outline_that_would_take_all_memory_is_refused() -> None:
    zigzag = np.zeros((40_000, 2))
    zigzag[::2, 1] = 20_000

    with pytest.raises(UserError, match="too many corners"):
        fill([zigzag], 20_000, 10)
