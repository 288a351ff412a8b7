from __future__ import annotations

import numpy as np
import pytest

from napari_metaseg.core.confidence import (
    Place,
    confidences,
    suggest_place,
    uncertainty,
)
from napari_metaseg.core.plane_output import PlaneOutput


def output(foreground: np.ndarray, shape: tuple[int, int] | None = None) -> PlaneOutput:
    maps = np.stack([foreground, foreground]).astype(np.float16)
    return PlaneOutput(maps, shape or foreground.shape, 8.0)


def blocks(*heights: float, side: int = 8, gap: int = 24) -> np.ndarray:
    """Draw squares in a row, each of one probability, with wide gaps between."""
    field = np.zeros((gap + side, len(heights) * (gap + side)))
    for i, height in enumerate(heights):
        left = gap // 2 + i * (gap + side)
        field[gap // 2 : gap // 2 + side, left : left + side] = height
    return field


def test_uncertainty_is_the_entropy_in_bits() -> None:
    p = np.array([0, 1, 0.5, 0.25, 0.11])
    bits = [0, 0, 1, 2 - 0.75 * np.log2(3), 0.499916]

    np.testing.assert_allclose(uncertainty(p), bits, atol=1e-6)
    np.testing.assert_allclose(uncertainty(1 - p), bits, atol=1e-6)
    assert uncertainty(p).dtype == np.float32


def test_confidence_is_the_mean_probability_of_a_cells_pixels() -> None:
    field = np.zeros((8, 8))
    field[1:3, 1:3] = 0.75
    field[5:7, 5:7] = [[1, 1], [0.5, 0.5]]
    labels = np.zeros((8, 8), np.int32)
    labels[1:3, 1:3], labels[5:7, 4:8] = 1, 3

    np.testing.assert_allclose(
        confidences(output(field), labels), [0, 0.75, 0, 3 / 8], atol=1e-3
    )


@pytest.mark.parametrize("factor", [2, 3])
def test_confidence_does_not_depend_on_the_image_scale(factor: int) -> None:
    field = blocks(0.9, 0.6)
    labels = (field > 0) * np.where(np.arange(field.shape[1]) < 32, 1, 2)
    large = np.kron(labels, np.ones((factor, factor), int))

    known = confidences(output(field), labels)
    np.testing.assert_allclose(known, [0, 0.9, 0.6], atol=1e-3)
    np.testing.assert_allclose(confidences(output(field, large.shape), large), known)


def test_nothing_found_and_a_speck_have_no_confidence() -> None:
    field = np.ones((4, 4))
    speck = np.zeros((40, 40), np.int32)
    speck[0, 0] = 1

    assert confidences(output(field), np.zeros((4, 4), np.int32)).tolist() == [0]
    assert confidences(output(field, (40, 40)), speck).tolist() == [0, 0]


def test_the_place_is_on_the_object_that_is_least_decided() -> None:
    field = blocks(0.95, 0.5, 0.05)

    place = suggest_place([output(field)], [np.zeros(field.shape, np.int32)])

    assert place is not None
    assert place.plane == 0
    assert field[place.y, place.x] == 0.5


def test_what_is_annotated_is_known() -> None:
    field = blocks(0.95, 0.5, 0.7)
    for mark in (1, -1):
        annotation = np.where(field == 0.5, mark, 0).astype(np.int32)

        place = suggest_place([output(field)], [annotation])

        assert place is not None
        assert field[place.y, place.x] == 0.7
    everything = np.ones(field.shape, np.int32)
    assert suggest_place([output(field)], [everything]) is None


def test_a_single_pixel_weighs_less_than_an_object() -> None:
    field = blocks(0.7, 0)
    field[16, 48] = 0.5

    place = suggest_place([output(field)], [np.zeros(field.shape, np.int32)])

    assert place is not None
    assert field[place.y, place.x] == 0.7


def test_of_planes_the_least_known_one_and_at_image_scale() -> None:
    sure, unsure = blocks(0.95, 0.9), blocks(0.9, 0.6)
    shape = 2 * sure.shape[0], 2 * sure.shape[1]
    nothing = np.zeros(shape, np.int32)

    place = suggest_place([output(sure, shape), output(unsure, shape)], [nothing] * 2)

    assert isinstance(place, Place)
    assert place.plane == 1
    assert unsure[place.y // 2, place.x // 2] == 0.6
