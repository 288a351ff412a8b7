from __future__ import annotations

import numpy as np
import pytest

from napari_metaseg.core.rejected import rejected_objects


def disk(radius: float) -> np.ndarray:
    y, x = np.mgrid[:120, :120]
    return (y - 60) ** 2 + (x - 60) ** 2 <= radius**2


@pytest.mark.parametrize("radius", [6, 12, 18])
def test_a_struck_object_is_rejected_from_edge_to_edge(radius: float) -> None:
    annotation = np.where(disk(radius), -1, 0)

    np.testing.assert_array_equal(rejected_objects(annotation), disk(radius))


@pytest.mark.parametrize("width", [1, 3, 7])
def test_a_stroke_of_the_brush_is_no_rejected_object(width: int) -> None:
    annotation = np.zeros((120, 120), np.int32)
    annotation[60 : 60 + width, 20:100] = -1

    assert not rejected_objects(annotation).any()


def test_a_finished_region_is_no_rejected_object() -> None:
    annotation = np.zeros((120, 120), np.int32)
    annotation[20:100, 20:100] = -1
    annotation[disk(12)] = 1

    assert not rejected_objects(annotation).any()


def test_each_piece_is_judged_by_itself_and_cells_are_none() -> None:
    annotation = np.where(disk(8), -1, 0)
    annotation[5:8, 5:115] = -1
    annotation[90:115, 90:115] = 1

    np.testing.assert_array_equal(rejected_objects(annotation), disk(8))
