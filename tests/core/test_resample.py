"""Parts of a resized image are parts of the resized image."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_metaseg.core.resample import labels_under, resize_part, source_window
from napari_metaseg.core.scaling import resize_image, resize_labels
from napari_metaseg.core.windows import (
    Window,
    apart,
    grid,
    grown,
    meet,
    whole,
    within,
)

# Columns of a single pixel PyTorch itself resizes to something else.
sides = st.integers(2, 90)


@st.composite
def windows(draw: st.DrawFn, shape: tuple[int, int]) -> Window:
    starts = [draw(st.integers(0, n - 1)) for n in shape]
    y, x = (
        slice(start, draw(st.integers(start + 1, n)))
        for start, n in zip(starts, shape, strict=True)
    )
    return y, x


@settings(deadline=None)
@given(st.data(), st.tuples(sides, sides), st.tuples(sides, sides))
def test_a_part_of_an_image_is_resized_as_the_whole(
    data: st.DataObject, old: tuple[int, int], new: tuple[int, int]
) -> None:
    image = np.random.default_rng(0).random((2, *old), np.float32)
    labels = np.arange(old[0] * old[1], dtype=np.int32).reshape(old)
    part = data.draw(windows(new))

    source = source_window(old, new, part)

    resized = resize_part(image[(slice(None), *source)], old, new, part)
    expected = resize_image(image, new)[(slice(None), *part)]
    np.testing.assert_allclose(resized, expected, atol=2e-5)
    under = labels_under(labels[source], source, old, new, part)
    np.testing.assert_array_equal(under, resize_labels(labels, new)[part])


@given(st.tuples(sides, sides), st.integers(1, 50))
def test_a_grid_covers_each_pixel_once(shape: tuple[int, int], side: int) -> None:
    count = np.zeros(shape, int)
    for window in grid(shape, side):
        count[window] += 1

    assert (count == 1).all()


def test_windows_grow_as_far_as_the_plane_goes() -> None:
    window = grown((slice(2, 4), slice(5, 6)), 3, (6, 20))

    assert window == (slice(0, 6), slice(2, 9))
    assert within((slice(2, 4), slice(5, 6)), window) == (slice(2, 4), slice(3, 4))
    assert grown(window, 99, (6, 20)) == whole((6, 20))


@given(st.lists(windows((40, 40)), max_size=8))
def test_windows_that_meet_are_joined(known: list[Window]) -> None:
    joined = apart(known)

    assert not any(meet(one, other) for one, other in combinations(joined, 2))
    for rows, columns in known:
        (one,) = (other for other in joined if meet(other, (rows, columns)))
        assert one[0].start <= rows.start < rows.stop <= one[0].stop
        assert one[1].start <= columns.start < columns.stop <= one[1].stop
    assert len(apart([*joined, *joined])) == len(joined)


def test_windows_that_do_not_meet_stay_apart() -> None:
    one, other = (slice(0, 4), slice(0, 4)), (slice(4, 8), slice(0, 4))

    assert apart([one, other]) == [one, other]
    across = slice(2, 6), slice(3, 9)
    assert apart([one, other, across]) == [(slice(0, 8), slice(0, 9))]
