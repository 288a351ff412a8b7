"""Stained tissue as procedural tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.data import slides
from napari_metaseg.data.slides import ALL_KINDS, slide_task
from napari_metaseg.data.synthetic import sample_scene
from napari_metaseg.data.tissue import Staining, stain_tissue

if TYPE_CHECKING:
    import pytest


def test_the_usual_staining_is_that_of_the_sample() -> None:
    scene = sample_scene("tissue", size=(96, 96), seed=5)
    image, masks, kinds = stain_tissue(np.random.default_rng(5), (96, 96), Staining())

    np.testing.assert_array_equal(image, scene.image)
    np.testing.assert_array_equal(masks, scene.masks)
    assert len(kinds) == masks.max() + 1
    assert set(kinds[1:].tolist()) <= set(ALL_KINDS)


def test_more_of_a_dye_absorbs_more_and_only_where_it_is() -> None:
    def shown(staining: Staining) -> tuple[np.ndarray, np.ndarray]:
        image, masks, _ = stain_tissue(np.random.default_rng(5), (96, 96), staining)
        return image.astype(float).mean(-1), masks

    usual, masks = shown(Staining(noise=0.0))
    strong, same = shown(Staining(noise=0.0, nuclei=2.0))

    np.testing.assert_array_equal(masks, same)
    assert (usual - strong)[masks > 0].mean() > 20
    assert abs(usual - strong)[masks == 0].mean() < 5


def test_all_nuclei_are_wanted_or_those_of_one_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scenes = []

    def spy(*how: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        scenes.append(stain_tissue(*how))  # type: ignore[arg-type]
        return scenes[-1]

    monkeypatch.setattr(slides, "stain_tissue", spy)
    seen = set()
    for seed in range(24):
        scenes.clear()
        task = slide_task(np.random.default_rng(seed), n_images=2, size=112)
        choices = [
            wanted
            for wanted in (ALL_KINDS, *((kind,) for kind in ALL_KINDS))
            if all(
                np.array_equal(masks > 0, np.isin(kinds, wanted)[drawn])
                for (_, masks), (_, drawn, kinds) in zip(task, scenes, strict=True)
            )
        ]
        assert choices
        if len(choices) == 1:
            seen.add(choices[0])
        for image, masks in task:
            assert image.shape == (112, 112, 3)
            assert image.dtype == np.float32
            assert 0 <= image.min() < image.max() <= 1
            assert np.array_equal(np.unique(masks), np.arange(masks.max() + 1))
            assert masks.max() >= slides.FEWEST

    assert ALL_KINDS in seen
    assert len(seen) > 1, "one kind at times"


def test_slides_differ_in_their_colours() -> None:
    means = []
    for seed in range(12):
        task = slide_task(np.random.default_rng(seed), n_images=1, size=96)
        means.append(task[0][0].mean((0, 1)))

    assert np.std(means, axis=0).min() > 0.03
