"""Rectangles of a plane."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_metaseg.core.windows import doubled, grid


@given(shape=st.tuples(*[st.integers(1, 40)] * 2), side=st.integers(1, 9))
def test_doubled_windows_of_the_halved_plane_cover_every_pixel_once(
    shape: tuple[int, int], side: int
) -> None:
    fine = np.zeros(shape, int)
    halved = fine[::2, ::2]

    for window in grid((halved.shape[0], halved.shape[1]), side):
        part = fine[doubled(window, shape)]
        assert part[::2, ::2].shape == halved[window].shape
        part += 1

    assert (fine == 1).all()
