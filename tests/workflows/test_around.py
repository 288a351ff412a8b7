"""Of a large plane, painted cells are judged by what is around them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_metaseg.core.plane_output import PlaneOutput
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.core.targets import dense_target
from napari_metaseg.core.windows import whole
from napari_metaseg.workflows import around
from napari_metaseg.workflows.around import judged_in
from napari_metaseg.workflows.verdict import own_iou

SHAPE = 300, 320
SIDE = 20
"""Of each cell, px."""

CORNERS = [(30, 30), (42, 52), (250, 260)]
MASKS = np.zeros(SHAPE, np.int32)
for number, (row, column) in enumerate(CORNERS, start=1):
    MASKS[row : row + SIDE, column : column + SIDE] = number
PAINTED = np.where(MASKS == 2, 0, MASKS)
ONE = DecodeSettings(min_size=0.0, region=True)


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let planes of this size count as large."""
    monkeypatch.setattr(around, "AT_ONCE", SHAPE[0] * SHAPE[1] - 1)


def drawn(masks: np.ndarray) -> PlaneOutput:
    target = dense_target(masks)
    maps = np.stack([target.foreground, target.cue]).astype(np.float16)
    return PlaneOutput(maps, SHAPE, diameter=SIDE)


def test_cells_far_from_each_other_are_looked_at_one_by_one() -> None:
    one, other = judged_in([PAINTED], SHAPE, SIDE)

    assert one == (slice(0, 130), slice(0, 130))
    assert other == (slice(170, 300), slice(180, 320))


def test_cells_that_are_held_out_are_looked_at_as_well() -> None:
    between = np.zeros_like(MASKS)
    between[140:150, 150:160] = 9

    (one,) = judged_in([PAINTED, between], SHAPE, SIDE)

    assert one == whole(SHAPE)
    assert len(judged_in([PAINTED, np.zeros_like(MASKS)], SHAPE, SIDE)) == 2


def test_a_small_plane_is_looked_at_as_a_whole() -> None:
    smaller = np.zeros((SHAPE[0], SHAPE[1] - 1), np.int32)

    assert judged_in([smaller], smaller.shape, SIDE) == [whole(smaller.shape)]
    assert judged_in([np.zeros_like(MASKS)], SHAPE, SIDE) == []


@pytest.mark.parametrize("shift", [0, 3, 9])
def test_cells_are_scored_as_in_the_whole(
    shift: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = drawn(np.roll(MASKS, shift, 0))
    score = own_iou([output], [PAINTED])

    monkeypatch.setattr(around, "AT_ONCE", SHAPE[0] * SHAPE[1])

    assert score == pytest.approx(own_iou([output], [PAINTED]), abs=1e-9)
    assert score == pytest.approx((SIDE - shift) / (SIDE + shift), abs=0.02)


def test_a_region_is_scored_only_where_some_of_it_is_painted() -> None:
    """Before adapting, the rest of a large plane is not yet drawn."""
    first = np.where(MASKS == 1, MASKS, 0)

    there = own_iou([drawn(first)], [first], rules=ONE)
    more = own_iou([drawn(np.where(MASKS == 2, 0, MASKS))], [first], rules=ONE)

    assert there == more == pytest.approx(1, abs=0.03)
