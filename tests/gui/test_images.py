"""Which axes are channels, and what is segmented."""

from __future__ import annotations

import numpy as np
from napari.layers import Image

from napari_metaseg.gui.images import (
    annotation_shape,
    pixels,
    readings,
    why_not_whole,
)


def axes_of(layer: Image) -> list[tuple[str, int | None]]:
    return [(reading.axes, reading.channel) for reading in readings(layer)]


def test_a_plain_image_has_one_reading() -> None:
    assert axes_of(Image(np.zeros((30, 40)))) == [("YX", None)]


def test_colours_together_or_one_of_them() -> None:
    layer = Image(np.zeros((30, 40, 3), np.uint8), rgb=True)

    assert axes_of(layer) == [("YXC", None), ("YXC", 0), ("YXC", 1), ("YXC", 2)]
    assert annotation_shape(layer, readings(layer)[0]) == (30, 40)


def test_transparency_is_no_channel() -> None:
    layer = Image(np.zeros((30, 40, 4), np.uint8), rgb=True)

    assert axes_of(layer) == [("YXC", None), ("YXC", 0), ("YXC", 1), ("YXC", 2)]
    assert pixels(layer).shape == (30, 40, 3)


def test_labelled_channels_come_first() -> None:
    layer = Image(np.zeros((2, 30, 40)), axis_labels=("channel", "y", "x"))

    assert axes_of(layer) == [("CYX", 0), ("CYX", 1), ("CYX", None)]
    assert annotation_shape(layer, readings(layer)[0]) == (30, 40)


def test_a_short_unlabelled_axis_may_be_channels() -> None:
    layer = Image(np.zeros((2, 30, 40)))

    assert axes_of(layer) == [("ZYX", None), ("CYX", 0), ("CYX", 1)]


def test_a_long_axis_is_a_stack() -> None:
    assert axes_of(Image(np.zeros((30, 30, 40)))) == [("ZYX", None)]


def test_labels_tell_time_from_depth() -> None:
    layer = Image(np.zeros((9, 30, 40)), axis_labels=("t", "y", "x"))

    assert axes_of(layer) == [("TYX", None)]


def test_channels_amid_a_stack_are_worked_on_in_parts() -> None:
    layer = Image(np.zeros((5, 2, 30, 40)), axis_labels=("t", "c", "y", "x"))

    assert axes_of(layer)[0] == ("TCYX", 0)
    assert annotation_shape(layer, readings(layer)[0]) == (5, 30, 40)
    for reading in readings(layer):
        assert "channels within a stack" in why_not_whole(layer, reading)
    first = Image(np.zeros((2, 5, 30, 40)), axis_labels=("c", "t", "y", "x"))
    assert axes_of(first)[0] == ("CTYX", 0)
    assert not why_not_whole(first, readings(first)[0])


def test_too_many_axes_have_no_reading() -> None:
    assert readings(Image(np.zeros((2, 2, 2, 8, 8)))) == []


def test_of_a_pyramid_the_finest_level_counts() -> None:
    layer = Image([np.zeros((40, 60)), np.zeros((20, 30))], multiscale=True)

    assert annotation_shape(layer, readings(layer)[0]) == (40, 60)
    assert pixels(layer).shape == (40, 60)
