from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_metaseg.core.evidence import IN_CHANNELS, draw_evidence
from napari_metaseg.core.support import (
    CROP,
    MARGIN,
    MAX_CROPS,
    USUAL_AREA,
    crop_corners,
    cut_crops,
    make_support,
    pad_to,
    weigh_cells,
)

Box = tuple[int, int, int, int, int]
BOXES = st.lists(
    st.tuples(
        st.integers(0, 250),
        st.integers(0, 250),
        st.integers(1, 180),
        st.integers(1, 180),
        st.sampled_from([-1, 1, 2, 3]),
    ),
    min_size=1,
    max_size=6,
)


def drawn(boxes: list[Box], shape: tuple[int, int]) -> np.ndarray:
    annotation = np.zeros(shape, np.int32)
    for y, x, height, width, k in boxes:
        annotation[y % shape[0] :, x % shape[1] :][:height, :width] = k
    return annotation


@settings(max_examples=50)
@given(BOXES, st.integers(CROP, 260), st.integers(CROP, 260))
def test_every_annotated_pixel_lies_in_a_crop_with_context(
    boxes: list[Box], height: int, width: int
) -> None:
    annotation = drawn(boxes, (height, width))

    corners = crop_corners(annotation)

    covered = np.zeros(annotation.shape, bool)
    for y, x in corners:
        assert 0 <= y <= height - CROP
        assert 0 <= x <= width - CROP
        covered[y : y + CROP, x : x + CROP] = True
    assert covered[annotation != 0].all()


def test_a_cell_has_its_margin_on_all_sides() -> None:
    annotation = np.zeros((300, 300), np.int32)
    annotation[100 : 100 + CROP - 2 * MARGIN, 130:150] = 1

    ((y, x),) = crop_corners(annotation)

    assert y <= 100 - MARGIN
    assert y + CROP >= 100 + CROP - 2 * MARGIN + MARGIN
    assert x <= 130 - MARGIN
    assert x + CROP >= 150 + MARGIN


def test_the_crops_hold_what_the_image_holds() -> None:
    image = np.random.default_rng(0).random((1, 200, 152), np.float32)
    annotation = drawn([(20, 20, 15, 15, 1), (150, 100, 20, 20, 2)], (200, 152))

    support = make_support([(image, annotation)])

    assert support.inputs.shape == (2, IN_CHANNELS, CROP, CROP)
    for crop, target in zip(support.inputs[:, :1], support.target.painted, strict=True):
        # Found again by its first pixel, whose value occurs once.
        ((_, y, x),) = np.argwhere(image == crop[0, 0, 0].item())
        window = slice(y, y + CROP), slice(x, x + CROP)
        assert torch.equal(crop, torch.from_numpy(image[(slice(None), *window)]))
        np.testing.assert_array_equal(target.numpy() == 1, annotation[window] > 0)


def test_unpainted_means_unknown_and_a_stroke_is_background() -> None:
    annotation = drawn([(40, 40, 12, 12, 1), (70, 40, 3, 20, -1)], (96, 96))

    target = make_support([(np.zeros((1, 96, 96), np.float32), annotation)]).target

    painted, stroke, ring = (m.amax(0).numpy() for m in target[:3])
    np.testing.assert_array_equal(painted == 1, annotation == 1)
    np.testing.assert_array_equal(stroke == 1, annotation == -1)
    assert ring[39, 45] == 1
    known = painted + stroke + ring
    assert not known[annotation == 0].sum() > 4 * 12 + 8
    assert not known[:30].any()


def test_two_images_give_crops_of_both() -> None:
    one = np.zeros((1, 100, 100), np.float32), drawn([(5, 5, 9, 9, 1)], (100, 100))
    two = np.ones((1, 120, 110), np.float32), drawn([(60, 60, 9, 9, 1)], (120, 110))

    support = make_support([one, two])

    assert support.inputs[:, 0].mean((1, 2)).tolist() == [0, 1]


def test_a_crop_that_cuts_a_cell_knows_of_the_rest() -> None:
    annotation = drawn([(20, 20, 20, 250, 1)], (96, 300))

    target = make_support([(np.zeros((1, 96, 300), np.float32), annotation)]).target

    assert len(target.painted) > 1
    # Where the crop ends the cell does not: no cue falls off there.
    assert target.cue[0, 30, -1] == 1


@given(height=st.integers(4, 200), width=st.integers(4, 200))
def test_a_cell_counts_at_most_as_much_as_a_usual_one(height: int, width: int) -> None:
    annotation = drawn([(20, 20, height, width, 1)], (240, 240))

    counts = weigh_cells(annotation)

    mass = counts[annotation[annotation > 0]].sum(dtype=float)
    assert mass == pytest.approx(min(height * width, USUAL_AREA), rel=1e-4)


def test_giants_do_not_outweigh_usual_cells() -> None:
    """A giant beside a usual cell, in crops that cut the giant."""
    annotation = drawn([(10, 10, 20, 20, 1), (40, 60, 190, 170, 2)], (240, 240))

    target = make_support([(np.zeros((1, 240, 240), np.float32), annotation)]).target

    assert len(target.painted) > 2
    assert target.painted[0].max() == 1
    giant = (target.painted > 0) & (target.painted < 1)
    assert giant.sum() > 50 * 400
    assert 0 < target.painted[giant].sum() < 2 * USUAL_AREA


def test_an_image_smaller_than_a_crop_is_padded_with_the_unknown() -> None:
    image = np.random.default_rng(0).random((1, 20, 30), np.float32)
    annotation = drawn([(5, 5, 8, 8, 1)], (20, 30))

    support = make_support([(image, annotation)])

    assert support.inputs.shape == (1, IN_CHANNELS, CROP, CROP)
    assert torch.equal(support.inputs[0, :1, :20, :30], torch.from_numpy(image))
    assert not any(m[0, 20:].any() or m[0, :, 30:].any() for m in support.target)


def test_very_many_cells_leave_memory_bounded() -> None:
    planes = []
    for n in range(2 * MAX_CROPS):
        image = np.full((1, CROP, CROP), n, np.float32)
        planes.append((image, drawn([(40, 40, 10, 10, 1)], (CROP, CROP))))

    support = make_support(planes)

    chosen = support.inputs[:, 0, 0, 0]
    assert len(chosen) == MAX_CROPS
    assert all(len(m) == MAX_CROPS for m in support.target)
    assert (chosen[0], chosen[-1]) == (0, 2 * MAX_CROPS - 1)
    assert chosen.diff().max() <= 3, "an even choice"


@given(st.integers(1, 50), st.integers(1, 50), st.sampled_from([8, 16, 40]))
def test_padding_reaches_the_next_multiple(height: int, width: int, least: int) -> None:
    array = np.ones((2, height, width), np.int32)

    padded = pad_to(array, least, 8, "constant")

    for new, old in zip(padded.shape[1:], (height, width), strict=True):
        assert new % 8 == 0
        assert new >= least
        assert new < max(old + 8, least + 1)
    assert padded.sum() == array.sum()


@pytest.mark.parametrize("mode", ["edge", "constant"])
def test_padding_goes_on_as_asked(mode: str) -> None:
    padded = pad_to(np.full((3, 3), 5), 8, 8, mode)  # type: ignore[arg-type]

    assert padded[-1, -1] == (5 if mode == "edge" else 0)


def test_the_filters_see_beyond_the_edge_of_a_crop() -> None:
    image = np.random.default_rng(0).random((2, 300, 300), np.float32)
    annotation = drawn([(140, 140, 20, 20, 1)], (300, 300))

    support = make_support([(image, annotation)])

    # The only crop is judged by its own fit, as there is no other.
    ((_, y, x),) = np.argwhere(image.mean(0)[None] == support.inputs[0, 0, 0, 0].item())
    whole = draw_evidence(support.evidence, torch.from_numpy(image)[None])[0]
    expected = whole[:, y : y + CROP, x : x + CROP]
    torch.testing.assert_close(support.inputs[0, 1:-1], expected, atol=1e-3, rtol=1e-3)


def test_a_stroke_far_from_cells_serves_the_evidence_alone() -> None:
    image = np.random.default_rng(0).random((1, 300, 300), np.float32)
    annotation = drawn([(140, 140, 20, 20, 1)], (300, 300))
    rejected = annotation.copy()
    rejected[10:30, 10:30] = -1

    one, two = (make_support([(image, a)]) for a in (annotation, rejected))

    assert torch.equal(two.inputs[:, 0], one.inputs[:, 0])
    assert all(map(torch.equal, two.target, one.target))
    assert not torch.equal(two.evidence.weights, one.evidence.weights)


def test_an_object_rejected_beside_a_cell_serves_the_evidence_alone() -> None:
    """It comes before the cell in the order of pixels, and moves no crop."""
    image = np.random.default_rng(0).random((1, 300, 300), np.float32)
    annotation = drawn([(140, 140, 20, 20, 1)], (300, 300))
    rejected, struck = annotation.copy(), annotation.copy()
    rejected[110:130, 140:160] = -1
    struck[120:123, 140:160] = -1

    one, two, three = (
        make_support([(image, a)]) for a in (annotation, rejected, struck)
    )

    assert torch.equal(two.inputs[:, 0], one.inputs[:, 0])
    assert all(map(torch.equal, two.target, one.target))
    assert not torch.equal(two.evidence.weights, one.evidence.weights)
    assert three.target.stroke.sum() == np.count_nonzero(struck < 0)


def test_no_crop_holds_a_cell_and_a_rejected_object() -> None:
    """So that the object counts in the evidence as little as one that lies far away."""
    image = np.zeros((1, 300, 300), np.float32)
    annotation = drawn([(140, 140, 20, 20, 1), (130, 165, 20, 20, -1)], (300, 300))

    target = cut_crops([(image, annotation)]).target

    painted, struck = (t.flatten(1).any(1) for t in (target.painted, target.stroke))
    assert painted.any()
    assert struck.any()
    assert not (painted & struck).any()


def test_rejections_do_not_crowd_out_cells() -> None:
    """Each plane holds a cell, or something that was rejected."""
    planes = []
    for n in range(2 * MAX_CROPS):
        kind = 1 if n % 8 == 0 else -1
        image = np.full((1, CROP, CROP), n, np.float32)
        planes.append((image, drawn([(40, 40, 10, 10, kind)], (CROP, CROP))))

    support = make_support(planes)

    assert support.inputs[:, 0, 0, 0].tolist() == list(range(0, 2 * MAX_CROPS, 8))


def test_cells_of_one_crop_can_be_left_out_one_by_one() -> None:
    image = np.random.default_rng(0).random((1, 200, 300), dtype=np.float32)
    annotation = drawn(
        [(60, 60, 12, 12, 3), (60, 72, 12, 10, 5), (80, 60, 9, 9, 7)], (200, 300)
    )
    annotation[70:73, 90:100] = -1
    annotation[150:153, 250:260] = -1
    crops = cut_crops([(image, annotation)])

    apart = crops.apart()

    assert len(crops.images) == 2, "one with all cells, one with the far stroke"
    assert [c.unique().tolist() for c in apart.cells] == [[0, 3], [0, 5], [0, 7], [0]]
    together = apart.target.painted[:3].sum(0)
    assert torch.equal(together, crops.target.painted[0])
    assert torch.equal(
        (apart.target.cue[:3] * apart.target.painted[:3]).sum(0),
        together * crops.target.cue[0],
    )
    first, touching = apart.target.ring[0], apart.target.painted[1]
    assert (first * touching).any(), "a neighbour that is unknown ends a cell"
    assert not (apart.target.ring[:3] * apart.target.painted[:3]).any()
    for stroke in apart.target.stroke[:3]:
        assert torch.equal(stroke, crops.target.stroke[0])
    assert torch.equal(apart.images[:3], crops.images[[0, 0, 0]])
    assert torch.equal(apart.target.stroke[3], crops.target.stroke[1])


@pytest.mark.parametrize(
    "boxes",
    [[(60, 60, 12, 12, 1)], [(20, 20, 12, 12, 1), (150, 250, 12, 12, 2)]],
    ids=["one cell", "cells in two crops"],
)
def test_crops_stay_as_they_are_where_each_can_be_left_out(boxes: list[Box]) -> None:
    image = np.random.default_rng(0).random((1, 200, 300), dtype=np.float32)

    crops = cut_crops([(image, drawn(boxes, (200, 300)))])

    assert crops.apart() is crops
