"""One line about the cells of an image."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.measure import regionprops

from napari_metaseg.io.images import ImageFile
from napari_metaseg.workflows.summary import summarise

LABELS = np.zeros((2, 12, 14), np.int32)
LABELS[0, 1:5, 2:6] = 3
LABELS[0, 6:11, 3:12] = 900_000
LABELS[1, 2:4, 2:4] = 3
IMAGE = np.random.default_rng(0).integers(0, 999, (2, 3, 12, 14)).astype(np.uint16)


def test_numbers_are_those_of_an_independent_library() -> None:
    found = summarise(LABELS, ImageFile(IMAGE, "TCYX", (0.5, 0.2)))

    cells = [
        region
        for plane, picture in zip(LABELS, IMAGE, strict=True)
        for region in regionprops(plane, np.moveaxis(picture, 0, -1))
    ]
    area = np.mean([cell.area for cell in cells])
    means = np.mean([cell.intensity_mean for cell in cells], axis=0)
    assert found == pytest.approx(
        {
            "cells": 3,
            "covered": np.mean(LABELS > 0),
            "area_px2": area,
            "area_um2": area * 0.1,
            "intensity_c0": means[0],
            "intensity_c1": means[1],
            "intensity_c2": means[2],
        }
    )


def test_an_empty_image_has_no_cells_and_no_means() -> None:
    image = ImageFile(IMAGE[0, 0], "YX", None)

    assert summarise(LABELS[0] * 0, image) == {"cells": 0, "covered": 0.0}


def test_a_single_channel_needs_no_number() -> None:
    found = summarise(LABELS[0], ImageFile(IMAGE[0, 0], "YX", None))

    assert set(found) == {"cells", "covered", "area_px2", "intensity"}


def test_means_that_are_no_numbers_are_left_out() -> None:
    bright = np.full(LABELS[0].shape, 1.7e308)

    with np.errstate(over="ignore"):
        found = summarise(LABELS[0], ImageFile(bright, "YX", None))

    assert set(found) == {"cells", "covered", "area_px2"}
