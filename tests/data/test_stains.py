"""Colours of procedural tasks."""

from __future__ import annotations

import numpy as np
import pytest

from napari_metaseg.data.procedural import procedural_task
from napari_metaseg.data.sections import section_task
from napari_metaseg.data.stains import (
    COLOURED,
    MATERIALS,
    Stain,
    draw_stain,
    perhaps_stained,
    stain,
)


def test_dyes_absorb_by_the_law_of_beer_and_lambert() -> None:
    colours = np.zeros((MATERIALS, 3), np.float32)
    colours[0], colours[1] = (1.0, 0.5, 0.25), (0.2, 0.4, 0.8)
    style = Stain(colours, density=2.0, wander=0.0, noise=0.0)
    gray = np.full((8, 16), 0.25, np.float32)
    materials = np.zeros((8, 16), np.int32)
    materials[:, 8:] = 1

    picture = stain(np.random.default_rng(0), style, gray, materials)

    np.testing.assert_allclose(picture[4, 0], np.exp(-1.5 * colours[0]), rtol=1e-5)
    np.testing.assert_allclose(picture[4, -1], np.exp(-1.5 * colours[1]), rtol=1e-5)


def test_what_shines_is_dark_where_nothing_does() -> None:
    colours = np.ones((MATERIALS, 3), np.float32) * (1.0, 0.5, 0.25)
    style = Stain(colours.astype(np.float32), density=0.0, wander=0.0, noise=0.0)
    gray = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)

    picture = stain(np.random.default_rng(0), style, gray, np.zeros((8, 8), np.int32))

    np.testing.assert_allclose(picture, gray[..., None] * (1.0, 0.5, 0.25), rtol=1e-5)


def test_a_quarter_of_tasks_has_colours_and_all_images_of_a_task_alike() -> None:
    gray = [np.full((4, 4), 0.5, np.float32)] * 2
    materials = [np.zeros((4, 4), np.int32)] * 2
    rng = np.random.default_rng(1)
    shapes = [
        [picture.ndim for picture in perhaps_stained(rng, gray, materials)]
        for _ in range(400)
    ]

    assert all(first == second for first, second in shapes)
    share = np.mean([first == 3 for first, _ in shapes])
    assert abs(share - COLOURED) < 0.07


@pytest.mark.parametrize("draw", [procedural_task, section_task])
def test_materials_of_a_task_have_colours(
    draw: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_metaseg.data.stains.COLOURED", 1.0)
    for seed in range(8):
        rng = np.random.default_rng(seed)
        for image, masks in draw(rng, n_images=2, size=80):  # type: ignore[operator]
            assert image.shape == (80, 80, 3)
            assert masks.shape == (80, 80)
            assert 0 <= image.min() < image.max() <= 1


def test_drawn_colours_are_colours() -> None:
    for seed in range(50):
        style = draw_stain(np.random.default_rng(seed))
        assert style.colours.shape == (MATERIALS, 3)
        assert (style.colours > 0).all()
        assert np.allclose(style.colours.max(1), 1)
