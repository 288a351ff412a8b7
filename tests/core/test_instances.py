from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_metaseg.core.instances import (
    keep_numbers,
    off_the_border,
    respect_annotation,
)
from napari_metaseg.core.plane_output import PlaneOutput
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.core.targets import dense_target

labels = arrays(np.int32, (8, 9), elements=st.integers(0, 5))
annotations = arrays(np.int32, (8, 9), elements=st.integers(-1, 3))


@given(labels, annotations)
def test_painted_cells_are_verbatim_and_strokes_free(
    found: np.ndarray, annotation: np.ndarray
) -> None:
    merged = respect_annotation(found, annotation)

    for k in np.unique(annotation[annotation > 0]):
        assert ((merged == k) == (annotation == k)).all()
    assert not merged[annotation == -1].any()
    assert not (merged > 0)[(found == 0) & (annotation == 0)].any()


@given(labels, labels, annotations)
def test_keeping_numbers_changes_no_instance(
    new: np.ndarray, old: np.ndarray, annotation: np.ndarray
) -> None:
    merged = respect_annotation(new, annotation)

    kept = keep_numbers(merged, old, annotation)

    pairs = {(int(a), int(b)) for a, b in zip(merged.flat, kept.flat, strict=True)}
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    assert (kept[annotation > 0] == merged[annotation > 0]).all()


@given(labels)
def test_the_same_instances_keep_all_their_numbers(old: np.ndarray) -> None:
    nothing = np.zeros_like(old)
    shuffled = np.where(old > 0, (old * 3) % 7, 0).astype(np.int32)

    np.testing.assert_array_equal(keep_numbers(shuffled, old, nothing), old)


def output(labels: np.ndarray, shape: tuple[int, int]) -> PlaneOutput:
    target = dense_target(labels)
    maps = np.stack([target.foreground, target.cue]).astype(np.float16)
    return PlaneOutput(maps, shape, diameter=12.0)


def squares() -> np.ndarray:
    drawn = np.zeros((60, 60), np.int32)
    drawn[5:17, 5:17], drawn[30:42, 30:42], drawn[50:54, 5:9] = 1, 2, 3
    drawn[40:52, 48:60] = 4
    return drawn


def test_rules_act_on_stored_output() -> None:
    stored = output(squares(), (60, 60))

    def count(**rules: float) -> int:
        found = stored.instances(DecodeSettings(**rules))  # type: ignore[arg-type]
        return len(np.unique(found)) - 1

    assert count(min_size=0) == 4
    assert count(min_size=0.5) == 3
    assert count(min_size=0.5, clear_border=True) == 2


def test_instances_come_back_at_image_scale() -> None:
    drawn = squares()
    for factor in (2, 0.5):
        shape = (int(60 * factor), int(60 * factor))
        found = output(drawn, shape).instances(DecodeSettings(min_size=0.5))
        assert found.shape == shape
        areas = np.bincount(found.ravel())[1:]
        np.testing.assert_allclose(areas, 144 * factor**2, rtol=0.2)


@pytest.mark.parametrize("factor", [1, 1.3, 2, 0.7])
def test_instances_of_a_part_are_those_of_the_whole(factor: float) -> None:
    side = int(60 * factor)
    stored, rules = output(squares(), (side, side)), DecodeSettings(min_size=0)
    part = slice(0, int(46 * factor)), slice(int(2 * factor), int(47 * factor))

    found = stored.instances(rules, part) > 0

    np.testing.assert_array_equal(found, stored.instances(rules)[part] > 0)
    blank = PlaneOutput.blank((60, 60), (side, side), 12.0)
    assert blank.instances(rules, part).shape == found.shape


def test_the_most_alike_of_several_keeps_the_number() -> None:
    old = np.zeros((4, 12), np.int32)
    old[:, :8] = 5
    new = np.zeros_like(old)
    new[:, :3], new[:, 3:9] = 1, 2

    kept = keep_numbers(new, old, np.zeros_like(old))

    assert set(np.unique(kept[:, 3:9])) == {5}
    assert set(np.unique(kept[:, :3])) == {6}


def test_a_speck_of_a_cell_at_the_border_goes_with_it() -> None:
    """An outline at image scale may cut a speck off, which is no cell."""
    labels = np.zeros((20, 20), np.int32)
    labels[0:6, 4:10], labels[7, 5] = 3, 3
    labels[10:15, 10:15] = 4

    left = off_the_border(labels)

    np.testing.assert_array_equal(left, np.where(labels == 4, 4, 0))


def disc(radius: int, shape: tuple[int, int] = (40, 40)) -> np.ndarray:
    y, x = np.ogrid[: shape[0], : shape[1]]
    inside = (y - shape[0] // 2) ** 2 + (x - shape[1] // 2) ** 2 <= radius**2
    return inside.astype(np.int32)


def test_a_stroke_through_the_middle_leaves_no_ring() -> None:
    found = disc(12)
    struck = np.zeros_like(found)
    struck[19:22, 14:27] = -1

    assert not respect_annotation(found, struck).any()


def test_a_stroke_along_the_edge_trims() -> None:
    found = disc(12)
    struck = np.zeros_like(found)
    struck[:, 26:30] = -1

    trimmed = respect_annotation(found, struck)

    np.testing.assert_array_equal(trimmed > 0, (found > 0) & (struck == 0))


def test_a_stroke_between_two_that_are_one_keeps_both() -> None:
    found = np.zeros((30, 60), np.int32)
    found[5:25, 5:55] = 1
    struck = np.zeros_like(found)
    struck[5:25, 29:31] = -1

    parted = respect_annotation(found, struck)

    np.testing.assert_array_equal(parted > 0, (found > 0) & (struck == 0))
    (left,), (right,) = np.unique(parted[5:25, 5:29]), np.unique(parted[5:25, 31:55])
    assert left != right
    # So is the thin end of a long cell.
    found[5:10, 31:55] = found[20:25, 31:55] = 0
    (left,), (right,) = (
        np.unique(respect_annotation(found, struck)[10:20, part])
        for part in (slice(5, 29), slice(31, 55))
    )
    assert left != right
    # The edge that a stroke cuts off is no cell.
    found[5:25, 5:55] = 1
    struck[:] = 0
    struck[7, 5:55] = -1
    assert len(np.unique(respect_annotation(found, struck))) == 2


def test_a_struck_instance_leaves_its_neighbour_as_it_is() -> None:
    found = np.hstack([disc(12), 2 * disc(9)]).astype(np.int32)
    struck = np.zeros_like(found)
    struck[20, 8:33] = -1

    left = respect_annotation(found, struck)

    np.testing.assert_array_equal(left > 0, found == 2)
