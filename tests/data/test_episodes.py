from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_metaseg.core.evidence import IN_CHANNELS
from napari_metaseg.core.filters import filter_count
from napari_metaseg.core.support import CROP, make_support
from napari_metaseg.data import episodes as module
from napari_metaseg.data import queries as queries_module
from napari_metaseg.data.episodes import Episode, EpisodeSettings, draw_episode
from napari_metaseg.data.relabel import Rule

from .tasks import PLAIN, disks, task

if TYPE_CHECKING:
    from napari_metaseg.core.inner_loop import Support
    from napari_metaseg.data.folders import TaskFolder

SETTINGS = EpisodeSettings(query_size=64, query_crops=2)
SEEDS = st.integers(0, 2**32)


def draw(
    seed: int, settings: EpisodeSettings = SETTINGS, **known: object
) -> Episode | None:
    return draw_episode(task(**known), np.random.default_rng(seed), settings)  # type: ignore[arg-type]


@settings(max_examples=25)
@given(SEEDS)
def test_images_and_targets_are_consistent(seed: int) -> None:
    episode = draw(seed)

    assert episode is not None
    assert episode.name == "disks"
    images, target, evidence, _ = episode.support
    assert images.shape == (len(images), IN_CHANNELS, CROP, CROP)
    assert all(m.shape == (len(images), CROP, CROP) for m in target)
    queries, dense = episode.query
    assert queries.shape == (2, IN_CHANNELS, 64, 64)
    assert all(m.shape == (2, 64, 64) for m in dense)
    for tensor in (images, *target, *evidence, queries, *dense):
        assert tensor.dtype == torch.float32
        assert torch.isfinite(tensor).all()
    # A pixel is painted, a stroke, in the ring, or unknown: never two of them.
    kinds = torch.stack([target.painted, target.stroke, target.ring])
    assert (kinds > 0).sum(0).max() == 1
    assert 0 <= kinds.min() <= kinds.max() <= 1
    assert target.painted.any()
    assert not target.cue[target.painted == 0].any()
    assert not dense.cue[dense.foreground == 0].any()
    assert 0 <= dense.cue.min() <= dense.cue.max() <= 1
    assert dense.weight.min() >= 0


@settings(max_examples=25)
@given(SEEDS)
def test_in_the_support_the_unpainted_is_unknown(seed: int) -> None:
    calm = replace(SETTINGS, stroke_chance=0.0, reject_chance=0.0, rule_chance=0.0)
    episode = draw(seed, calm)

    assert episode is not None
    target = episode.support.target
    assert not target.stroke.any()
    known = target.painted + target.ring
    # Some of 25 disks are painted; neither the others nor the ground are known.
    for crop in known:
        assert (crop == 0).float().mean() > 0.3


def test_the_same_chance_gives_the_same_episode() -> None:
    first, second = draw(7), draw(7)

    assert first is not None
    assert second is not None
    for a, b in zip(
        (first.support.inputs, *first.support.target, first.query.inputs),
        (second.support.inputs, *second.support.target, second.query.inputs),
        strict=True,
    ):
        assert torch.equal(a, b)
    other = draw(8)
    assert other is not None
    assert not torch.equal(first.query.inputs, other.query.inputs)


def test_an_image_without_a_whole_cell_gives_no_episode() -> None:
    masks = np.ones((40, 40), np.int32)
    one = replace(
        task(images=1),
        images=(masks.astype(np.uint8),),
        masks=(masks,),
        diameters=({1: 40.0},),
    )

    assert draw_episode(one, np.random.default_rng(0), SETTINGS) is None


def test_the_target_lies_on_the_objects_of_the_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is turned, cropped or rescaled without its target."""
    monkeypatch.setattr(module, "draw_appearance", lambda _: PLAIN)

    for seed in range(12):
        episode = draw(seed, replace(SETTINGS, rule_chance=0.0))
        assert episode is not None
        images, target = episode.query
        bright = images[:, 0] > 0.5
        assert ((target.foreground > 0) == bright).float().mean() > 0.9
        painted = episode.support.target.painted > 0
        assert (episode.support.inputs[:, 0][painted] > 0.5).float().mean() > 0.7


def test_support_and_query_change_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    inverted = replace(PLAIN, invert=True)
    monkeypatch.setattr(module, "draw_appearance", lambda _: inverted)

    for seed in range(12):
        episode = draw(seed, replace(SETTINGS, rule_chance=0.0))
        assert episode is not None
        painted = episode.support.inputs[:, 0][episode.support.target.painted > 0]
        wanted = episode.query.inputs[:, 0][episode.query.target.foreground > 0]
        ground = episode.query.inputs[:, 0][episode.query.target.foreground == 0]
        assert painted.median() == pytest.approx(float(wanted.median()), abs=0.05)
        assert wanted.median() < ground.median() - 0.5


def test_objects_that_a_rule_leaves_unsure_have_no_weight(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Small disks are the target, the larger ones neither that nor background."""
    areas = np.unique(np.bincount(disks().ravel())[1:])
    rule = Rule("small", float(areas[0]), float(areas[-1]) + 1)
    monkeypatch.setattr(module, "draw_rule", lambda *_: rule)
    monkeypatch.setattr(queries_module, "PAINTED_SHARE", 0.0)
    monkeypatch.setattr(module, "draw_appearance", lambda _: PLAIN)

    unsure = 0
    for seed in range(12):
        episode = draw(seed, replace(SETTINGS, rule_chance=1.0))
        assert episode is not None
        bright = episode.query.inputs[:, 0] > 0.9
        target = episode.query.target
        # Bright, not the target, and within the picture: a disk that is unsure.
        other = bright & (target.foreground == 0)
        inner = torch.nn.functional.max_pool2d(-other.float(), 5, 1, 2) == -1
        unsure += int(inner.sum())
        assert not target.weight[inner].any()
        assert target.weight[target.foreground > 0].min() >= 1
    assert unsure > 500


def test_where_not_all_is_annotated_the_distance_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "draw_appearance", lambda _: PLAIN)
    masks = np.where(disks() == 13, 1, 0).astype(np.int32)
    sparse = replace(task(images=1), masks=(masks,), diameters=({1: 18.0},))
    partly = replace(sparse, info=replace(sparse.info, complete=False))

    for seed in range(6):
        plain = replace(SETTINGS, rule_chance=0.0)
        whole, part = (
            draw_episode(t, np.random.default_rng(seed), plain)
            for t in (sparse, partly)
        )
        assert whole is not None
        assert part is not None
        assert not part.support.target.stroke.any(), "ground is not known there"
        weight, foreground = part.query.target.weight, part.query.target.foreground
        assert weight[foreground > 0].min() >= 1
        near = torch.nn.functional.max_pool2d(foreground, 41, 1, 20) > 0
        assert not weight[~near].any()


def in_colour() -> TaskFolder:
    """Return a task whose disks differ from the ground in hue, not in brightness."""
    gray = task(images=2)
    rng = np.random.default_rng(0)
    images = []
    for masks in gray.masks:
        image = rng.normal(100, 4, (*masks.shape, 3))
        image[masks > 0] += (60, -60, 0)
        images.append(image.clip(0, 255).astype(np.uint8))
    return replace(gray, images=tuple(images))


def test_colours_are_shown_as_colours_or_as_gray(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "draw_appearance", lambda _: PLAIN)
    calm = replace(SETTINGS, rule_chance=0.0, stroke_chance=0.0, reject_chance=0.0)

    channels, told = set(), []
    for seed in range(24):
        episode = draw_episode(in_colour(), np.random.default_rng(seed), calm)
        assert episode is not None
        count = len(episode.support.evidence.mean) // filter_count(1)
        channels.add(count)
        if count == 3:
            maps, wanted = episode.query.inputs[:, 1], episode.query.target.foreground
            told.append(float(((maps > 0) == (wanted > 0)).float().mean()))

    assert channels == {1, 3}
    # Mixed colours may hide the hue; the colours themselves do not.
    assert np.median(told) > 0.9


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the images and annotations that supports are made of."""
    seen: list[tuple[np.ndarray, np.ndarray]] = []

    def support(planes: list[tuple[np.ndarray, np.ndarray]]) -> Support:
        seen.extend(planes)
        return make_support(planes)

    monkeypatch.setattr(module, "make_support", support)
    return seen


def test_objects_that_are_no_target_are_rejected(
    monkeypatch: pytest.MonkeyPatch, painted: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    """Small disks are the target: the bright pixels that are struck are large disks."""
    areas = np.unique(np.bincount(disks().ravel())[1:])
    rule = Rule("small", float(areas[0]), float(areas[0]) + 1)
    monkeypatch.setattr(module, "draw_rule", lambda *_: rule)
    monkeypatch.setattr(module, "draw_appearance", lambda _: PLAIN)
    rejecting = replace(SETTINGS, stroke_chance=0.0, reject_chance=1.0, rule_chance=1.0)

    for seed in range(8):
        draw(seed, rejecting)

    assert len(painted) == 8
    for image, annotation in painted:
        assert (annotation == -1).any()
        assert (annotation > 0).any()
        assert (image[0][annotation == -1] > 0.5).mean() > 0.9


def test_nothing_is_rejected_where_not_all_is_annotated(
    painted: list[tuple[np.ndarray, np.ndarray]],
) -> None:
    rejecting = replace(SETTINGS, stroke_chance=0.0, reject_chance=1.0)

    assert draw(0, rejecting, complete=False) is not None

    assert (painted[0][1] >= 0).all()
