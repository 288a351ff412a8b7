from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_metaseg.core.axes import as_planes, guess_axes
from napari_metaseg.core.errors import UserError


@given(st.permutations("TZCYX"), st.integers(0, 1))
def test_any_order_of_axes_gives_the_same_planes(
    order: list[str], channel: int
) -> None:
    sizes = {"T": 2, "Z": 3, "C": 2, "Y": 4, "X": 5}
    image = np.arange(240).reshape(2, 3, 2, 4, 5)
    axes = "".join(order)
    turned = image.transpose(["TZCYX".index(a) for a in axes])

    planes = as_planes(turned, axes=axes, channel=channel)

    spatial = axes.replace("C", "")
    assert planes.shape == tuple(sizes[a] for a in spatial)
    times_first = [a for a in spatial if a in "TZ"] == ["T", "Z"]
    plane = image[0, 1, channel] if times_first else image[1, 0, channel]
    np.testing.assert_array_equal(planes.data[1, 0], plane)


@given(st.permutations("TZYX"))
def test_labels_go_to_planes_and_back(order: list[str]) -> None:
    sizes = {"T": 2, "Z": 3, "Y": 4, "X": 5}
    shape = tuple(sizes[a] for a in order)
    labels = np.arange(120, dtype=np.int32).reshape(shape)

    planes = as_planes(np.zeros(shape), axes="".join(order))

    assert planes.split(labels).shape == (6, 4, 5)
    np.testing.assert_array_equal(planes.join(planes.split(labels)), labels)


@pytest.mark.parametrize(
    ("shape", "annotated", "axes"),
    [
        ((30, 40), None, "YX"),
        ((30, 40, 3), None, "YXC"),
        ((30, 40, 3), (30, 40), "YXC"),
        ((3, 30, 40), (30, 40), "CYX"),
        ((7, 30, 40), (7, 30, 40), "TYX"),
        ((7, 2, 30, 40), (7, 30, 40), "TCYX"),
    ],
)
def test_the_annotation_tells_the_channel_axis(
    shape: tuple[int, ...], annotated: tuple[int, ...] | None, axes: str
) -> None:
    assert guess_axes(shape, annotated) == axes


@pytest.mark.parametrize(
    ("image", "arguments", "words"),
    [
        (np.zeros((7, 30, 40)), {}, "say so with axes"),
        (np.zeros((0, 4)), {}, "empty"),
        (np.zeros((4, 4), complex), {}, "complex"),
        (np.full((4, 4), np.nan), {}, "not finite"),
        (np.full((4, 4), np.inf, np.float32), {}, "not finite"),
        (np.zeros((4, 4)), {"axes": "CYX"}, "do not describe"),
        (np.zeros((4, 4)), {"channel": 1}, "a single one"),
        (np.zeros((2, 4, 4)), {"axes": "CYX", "channel": 2}, "no channel 2"),
    ],
)
def test_unusable_images_get_a_sentence(
    image: np.ndarray, arguments: dict[str, object], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        as_planes(image, **arguments)  # type: ignore[arg-type]
