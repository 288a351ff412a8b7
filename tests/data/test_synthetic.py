"""Sample scenes and procedural tasks: exact masks, visible targets, same seeds."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.stats import rankdata
from skimage.color import rgb2gray
from skimage.measure import label

from napari_metaseg.core.errors import UserError
from napari_metaseg.data.acquisition import Acquisition, acquire
from napari_metaseg.data.canvas import numbered, tidy
from napari_metaseg.data.geometry import cut_cores, measure_geometry
from napari_metaseg.data.layouts import Layout, arrange
from napari_metaseg.data.shapes import FAMILIES, ShapeStyle, draw_shape
from napari_metaseg.data.styles import draw_style
from napari_metaseg.data.synthetic import (
    SAMPLES,
    Scene,
    procedural_task,
    sample_scene,
)
from napari_metaseg.data.textures import KINDS, texture

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALL = (192, 224)


@cache
def scene(kind: str) -> Scene:
    return sample_scene(kind, size=SMALL)


def pieces(mask: NDArray[np.int32] | NDArray[np.bool_]) -> int:
    """Count the 8-connected pieces of equal value, background aside."""
    return int(label(mask, background=0, connectivity=2).max())  # type: ignore[no-untyped-call]


def assert_exact(masks: NDArray[np.int32], min_area: int) -> None:
    """Ids 1..n, each one 8-connected piece of at least `min_area` px."""
    assert masks.dtype == np.int32
    areas = np.bincount(masks.ravel())[1:]
    assert areas.size > 0
    assert areas.min() >= min_area
    assert pieces(masks) == areas.size


def contrast(image: NDArray[np.float64], masks: NDArray[np.int32]) -> float:
    """Objects against their surroundings, median, in units of background noise."""
    differences = []
    for name in range(1, masks.max() + 1):
        away = ndimage.distance_transform_edt(masks != name)
        around = (away > 0) & (away < 12) & (masks == 0)
        if around.any():
            differences.append(image[masks == name].mean() - image[around].mean())
    fine = image - ndimage.gaussian_filter(image, 3.0)
    free = ndimage.distance_transform_edt(masks == 0) > 8
    return float(np.median(np.abs(differences)) / fine[free].std())


def separability(image: NDArray[np.float32], masks: NDArray[np.int32]) -> float:
    """Best distance of an AUC from 0.5, over simple cues; 0 for noise, 0.5 at most."""
    inside = masks > 0
    outside = ~ndimage.binary_dilation(inside, iterations=2)
    edge = ndimage.maximum_filter(masks, 3) != ndimage.minimum_filter(masks, 3)
    middle = inside & ~ndimage.binary_dilation(edge)
    smooth = ndimage.gaussian_filter(image, 2.0)
    power = ndimage.gaussian_filter(image * image, 2.0) - smooth**2
    slope = ndimage.gaussian_gradient_magnitude(image, 1.2)
    best = 0.0
    for cue in (ndimage.gaussian_filter(image, 1.0), power, slope):
        for here, there in ((inside, outside), (edge, middle)):
            a, b = cue[here], cue[there]
            if min(a.size, b.size) < 20:
                continue
            ranks = rankdata(np.concatenate([a, b]))[: a.size].sum()
            area = (ranks - a.size * (a.size + 1) / 2) / (a.size * b.size)
            best = max(best, abs(area - 0.5))
    return best


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_sample_has_exact_masks_and_a_camera_dtype(kind: str) -> None:
    sample = scene(kind)

    assert sample.name == kind
    assert sample.image.dtype == (np.uint16 if kind == "fluorescence" else np.uint8)
    assert sample.image.shape == ((*SMALL, 3) if kind == "tissue" else SMALL)
    assert sample.masks.shape == SMALL
    assert_exact(sample.masks, min_area=20)
    assert sample.masks.max() >= 5
    assert 0.1 < sample.pixel_size < 2


@pytest.mark.parametrize("kind", SAMPLES)
def test_the_seed_decides_the_sample(kind: str) -> None:
    again = sample_scene(kind, size=SMALL)
    other = sample_scene(kind, size=SMALL, seed=1)

    np.testing.assert_array_equal(again.image, scene(kind).image)
    np.testing.assert_array_equal(again.masks, scene(kind).masks)
    assert (other.masks != again.masks).any()


@pytest.mark.parametrize("kind", SAMPLES)
def test_objects_stand_out_where_the_masks_say(kind: str) -> None:
    sample = scene(kind)
    image = sample.image.astype(float)
    if image.ndim == 3:
        image = rgb2gray(sample.image)
    true = contrast(image, sample.masks)
    moved = contrast(image, np.roll(sample.masks, (25, 25), (0, 1)))

    assert true > 3
    assert true > 4 * moved


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_sample_uses_its_range_without_clipping(kind: str) -> None:
    image = scene(kind).image
    top = 4095 if image.dtype == np.uint16 else 255

    assert image.max() > 0.4 * top
    assert np.mean(image >= top) < 0.005
    assert np.mean(image == 0) < 0.005


def test_tissue_is_pink_with_purple_nuclei() -> None:
    sample = scene("tissue")
    red, green, blue = sample.image[sample.masks > 0].mean(axis=0)
    other = sample.image[sample.masks == 0].mean(axis=0)

    assert blue > red > green
    assert other[0] > other[2] > other[1]


def test_an_unknown_sample_gets_a_sentence() -> None:
    sentence = "There is no sample called 'moon'; choose one of phase-contrast, "
    with pytest.raises(UserError, match=sentence):
        sample_scene("moon")


@pytest.mark.parametrize("size", [(20, 512), (512, 5000)])
def test_a_sample_of_an_odd_size_gets_a_sentence(size: tuple[int, int]) -> None:
    sentence = f"A sample of {size[0]} x {size[1]} px cannot be drawn"
    with pytest.raises(UserError, match=re.escape(sentence)):
        sample_scene("tissue", size=size)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**31),
    size=st.sampled_from([64, 96, 112]),
    diameter=st.sampled_from([12.0, 24.0]),
)
def test_any_procedural_task_is_usable(seed: int, size: int, diameter: float) -> None:
    rng = np.random.default_rng(seed)
    task = procedural_task(rng, n_images=2, size=size, diameter=diameter)

    assert len(task) == 2
    for image, masks in task:
        assert image.dtype == np.float32
        assert image.shape[:2] == masks.shape == (size, size)
        assert image.shape[2:] in {(), (3,)}
        assert image.min() >= 0
        assert image.max() <= 1
        assert image.std() > 0.01
        assert_exact(masks, min_area=12)


def test_a_procedural_task_is_decided_by_the_generator() -> None:
    def draw(seed: int) -> list[tuple[NDArray[np.float32], NDArray[np.int32]]]:
        return procedural_task(np.random.default_rng(seed), n_images=2, size=96)

    for (image, masks), (image_2, masks_2) in zip(draw(5), draw(5), strict=True):
        np.testing.assert_array_equal(image, image_2)
        np.testing.assert_array_equal(masks, masks_2)
    assert (draw(5)[0][1] != draw(6)[0][1]).any()
    assert (draw(5)[0][0] != draw(5)[1][0]).any()


def test_no_images_make_an_empty_task() -> None:
    assert procedural_task(np.random.default_rng(0), n_images=0, size=96) == []


def test_targets_can_be_seen_in_nearly_all_tasks() -> None:
    scores = []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        image, masks = procedural_task(rng, n_images=1, size=112)[0]
        scores.append(separability(image, masks))

    assert np.mean(np.array(scores) > 0.2) > 0.8
    noise = np.random.default_rng(0).random(image.shape).astype(np.float32)
    assert separability(noise, masks) < 0.1


def test_the_target_has_about_the_wanted_size() -> None:
    sizes = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        masks = procedural_task(rng, n_images=1, size=128, diameter=24)[0][1]
        sizes.append(np.median(np.sqrt(4 / np.pi * np.bincount(masks.ravel())[1:])))

    assert 18 < np.median(sizes) < 27


def test_styles_cover_what_the_annotation_alone_can_tell() -> None:
    rng = np.random.default_rng(0)
    styles = [draw_style(rng, 24) for _ in range(300)]

    assert 0.5 < np.mean([len(style.looks) == 2 for style in styles]) < 0.7
    assert 0.1 < np.mean([style.target_core for style in styles]) < 0.3
    assert 0.1 < np.mean([s.core > 0 and not s.target_core for s in styles]) < 0.3
    kinds = {style.layout.kind for style in styles}
    assert kinds == {"scatter", "cluster", "colony", "packed"}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_shape_is_one_piece_of_the_wanted_area(family: str) -> None:
    rng = np.random.default_rng(0)
    style = ShapeStyle(family, 24, spread=0, aspect=2)
    patches = [draw_shape(style, rng, rng.uniform(0, np.pi)) for _ in range(12)]

    sizes = [np.sqrt(4 / np.pi * patch.sum()) for patch in patches]
    assert np.mean(sizes) == pytest.approx(24, rel=0.15)
    assert all(pieces(patch) == 1 for patch in patches)
    assert all(patch[0].any() and patch[:, -1].any() for patch in patches)


@pytest.mark.parametrize("kind", KINDS)
def test_a_texture_is_standardised(kind: str) -> None:
    field = texture(kind, np.random.default_rng(0), (64, 80), 1.5, 0.4)

    assert field.shape == (64, 80)
    assert field.dtype == np.float32
    assert field.mean() == pytest.approx(0, abs=1e-4)
    assert field.std() == pytest.approx(1, abs=1e-3)


def test_tidy_keeps_the_largest_piece_of_each_object() -> None:
    labels = np.zeros((20, 20), dtype=np.int32)
    labels[1:6, 1:6] = 7
    labels[6:9, 6:9] = 7
    labels[15:19, 1:4] = 7
    labels[15:17, 15:18] = 3

    kept = tidy(labels, min_area=12)
    wanted = labels.copy()
    wanted[15:] = 0
    np.testing.assert_array_equal(kept, wanted)
    np.testing.assert_array_equal(numbered(kept), np.where(wanted, 1, 0))


def test_apart_means_apart() -> None:
    rng = np.random.default_rng(3)
    style = ShapeStyle("ellipse", 14)
    layout = Layout("scatter", fill=0.3, gap=3)
    labels, classes = arrange(rng, 96, [style], [1.0], layout)

    assert labels.max() >= 4
    assert set(classes[1:]) == {0}
    for name in range(1, labels.max() + 1):
        away = ndimage.distance_transform_edt(labels != name)
        others = (labels > 0) & (labels != name)
        assert away[others].min() > 3


def test_a_mosaic_covers_everything_and_touches() -> None:
    rng = np.random.default_rng(0)
    style = ShapeStyle("ellipse", 20)
    labels, classes = arrange(
        rng, 96, [style, style], [0.5, 0.5], Layout("packed", fill=1.0, gap=0)
    )

    assert np.mean(labels > 0) > 0.97
    assert set(classes[np.unique(labels[labels > 0])]) == {0, 1}


def test_depth_stops_where_neighbours_touch() -> None:
    labels = np.zeros((20, 30), dtype=np.int32)
    labels[5:15, 5:15] = 1
    labels[5:15, 15:25] = 2
    geometry = measure_geometry(labels, np.array([-1, 0, 0], dtype=np.int8))

    assert geometry.depth[labels > 0].min() == 1
    assert geometry.depth[10, 14] <= 2
    assert geometry.depth[10, 15] <= 2
    assert geometry.deepest[1] >= 4
    assert geometry.relative.max() == 1


@pytest.mark.parametrize("even", [True, False])
def test_a_core_lies_within_its_cell(even: bool) -> None:
    rng = np.random.default_rng(1)
    labels, classes = arrange(
        rng, 128, [ShapeStyle("blob", 28)], [1.0], Layout(fill=0.3, gap=2)
    )
    cores = cut_cores(rng, measure_geometry(labels, classes), 0.6, even)

    assert set(cores[cores > 0]) <= set(labels[cores > 0])
    np.testing.assert_array_equal(cores[cores > 0], labels[cores > 0])
    assert 0.15 < np.mean(cores > 0) / np.mean(labels > 0) < 0.55


def test_an_inverted_acquisition_turns_bright_into_dark() -> None:
    canvas = np.zeros((32, 32), dtype=np.float32)
    canvas[8:24, 8:24] = 0.5
    plain = Acquisition(blur=0, noise=0)
    inverted = Acquisition(blur=0, noise=0, invert=True)

    image = acquire(np.random.default_rng(0), canvas, plain)
    negative = acquire(np.random.default_rng(0), canvas, inverted)
    np.testing.assert_allclose(image[16, 16], (0.5 + 0.8) / 1.6, rtol=1e-6)
    np.testing.assert_allclose(image + negative, 1, atol=1e-6)
