"""Only the planes and the part of them that are asked for are segmented."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_metaseg.core import tiles
from napari_metaseg.core.axes import as_planes
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.scaling import resize_image
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.workflows import drawing
from napari_metaseg.workflows.adapt import adapt_steps
from napari_metaseg.workflows.adapted import View
from napari_metaseg.workflows.support import check_views

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


def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw tiles of 32 px, and little around what is wanted."""

    monkeypatch.setattr(drawing, "TILE", 32)
    monkeypatch.setattr(tiles, "MARGIN", 8)


def test_what_is_not_in_the_part_stays_blank(
    scene: Scene, painted: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wanted or painted is drawn as it is when everything is."""
    small_tiles(monkeypatch)
    corner = np.where(painted == painted.max(), painted, 0)
    part = (0, 30, 0, 40)

    def drawn(part: tuple[int, int, int, int] | None) -> np.ndarray:
        steps = adapt_steps(
            scene.image, corner, device="cpu", previews=False, part=part
        )
        (output,) = exhaust(steps).drawn()
        return resize_image(output.maps.astype(np.float32), scene.masks.shape)

    every, some = drawn(None), drawn(part)

    left_out = (some == 0).all(0)
    assert 0.2 < left_out.mean() < 0.95
    np.testing.assert_array_equal(some[:, :30, :40], every[:, :30, :40])
    np.testing.assert_array_equal(some[:, corner > 0], every[:, corner > 0])
    assert not left_out[:30, :40].any()
    assert not left_out[corner > 0].any()


def test_other_images_are_segmented_as_a_whole(
    scene: Scene, painted: np.ndarray, small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_tiles(monkeypatch)
    other = scene.image[::-1]
    steps = adapt_steps(
        [scene.image, other],
        [painted, np.zeros_like(painted)],
        init=small,
        device="cpu",
        previews=False,
        part=(0, 10, 0, 10),
    )
    model = exhaust(steps)

    found = model.found(model.segmenter.settings, index=1)
    np.testing.assert_array_equal(found, model.segment(other))
    assert found.any()


@pytest.mark.parametrize("side", [60, 61])
def test_cells_cut_off_are_told_on_images_of_several_sizes(side: int) -> None:
    """Also at the edge of an image that is smaller than another one."""
    slivers, whole = np.zeros((60, 60), np.int32), np.zeros((side, side), np.int32)
    for k in range(4):
        slivers[57:, 2 + 14 * k : 10 + 14 * k] = 1 + k
        whole[20:32, 1 + 14 * k : 13 + 14 * k] = 5 + k

    alone, both = (
        check_views([View(as_planes(np.zeros(p.shape)), p) for p in painted])
        for painted in ([whole], [slivers, whole])
    )

    assert both.diameter == alone.diameter
    assert both.n_cells == 8
