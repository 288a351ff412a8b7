"""Sections: what lies in one image, what of it is wanted, and what it is shown as."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import label

from napari_metaseg.core.objects import object_diameters
from napari_metaseg.data.profiles import GROUND, PLAIN, SHEATHED, Mosaic, fill_section
from napari_metaseg.data.section_styles import TARGETS, draw_section
from napari_metaseg.data.sections import (
    ORGANELLE,
    SHEATH,
    Section,
    cut_section,
    section_task,
)

SEEDS = st.integers(0, 2**31)


def one_with_everything() -> Section:
    rng = np.random.default_rng(3)
    style = draw_section(rng, 24.0)
    mosaic = replace(
        style.mosaic,
        diameters=(24.0, 48.0, 30.0),
        shares=(0.4, 0.4, 0.2),
        reach=1.7,
        spread=0.2,
    )
    style = replace(style, mosaic=mosaic, sheath=0.3, organelles=1.5, organelle=8.0)
    return cut_section(rng, style, 200)


def test_one_section_holds_all_targets_and_they_fit_together() -> None:
    section = one_with_everything()
    masks = {target: section.wanted(target) > 0 for target in TARGETS}

    assert all(mask.any() for mask in masks.values())
    assert not (masks["plain"] & masks["fibre"]).any()
    assert np.array_equal(masks["plain"] | masks["fibre"], masks["profiles"])
    assert not (masks["lumen"] & ~masks["fibre"]).any()
    assert not (masks["lumen"] & section.sheath).any()
    assert not (masks["organelle"] & ~masks["profiles"]).any()
    assert not (masks["organelle"] & section.sheath).any()
    materials = section.materials()
    assert np.unique(materials).tolist() == [
        PLAIN,
        SHEATHED,
        GROUND,
        SHEATH,
        ORGANELLE,
    ]
    assert not masks["profiles"][materials == GROUND].any()


def test_a_sheath_goes_all_around_what_it_holds() -> None:
    section = one_with_everything()
    labels = section.geometry.labels
    ids = np.unique(labels[section.wanted("fibre") > 0])
    assert len(ids) > 3
    for k in ids:
        whole = np.pad(labels == k, 1)
        outline = whole & ~ndimage.binary_erosion(whole)
        inner = outline[1:-1, 1:-1]
        inner[[0, -1]] = inner[:, [0, -1]] = False  # the image cuts sheaths open
        assert section.sheath[inner].mean() > 0.95


@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_profiles_are_connected_and_each_has_a_kind(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, kinds = fill_section(rng, 96, draw_section(rng, 20.0).mosaic)

    assert labels.shape == (96, 96)
    assert len(kinds) == labels.max() + 1
    assert kinds[0] == -1
    assert set(kinds[1:].tolist()) <= {PLAIN, SHEATHED, GROUND}
    for k in np.unique(labels)[1:]:
        assert label(labels == k, connectivity=2).max() == 1


@pytest.mark.parametrize(("reach", "least", "most"), [(1.0, 0.3, 0.8), (2.0, 0.9, 1.0)])
def test_reach_tells_whether_profiles_lie_apart(
    reach: float, least: float, most: float
) -> None:
    mosaic = Mosaic((20, 30, 20), 0.1, (0.6, 0.4, 0.0), 1.2, 0.0, reach, 0, 0.02)
    labels, kinds = fill_section(np.random.default_rng(0), 160, mosaic)

    assert least < (labels > 0).mean() <= most
    areas = np.bincount(labels.ravel(), minlength=len(kinds))
    assert np.median(areas[kinds == SHEATHED]) > np.median(areas[kinds == PLAIN])


@given(seed=SEEDS)
@settings(max_examples=12, deadline=None)
def test_a_task_is_repeatable_and_its_pictures_match_its_masks(seed: int) -> None:
    first, again = (
        section_task(np.random.default_rng(seed), n_images=2, size=96) for _ in range(2)
    )
    for (image, masks), (other, others) in zip(first, again, strict=True):
        np.testing.assert_array_equal(image, other)
        np.testing.assert_array_equal(masks, others)
        assert image.dtype == np.float32
        assert image.shape in {(96, 96), (96, 96, 3)}
        assert 0 <= image.min() <= image.max() <= 1
        assert masks.shape == (96, 96)
        assert np.array_equal(np.unique(masks), np.arange(masks.max() + 1))


def test_tasks_want_all_there_is_at_the_size_that_was_asked_for() -> None:
    wanted, sizes = set(), []
    for seed in range(60):
        style = draw_section(np.random.default_rng(seed), 24.0)
        wanted.add(style.target)
        if seed < 20:
            rng = np.random.default_rng(seed)
            (_, masks), *_ = section_task(rng, n_images=1, size=176)
            if masks.any():
                sizes.append(np.median(list(object_diameters(masks).values())))

    assert wanted == set(TARGETS)
    assert len(sizes) > 15
    assert 17 < np.median(sizes) < 31
