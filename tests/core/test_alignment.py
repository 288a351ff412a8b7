from __future__ import annotations

import numpy as np
import pytest

from napari_metaseg.core.alignment import Shift, common_shift, mask_shift
from napari_metaseg.data.synthetic import SAMPLES, sample_scene


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("shift", [(0, 0), (7, -5), (-6, 9)])
def test_a_shift_is_found_on_every_kind_of_image(
    kind: str, shift: tuple[int, int]
) -> None:
    scene = sample_scene(kind, size=(256, 256), seed=1)
    masks = np.roll(scene.masks, shift, (0, 1))

    found = mask_shift(scene.image, masks, 26.0)

    np.testing.assert_allclose(found, shift, atol=1)


@pytest.mark.parametrize("seed", range(4))
def test_noise_tells_nothing_that_images_would_agree_on(seed: int) -> None:
    rng = np.random.default_rng(seed)
    masks = sample_scene("fluorescence", size=(128, 128), seed=seed).masks
    noise = rng.random((5, 128, 128))

    assert common_shift([mask_shift(image, masks, 26.0) for image in noise]) is None


def test_a_blank_image_tells_nothing() -> None:
    masks = sample_scene("fluorescence", size=(128, 128)).masks

    assert mask_shift(np.zeros((128, 128), np.uint8), masks, 26.0) == (0, 0)


def test_most_images_have_to_agree() -> None:
    away, none = Shift(6, -4), Shift(0, 0)

    assert common_shift([away, Shift(7, -4), away, none]) == away
    assert common_shift([away, away, none, none]) is None
    assert common_shift([none, none]) is None
    assert common_shift([]) is None
