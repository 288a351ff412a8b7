from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.instances import respect_annotation
from napari_metaseg.core.metrics import average_precision
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.data.synthetic import SAMPLES, Scene, sample_scene
from napari_metaseg.workflows.adapt import (
    AdaptedModel,
    Progress,
    adapt,
    adapt_steps,
    load,
)

from .painting import check_labels, paint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def model(scene: Scene, painted: np.ndarray) -> AdaptedModel:
    """Return what the default initialization makes of the scene."""
    return adapt(scene.image, painted, device="cpu")


def test_labels_hold_the_painted_cells_and_no_stroke(
    model: AdaptedModel, painted: np.ndarray
) -> None:
    check_labels(model.labels, painted)
    check_labels(model.initial_labels, painted)


def test_what_is_found_knows_nothing_of_the_annotation(
    model: AdaptedModel, painted: np.ndarray
) -> None:
    found = model.found(DecodeSettings())
    before = model.found(DecodeSettings(), adapted=False)

    np.testing.assert_array_equal(respect_annotation(found, painted), model.labels)
    np.testing.assert_array_equal(
        respect_annotation(before, painted), model.initial_labels
    )
    assert set(np.unique(found)) == set(range(found.max() + 1))


def test_cells_that_were_not_painted_are_found(
    model: AdaptedModel, scene: Scene, painted: np.ndarray
) -> None:
    assert isinstance(model.labels, np.ndarray)
    assert isinstance(model.initial_labels, np.ndarray)
    new = np.setdiff1d(model.labels, painted)
    assert len(new) >= 2
    after = average_precision(scene.masks, model.labels)
    assert after >= average_precision(scene.masks, model.initial_labels)
    assert after >= 0.5


def test_the_report_tells_what_was_painted(model: AdaptedModel) -> None:
    report = model.report

    assert report is not None
    assert (report.n_cells, report.n_strokes, report.device) == (3, 1, "cpu")
    assert report.kept
    assert report.reason == ""
    assert report.own_iou_after > report.own_iou_before
    assert report.diameter == pytest.approx(32, abs=6)


def test_the_seconds_are_told_by_stage(model: AdaptedModel) -> None:
    assert set(model.seconds) == {"prepare", "before", "adapt", "segment"}
    assert all(s >= 0 for s in model.seconds.values())


def test_a_list_gives_a_list(scene: Scene, painted: np.ndarray, small: str) -> None:
    other, second = scene.image[:90, :100], np.zeros((90, 100), np.int32)
    second[40:60, 40:60] = 9

    found = adapt([scene.image, other], [painted, second], init=small, device="cpu")

    assert isinstance(found.labels, list)
    assert isinstance(found.initial_labels, list)
    for labels in (found.labels, found.initial_labels):
        check_labels(labels[0], painted)
        check_labels(labels[1], second)
    assert found.report is not None
    assert found.report.n_cells == 4


def test_one_image_of_a_list_may_be_unpainted(
    scene: Scene, painted: np.ndarray, small: str
) -> None:
    blank = np.zeros_like(painted)

    found = adapt([scene.image, scene.image], [painted, blank], init=small)

    assert found.report is not None
    assert found.report.n_cells == 3
    assert found.labels[1].shape == blank.shape


def rgb(image: np.ndarray) -> np.ndarray:
    return np.stack([image, image // 2, image // 3], -1)


@pytest.mark.parametrize(
    ("turn", "arguments"),
    [
        (rgb, {}),
        (rgb, {"axes": "YXC", "channel": 1}),
        (lambda i: np.moveaxis(rgb(i), -1, 0), {"axes": "CYX", "channel": 0}),
        (lambda i: np.moveaxis(rgb(i), -1, 0), {}),
        (lambda i: i > np.median(i), {}),
        (lambda i: i.astype(np.uint64) * 2**40, {}),
        (lambda i: i.astype(np.int64) - 2**40, {}),
        (lambda i: i.astype(np.float16) / 1e4, {}),
        (lambda i: i.astype(np.float64) * 1e200, {}),
        (lambda i: i.astype(">u2"), {}),
        (lambda i: i[::-1].copy()[::-1], {}),
    ],
)
def test_many_kinds_of_image_simply_work(
    scene: Scene,
    painted: np.ndarray,
    small: str,
    turn: Callable[[np.ndarray], np.ndarray],
    arguments: dict[str, Any],
) -> None:
    image = turn(scene.image)
    before = image.copy()

    found = adapt(image, painted, init=small, **arguments)

    check_labels(found.labels, painted)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint32, np.int64])
def test_annotations_may_be_any_whole_numbers(
    scene: Scene, painted: np.ndarray, small: str, kind: type
) -> None:
    cells = np.maximum(painted, 0)

    found = adapt(scene.image, cells.astype(kind), init=small)

    check_labels(found.labels, cells)


def test_the_largest_number_a_cell_may_have_is_kept(
    scene: Scene, painted: np.ndarray, small: str
) -> None:
    annotation = np.where(painted > 0, 2**31 - 1 - painted.max() + painted, painted)
    annotation = annotation.astype(np.int32)

    first = adapt(scene.image, annotation, init=small)
    assert isinstance(first.labels, np.ndarray)
    steps = adapt_steps(scene.image, annotation, init=small, previous=first.labels)

    for labels in (first.labels, exhaust(steps).labels):
        check_labels(labels, annotation)


def test_a_stack_with_one_painted_plane_is_segmented_in_all(
    scene: Scene, painted: np.ndarray
) -> None:
    stack = np.stack([scene.image[:, ::-1], scene.image, scene.image])
    annotation = np.zeros(stack.shape, np.int32)
    annotation[1] = painted

    found = adapt(stack, annotation, axes="TYX", device="cpu")

    check_labels(found.labels, annotation)
    assert all(len(np.unique(plane)) > 2 for plane in found.labels)


def test_an_image_20_px_wide_works(scene: Scene) -> None:
    masks = scene.masks
    k = int(masks[80:, 80:].max())
    y, x = (int(c) for c in np.argwhere(masks == k).mean(0))
    low = max(0, x - 10)
    image, window = scene.image[:, low : low + 20], masks[:, low : low + 20]
    annotation = np.where(window == k, 1, 0).astype(np.int32)
    assert image.shape[1] == 20
    assert annotation[y].any()

    found = adapt(image, annotation, device="cpu")

    check_labels(found.labels, annotation)
    check_labels(found.segment(image.T), np.zeros_like(annotation.T))


@pytest.mark.parametrize("kind", SAMPLES)
def test_every_sample_can_be_learned(kind: str) -> None:
    scene = sample_scene(kind, size=(160, 176), seed=3)
    annotation = paint(scene.masks)

    found = adapt(scene.image, annotation, device="cpu")

    check_labels(found.labels, annotation)
    assert found.report is not None
    assert found.report.own_iou_after > found.report.own_iou_before


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_a_blank_image_of_the_same_kind_has_no_cells(kind: str, noise: float) -> None:
    scene = sample_scene(kind, size=(160, 176), seed=3)
    found = adapt(scene.image, paint(scene.masks), device="cpu")
    ground = np.median(scene.image[scene.masks == 0], axis=0)
    rng = np.random.default_rng(0)
    deviation = noise * np.ptp(scene.image.astype(float))
    field = ground + rng.normal(0, deviation, scene.image.shape)

    empty = np.clip(field, 0, None).astype(scene.image.dtype)

    assert found.segment(scene.image).any()
    assert not found.segment(empty).any()


def test_the_same_seed_gives_the_same_labels(
    model: AdaptedModel, scene: Scene, painted: np.ndarray
) -> None:
    torch.rand(7)

    again = adapt(scene.image, painted, device="cpu")

    np.testing.assert_array_equal(again.labels, model.labels)
    np.testing.assert_array_equal(again.initial_labels, model.initial_labels)


def test_progress_goes_forward_through_the_stages(
    scene: Scene, painted: np.ndarray, small: str
) -> None:
    told: list[Progress] = []

    adapt(scene.image, painted, init=small, progress=told.append)

    stages = list(dict.fromkeys(p.stage for p in told))
    assert stages == ["prepare", "before", "adapt", "segment"]
    shares = [p.step / p.total for p in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert len({p.total for p in told}) == 1
    assert all(p.message for p in told)
    assert not any("step 0" in p.message.lower() for p in told)
    assert any(p.message.startswith("Learning from the painted") for p in told)
    losses = [p.loss for p in told if p.stage == "adapt" and p.loss is not None]
    assert len(losses) == 2
    assert np.isfinite(losses).all()
    previews = [p.preview for p in told if p.preview is not None]
    assert previews
    assert all(p.shape == painted.shape and p.dtype == np.int32 for p in previews)


def test_it_can_be_cancelled_at_every_step(
    scene: Scene, painted: np.ndarray, small: str
) -> None:
    image, annotation = scene.image.copy(), painted.copy()
    count = sum(1 for _ in adapt_steps(image, annotation, init=small))
    assert count > 5

    for stop in range(1, count + 1):
        steps = adapt_steps(image, annotation, init=small)
        for _ in range(stop):
            next(steps)
        steps.close()
        with pytest.raises(StopIteration):
            next(steps)

    np.testing.assert_array_equal(image, scene.image)
    np.testing.assert_array_equal(annotation, painted)


def test_cells_keep_their_numbers_from_round_to_round(
    model: AdaptedModel, scene: Scene, painted: np.ndarray
) -> None:
    assert isinstance(model.labels, np.ndarray)
    labels = model.labels
    renamed = np.where((labels > 0) & (painted <= 0), labels + 1000, labels)

    steps = adapt_steps(scene.image, painted, device="cpu", previous=renamed)

    np.testing.assert_array_equal(exhaust(steps).labels, renamed)


def test_a_previous_round_of_another_image_is_ignored(
    model: AdaptedModel, scene: Scene, painted: np.ndarray
) -> None:
    other = np.ones((5, 5), np.int32)

    steps = adapt_steps(scene.image, painted, device="cpu", previous=other)

    np.testing.assert_array_equal(exhaust(steps).labels, model.labels)


def test_the_sliders_act_without_the_network(
    model: AdaptedModel, painted: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network ran")

    monkeypatch.setattr(torch.nn.Module, "__call__", refuse)

    same = model.relabel(DecodeSettings())
    large = model.relabel(DecodeSettings(min_size=1.0))
    strict = model.relabel(DecodeSettings(threshold=0.999))
    before = model.relabel(DecodeSettings(), adapted=False)

    np.testing.assert_array_equal(same, model.labels)
    np.testing.assert_array_equal(before, model.initial_labels)
    for labels in (large, strict):
        check_labels(labels, painted)
        assert np.count_nonzero(labels) < np.count_nonzero(same)


def test_a_slider_that_moves_and_returns_changes_no_number(
    model: AdaptedModel,
) -> None:
    assert isinstance(model.labels, np.ndarray)
    labels = model.labels
    moved = model.relabel(DecodeSettings(threshold=0.4), labels)

    returned = model.relabel(DecodeSettings(), moved)

    np.testing.assert_array_equal(returned, labels)


def test_segmenting_tells_its_progress(model: AdaptedModel, scene: Scene) -> None:
    stack = np.stack([scene.image, scene.image[::-1]])

    steps = model.segment_steps(stack, axes="TYX")
    told = [next(steps), next(steps)]
    steps.close()

    assert [(p.stage, p.total) for p in told] == [("segment", 100)] * 2
    assert 0 < told[0].step < told[1].step <= 100


def test_another_image_is_segmented_before_and_after(
    model: AdaptedModel, scene: Scene
) -> None:
    other = sample_scene("fluorescence", size=(130, 120), seed=8)

    after = model.segment(other.image)
    before = model.segment(other.image, adapted=False)

    assert after.dtype == np.int32
    assert after.shape == other.image.shape
    assert not np.array_equal(after, before)
    strict = model.segment(other.image, settings=DecodeSettings(threshold=0.999))
    assert np.count_nonzero(strict) < np.count_nonzero(after)


def test_mirror_images_change_only_what_is_drawn_after(
    model: AdaptedModel, scene: Scene, painted: np.ndarray, tmp_path: Path
) -> None:
    once = adapt(scene.image, painted, mirrors=1, device="cpu")

    np.testing.assert_array_equal(once.initial_labels, model.initial_labels)
    assert not np.array_equal(once.drawn()[0].maps, model.drawn()[0].maps)
    once.save(tmp_path / "model")
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(again.segment(scene.image), once.segment(scene.image))
    assert again.segmenter.network.mirrors == 1


def test_the_object_size_may_be_overridden(
    scene: Scene, painted: np.ndarray, small: str
) -> None:
    found = adapt(scene.image, painted, init=small, diameter=20)

    assert found.report is not None
    assert found.report.diameter == 20
