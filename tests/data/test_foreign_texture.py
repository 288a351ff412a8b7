"""Textures from elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_metaseg.data.augment import apply_appearance, draw_appearance
from napari_metaseg.data.foreign_texture import TILE, ForeignTexture, draw_texture
from napari_metaseg.data.textures import KINDS

from .tasks import PLAIN

ADDED = ForeignTexture("granular", 1.5, 0.0, 0.1, multiplied=False)
CELL = np.zeros((80, 80), np.float32)
CELL[20:60, 20:60] = 0.8


def laid_over(texture: ForeignTexture, image: np.ndarray, seed: int = 0) -> np.ndarray:
    return texture.lay_over(image, np.random.default_rng(seed))


@pytest.mark.parametrize("kind", KINDS)
def test_a_texture_is_as_strong_as_its_amount_says(kind: str) -> None:
    change = laid_over(replace(ADDED, kind=kind), CELL) - CELL

    assert change.std() == pytest.approx(0.1, rel=0.01)
    assert change.mean() == pytest.approx(0, abs=1e-3)


def test_multiplied_it_lies_on_what_is_bright_alone() -> None:
    change = laid_over(replace(ADDED, amount=0.3, multiplied=True), CELL) - CELL

    assert not change[CELL == 0].any()
    assert change[CELL > 0].std() == pytest.approx(0.8 * 0.3, rel=0.2)


def test_a_negative_amount_swaps_dark_and_bright() -> None:
    one = laid_over(ADDED, CELL) - CELL
    other = laid_over(replace(ADDED, amount=-0.1), CELL) - CELL

    np.testing.assert_allclose(one, -other, atol=1e-6)


@pytest.mark.parametrize("kind", ["stripes", "cloud"])
def test_images_larger_than_what_is_drawn_are_covered_without_seams(kind: str) -> None:
    wide = np.zeros((40, 2 * TILE + 60), np.float32)

    change = laid_over(replace(ADDED, kind=kind, scale=3.0), wide)

    assert change.shape == wide.shape
    assert change[:, 2 * TILE :].std() > 0.02
    steps = np.abs(np.diff(change, axis=1)).max(0)
    for seam in (TILE, 2 * TILE):
        assert steps[seam - 1] <= np.median(steps)


def test_support_and_query_share_the_kind_and_not_the_grains() -> None:
    flat = np.full((64, 64), 0.5, np.float32)
    textured = replace(PLAIN, texture=replace(ADDED, kind="stripes", angle=0.7))

    first, second = (
        image - image.mean()
        for image in apply_appearance(textured, [flat, flat], np.random.default_rng(0))
    )

    assert abs((first * second).mean()) < 0.5 * first.std() * second.std()
    spectra = [np.abs(np.fft.rfft2(image)).ravel() for image in (first, second)]
    assert np.corrcoef(*spectra)[0, 1] > 0.5


def test_some_episodes_have_a_texture_of_any_kind() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_appearance(rng).texture for _ in range(2000)]

    found = [texture for texture in drawn if texture is not None]
    assert 0.08 < len(found) / len(drawn) < 0.16
    assert {texture.kind for texture in found} == set(KINDS)
    assert {texture.multiplied for texture in found} == {True, False}


def test_a_texture_does_not_drown_the_cells() -> None:
    rng = np.random.default_rng(0)
    inside = CELL > 0

    for _ in range(40):
        image = laid_over(draw_texture(rng), CELL)
        spread = np.hypot(image[inside].std(), image[~inside].std())
        assert image[inside].mean() - image[~inside].mean() > 2 * spread
