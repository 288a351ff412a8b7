"""How large a pixel is, and where an image lies."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_metaseg.gui.world import pixel_size, same_place


@pytest.mark.parametrize(
    ("scale", "units", "size"),
    [
        ((0.5, 0.25), "um", (0.5, 0.25)),
        ((250, 500), "nm", (0.25, 0.5)),
        ((1, 1), "pixel", None),
    ],
)
def test_pixel_size_in_micrometres(
    scale: tuple[float, float], units: str, size: tuple[float, float] | None
) -> None:
    layer = Image(np.zeros((8, 8)), scale=scale, units=units)

    assert pixel_size(layer) == (None if size is None else pytest.approx(size))


@pytest.mark.parametrize("kept", [(0, 1, 2), (1, 2)])
@pytest.mark.parametrize(
    "where",
    [
        {"scale": (3, 0.5, 0.25), "translate": (1, 2, 3), "units": "um"},
        {"rotate": 30, "shear": (0, 0, 0.2)},
        {"shear": [[1, 0, 0], [0, 1, 0], [0, 0.3, 1]]},
        {"affine": [[1, 0, 0, 0], [0, 0.9, 0.2, 5], [0, -0.2, 0.9, 3], [0, 0, 0, 1]]},
    ],
)
def test_the_same_place_puts_pixels_on_pixels(
    where: dict[str, object], kept: tuple[int, ...]
) -> None:
    image = Image(np.zeros((4, 20, 20)), axis_labels=("z", "y", "x"), **where)
    point = (2.0, 5.0, 11.0)

    over = Labels(
        np.zeros([image.data.shape[i] for i in kept], np.int32),
        **same_place(image, kept),
    )

    expected = [image.data_to_world(point)[i] for i in kept]
    found = over.data_to_world([point[i] for i in kept])
    np.testing.assert_allclose(found, expected)
    assert over.units == tuple(image.units[i] for i in kept)
    assert over.axis_labels == tuple(image.axis_labels[i] for i in kept)
