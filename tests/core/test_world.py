from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_metaseg.core import support
from napari_metaseg.core.evidence import MAPS, draw_evidence
from napari_metaseg.core.support import CROP, cut_crops, make_support
from napari_metaseg.core.world import WINDOWS, spread

if TYPE_CHECKING:
    import pytest

SIDES = st.integers(96, 5000)


@given(st.lists(st.tuples(SIDES, SIDES), min_size=1, max_size=20), st.integers(0, 40))
def test_places_lie_within_their_planes(
    shapes: list[tuple[int, int]], number: int
) -> None:
    places = spread(shapes, 96, number)

    assert len(places) == number
    assert places == spread(shapes, 96, number)
    for plane, y, x in places:
        height, width = shapes[plane]
        assert 0 <= y <= height - 96
        assert 0 <= x <= width - 96


@given(SIDES, SIDES)
def test_places_are_spread_over_all_of_a_plane(height: int, width: int) -> None:
    quarters = {
        (2 * y > height - 96, 2 * x > width - 96)
        for _, y, x in spread([(height, width)], 96, 16)
    }

    if min(height, width) > 96:
        assert len(quarters) == 4


def test_every_plane_is_looked_at() -> None:
    assert {plane for plane, _, _ in spread([(96, 96)] * WINDOWS, 96)} == set(
        range(WINDOWS)
    )


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a row of disks, one of them painted, and a bright ground far from them."""
    rng = np.random.default_rng(0)
    image = rng.normal(0, 0.05, (600, 600)).astype(np.float32)
    y, x = np.mgrid[:600, :600]
    for column in range(60, 600, 120):
        image[(y - 60) ** 2 + (x - column) ** 2 <= 144] += 1
    painted = ((y - 60) ** 2 + (x - 300) ** 2 <= 144).astype(np.int32)
    image[200:] += 0.8
    return image, painted, y >= 200


def test_cells_are_told_from_what_lies_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image, annotation, ground = scene()

    def apart() -> float:
        """Return how far the ground is below cells, told from everything."""
        evidence = make_support([(image[None], annotation)]).evidence
        maps = draw_evidence(evidence, torch.from_numpy(image)[None, None])[0].numpy()
        told = maps[[1, 3]].mean(0)
        return float(told[annotation > 0].mean() - told[ground].mean())

    with_world = apart()
    monkeypatch.setattr(support, "spread", lambda *_: [])

    assert with_world > 1.5
    assert apart() < 1, "crops around cells know nothing of the ground"


def test_nothing_is_said_of_the_world() -> None:
    image, annotation, _ = scene()

    crops = cut_crops([(image[None], annotation)])
    made = crops.support()

    assert len(crops.images) == 1 + WINDOWS
    assert len(made.inputs) == 1, "the network looks at painted cells only"
    assert made.inputs.shape[1:] == (MAPS + 2, CROP, CROP)
    world = [maps[1:] for maps in crops.target]
    assert not any(maps.any() for maps in world)
