from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_metaseg.core.decode import decode, drop_small
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.metrics import average_precision
from napari_metaseg.core.plane_output import PlaneOutput
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.core.targets import (
    CUE_REACH,
    dense_target,
    instance_cue,
    sparse_target,
)


def disk(shape: tuple[int, int], y: float, x: float, r: float) -> np.ndarray:
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    return (yy - y) ** 2 + (xx - x) ** 2 < r**2


def test_cue_of_a_disk_is_its_distance_cut_at_the_reach() -> None:
    labels = disk((41, 41), 20, 20, 12).astype(np.int32)
    distance = ndi.distance_transform_edt(labels)

    np.testing.assert_allclose(
        instance_cue(labels), np.minimum(distance / CUE_REACH, 1), rtol=1e-6
    )


def test_cue_falls_to_its_least_where_two_objects_touch() -> None:
    labels = np.zeros((20, 40), np.int32)
    labels[2:18, 2:20], labels[2:18, 20:38] = 1, 2

    cue = instance_cue(labels)

    assert cue[10, 19] == cue[10, 20] == pytest.approx(1 / CUE_REACH)
    assert cue[10, 10] == cue[10, 30] == 1


def test_objects_smaller_than_the_reach_still_reach_one() -> None:
    labels = disk((15, 15), 7, 7, 3).astype(np.int32)

    assert instance_cue(labels).max() == 1


def test_an_object_that_leaves_the_image_goes_on_outside() -> None:
    labels = np.zeros((30, 30), np.int32)
    labels[:12, 5:25] = 1

    assert instance_cue(labels)[0, 15] == 1


def test_an_object_that_fills_the_image_has_no_outline() -> None:
    assert (instance_cue(np.ones((9, 9), np.int32)) == 1).all()


def test_gaps_between_objects_weigh_more() -> None:
    labels = np.zeros((20, 40), np.int32)
    labels[2:18, 2:19], labels[2:18, 21:38] = 1, 2

    weight = dense_target(labels, gap_weight=4).weight

    assert weight[10, 20] == 5
    assert weight[10, 10] == weight[0, 0] == 1


def test_unpainted_pixels_take_no_part_but_for_the_ring() -> None:
    annotation = np.zeros((40, 40), np.int32)
    annotation[10:20, 10:20] = 1
    annotation[10:20, 20:25] = 2
    annotation[30:33, 5:30] = -1

    target = sparse_target(annotation)

    known = target.painted + target.stroke + target.ring
    assert known.max() == 1
    assert (target.painted == (annotation > 0)).all()
    assert (target.stroke == (annotation == -1)).all()
    assert target.ring[9, 15] == 1
    assert target.ring[15, 20] == 0, "a painted neighbour is no ring"
    assert known[5, 5] == known[25, 15] == 0


def test_a_cell_may_count_less_than_another_and_its_ring_with_it() -> None:
    annotation = np.zeros((40, 40), np.int32)
    annotation[5:10, 5:10], annotation[20:35, 20:35], annotation[0, :] = 1, 3, -1
    counts = np.array([1, 0.75, 1, 0.25], np.float32)

    target, alike = sparse_target(annotation, counts), sparse_target(annotation)

    np.testing.assert_array_equal(
        target.painted, np.where(annotation > 0, counts[annotation.clip(0)], 0)
    )
    assert target.ring[4, 7] == 0.75
    assert target.ring[19, 30] == target.ring[35, 35] == 0.25
    assert ((target.ring > 0) == (alike.ring > 0)).all()
    np.testing.assert_array_equal(target.stroke, alike.stroke)
    np.testing.assert_array_equal(target.cue, alike.cue)


@st.composite
def scenes(draw: st.DrawFn) -> np.ndarray:
    """Draw disks, some touching, none hidden."""
    labels = np.zeros((96, 96), np.int32)
    for k in range(1, draw(st.integers(1, 8)) + 1):
        y, x = draw(st.integers(0, 95)), draw(st.integers(0, 95))
        own = disk(labels.shape, y, x, draw(st.integers(8, 16))) & (labels == 0)
        if ndi.label(own)[1] == 1 and own.sum() > 150:
            labels[own] = k
    return labels


@settings(max_examples=40, deadline=None)
@given(scenes())
def test_perfect_targets_decode_to_the_objects(labels: np.ndarray) -> None:
    target = dense_target(labels)

    found = decode(target.foreground, target.cue, DecodeSettings(split=0.3)).labels

    assert ((found > 0) == (labels > 0)).all()
    assert average_precision(labels, found) >= 0.5
    n = len(np.unique(labels)) - 1
    assert len(np.unique(found)) - 1 >= n - 1


def test_split_decides_about_necks() -> None:
    cue = np.zeros((30, 60), np.float32)
    cue[5:25, 5:55] = 0.8
    cue[:, 28:32] *= 0.7
    foreground = (cue > 0).astype(np.float32)

    def count(split: float) -> int:
        found = decode(foreground, cue, DecodeSettings(split=split))
        return int(found.labels.max())

    assert count(0.0) == count(0.2) == 1
    assert count(0.9) == 2


def two_blobs(confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw two touching cells as a network of this confidence might."""
    labels = np.zeros((40, 60), np.int32)
    labels[disk(labels.shape, 20, 20, 11)] = 1
    labels[disk(labels.shape, 20, 39, 11) & (labels == 0)] = 2
    target = dense_target(labels)
    soft = ndi.gaussian_filter(target.foreground, 2)
    return (confidence * soft), confidence * target.cue


@pytest.mark.parametrize("confidence", [0.7, 0.85])
def test_cells_drawn_with_less_confidence_are_cut_and_outlined_alike(
    confidence: float,
) -> None:
    sure = decode(*two_blobs(1.0), DecodeSettings())

    unsure = decode(*two_blobs(confidence), DecodeSettings())

    assert sure.labels.max() == unsure.labels.max() == 2
    assert (sure.labels != unsure.labels).mean() < 0.01
    assert unsure.outline[1:] == pytest.approx(confidence * sure.outline[1:], rel=0.02)


def test_a_cell_that_is_sure_nowhere_is_left_out() -> None:
    foreground, cue = two_blobs(1.0)
    foreground[:, 30:] *= 0.5

    both = decode(foreground, cue, DecodeSettings(threshold=0.4))
    one = decode(foreground, cue, DecodeSettings(threshold=0.6))

    assert both.labels.max() == 2
    assert one.labels.max() == 1
    assert (one.labels[:, 30:] > 0).sum() < 0.1 * (both.labels[:, 30:] > 0).sum()


def test_outlines_follow_the_image_at_its_own_scale_too() -> None:
    foreground, cue = two_blobs(0.8)
    maps = np.stack([foreground, cue]).astype(np.float16)

    small = PlaneOutput(maps, (40, 60), 22.0).instances(DecodeSettings())
    large = PlaneOutput(maps, (120, 180), 22.0).instances(DecodeSettings())

    assert (large > 0).mean() == pytest.approx((small > 0).mean(), rel=0.03)


def test_nothing_above_the_threshold_gives_nothing() -> None:
    empty = np.full((20, 20), 0.3, np.float32)

    assert not decode(empty, empty, DecodeSettings()).labels.any()
    assert decode(empty, empty, DecodeSettings(threshold=0.2)).labels.any()


@given(st.lists(st.integers(0, 6), min_size=12, max_size=12), st.integers(0, 5))
def test_drop_small_keeps_exactly_the_large(flat: list[int], least: int) -> None:
    labels = np.pad(np.array(flat, np.int32).reshape(3, 4), 1)

    kept, old = drop_small(labels, least)

    expected = np.isin(
        labels, [k for k in range(1, 7) if (labels == k).sum() >= max(least, 1)]
    )
    assert ((kept > 0) == expected).all()
    assert set(np.unique(kept)) - {0} == set(range(1, int(kept.max()) + 1))
    assert (old[kept] == np.where(expected, labels, 0)).all()


def test_a_cell_cut_off_by_the_edge_may_be_smaller() -> None:
    labels = np.zeros((30, 30), np.int32)
    labels[0:3, 10:15], labels[10:13, 10:15], labels[29, 29] = 1, 2, 3

    _, old = drop_small(labels, 40)

    assert old.tolist() == [0, 1]


@pytest.mark.parametrize(
    "wrong", [{"threshold": 0}, {"threshold": 1}, {"split": 2}, {"min_size": -1}]
)
def test_settings_out_of_range_get_a_sentence(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError, match="choose"):
        DecodeSettings(**wrong)  # type: ignore[arg-type]
