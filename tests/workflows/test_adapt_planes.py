"""Of a stack, only the planes that are asked for are segmented."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.workflows.adapt import adapt_steps

if TYPE_CHECKING:
    from napari_metaseg.data.synthetic import Scene


def test_planes_that_are_not_asked_for_stay_blank(
    scene: Scene, painted: np.ndarray
) -> None:
    """The planes drawn are as they are when all are."""
    stack = np.stack([scene.image, scene.image[::-1], scene.image[:, ::-1]])
    drawn = np.zeros(stack.shape, np.int32)
    drawn[0] = painted

    def found(planes: tuple[int, ...] | None) -> tuple[np.ndarray, list[bool]]:
        model = exhaust(
            adapt_steps(
                stack, drawn, axes="TYX", device="cpu", previews=False, planes=planes
            )
        )
        return model.found(DecodeSettings()), [o.drawn for o in model.drawn()]

    every, all_drawn = found(None)
    some, some_drawn = found((2,))

    assert all_drawn == [True] * 3
    assert some_drawn == [True, False, True]  # painted, left out, asked for
    np.testing.assert_array_equal(some[[0, 2]], every[[0, 2]])
    assert every[1].any()
    assert not some[1].any()
