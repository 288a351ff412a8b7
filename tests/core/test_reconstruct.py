"""Reconstruction, against another library's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.morphology import reconstruction

from napari_metaseg.core import reconstruct as module
from napari_metaseg.core.reconstruct import reconstruct

shapes = st.tuples(st.integers(1, 14), st.integers(1, 14))
heights = shapes.flatmap(lambda s: arrays(np.int16, s, elements=st.integers(0, 9)))


@given(heights, st.data())
def test_it_is_that_of_scikit_image(high: np.ndarray, data: st.DataObject) -> None:
    drawn = arrays(np.int16, high.shape, elements=st.integers(0, 9))
    low = np.minimum(data.draw(drawn), high)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "TILE", 4)
        raised = reconstruct(low, high)

    np.testing.assert_array_equal(raised, reconstruction(low, high))
    assert raised.dtype == np.int16


def test_a_height_finds_its_way_through_a_maze_of_tiles() -> None:
    side = 3 * module.TILE
    high = np.full((side, side), 5, np.int16)
    high[4::8] = 1
    high[4::16, -1] = high[12::16, 0] = 5
    low = np.zeros_like(high)
    low[0, 0] = 5

    raised = reconstruct(low, high)

    np.testing.assert_array_equal(raised, high)
