"""Thick specimens: objects in focus are known, what lies below them is not meant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.core.objects import object_diameters
from napari_metaseg.data import thick
from napari_metaseg.data.acquisition import Acquisition
from napari_metaseg.data.thick import ThickStyle, draw_thick, thick_task

if TYPE_CHECKING:
    import pytest


def drawn(monkeypatch: pytest.MonkeyPatch, **how: object) -> ThickStyle:
    """Draw all tasks in one style, without noise, blur, texture and colours."""
    style = replace(
        draw_thick(np.random.default_rng(0), 20.0),
        fill=0.5,
        crowd=0.0,
        grain=0.0,
        foci=0.0,
        haze=0.0,
        below=(0.0, 4.0),
        acquisition=Acquisition(blur=0.0, noise=0.0),
        **how,
    )
    monkeypatch.setattr(thick, "draw_thick", lambda *_: style)
    monkeypatch.setattr("napari_metaseg.data.stains.COLOURED", 0.0)
    return style


def test_objects_let_each_other_shine_through(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn(monkeypatch, hidden=0.3, level=0.0, height=0.0)
    (image, masks), *_ = thick_task(np.random.default_rng(1), n_images=1, size=128)

    levels = np.unique(np.round(image[masks > 0], 4))
    assert len(levels) >= 2, "one object, and two that lie over each other"
    single = image[masks > 0].min()
    assert (image[masks == 0] < single).mean() > 0.97, "but crumbs, which are no object"
    assert (image[masks > 0] > single + 0.1).any()


def test_what_lies_out_of_focus_is_seen_and_not_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    style = drawn(monkeypatch, hidden=0.1, level=0.0, height=0.0)
    clear = thick_task(np.random.default_rng(2), n_images=1, size=128)[0]
    monkeypatch.setattr(thick, "draw_thick", lambda *_: replace(style, below=(1.0, 4)))
    hazy = thick_task(np.random.default_rng(2), n_images=1, size=128)[0]

    np.testing.assert_array_equal(clear[1], hazy[1])
    ground = clear[1] == 0
    assert hazy[0][ground].std() > clear[0][ground].std() + 0.02


def test_a_task_is_repeatable_and_of_the_size_that_was_asked_for() -> None:
    sizes = []
    for seed in range(12):
        first, again = (
            thick_task(np.random.default_rng(seed), n_images=2, size=144)
            for _ in range(2)
        )
        for (image, masks), (other, others) in zip(first, again, strict=True):
            np.testing.assert_array_equal(image, other)
            np.testing.assert_array_equal(masks, others)
            assert image.dtype == np.float32
            assert image.shape in {(144, 144), (144, 144, 3)}
            assert 0 <= image.min() < image.max() <= 1
            assert np.array_equal(np.unique(masks), np.arange(masks.max() + 1))
            sizes += object_diameters(masks).values()

    assert 18 < np.median(sizes) < 28
