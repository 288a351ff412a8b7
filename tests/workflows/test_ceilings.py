"""Full supervision of the network: by a task's other images, or by the painted ones."""

from __future__ import annotations

import functools
import operator
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_metaseg.core.axes import as_planes
from napari_metaseg.core.inner_loop import Support, run_on_support
from napari_metaseg.core.losses import dense_loss
from napari_metaseg.core.objects import object_diameters
from napari_metaseg.io.bundle import load_bundle
from napari_metaseg.workflows.benchmark.methods import ceiling
from napari_metaseg.workflows.benchmark.methods.ceiling import Ceiling, make_folds
from napari_metaseg.workflows.benchmark.methods.painted_ceiling import PaintedCeiling
from napari_metaseg.workflows.benchmark.methods.supervised import (
    CeilingSettings,
    Crops,
    as_painted,
    full_support,
    train_supervised,
)
from napari_metaseg.workflows.lens import Lens
from tests.data.tasks import disks

from .noisy_draws import PAINTED, a_draw, noisy

CPU = torch.device("cpu")
FEW = CeilingSettings(folds=2, steps=2, batch=2, crop=64)


def trained_on(patch: pytest.MonkeyPatch) -> list[list[int]]:
    """Note the images of each training that a method asks for."""
    seen: list[list[int]] = []

    def spy(known, indices, *further):
        seen.append(list(indices))
        return train_supervised(known, indices, *further)

    patch.setattr(ceiling, "train_supervised", spy)
    return seen


@pytest.mark.parametrize(("images", "folds"), [(2, 2), (5, 3), (7, 3), (2, 9)])
def test_every_image_lies_in_one_part(images: int, folds: int) -> None:
    parts = make_folds(images, CeilingSettings(folds=folds))

    assert sorted(functools.reduce(operator.iadd, parts, [])) == list(range(images))
    assert all(parts)


def test_the_ceiling_never_trains_on_what_it_is_scored_on(
    small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    painted = a_draw(noisy(3, side=80), 1).painted("cells", 1)
    seen = trained_on(monkeypatch)
    method = Ceiling(small, "cpu", FEW)
    fitted = method.fit(painted)

    assert fitted is not None
    for part, indices in zip(fitted.folds, seen, strict=True):
        assert sorted([*part, *indices]) == [0, 1, 2]
    for index, image in enumerate(painted.task.images):
        part = next(n for n, fold in enumerate(fitted.folds) if index in fold)
        own = fitted.segmenters[part].segment(image, axes="YX")
        np.testing.assert_array_equal(fitted.after(image), own)
    assert method.fit(painted) is fitted, "one training serves all draws"
    assert len(seen) == 2


def test_supervision_lowers_the_dense_loss_on_another_image(small: str) -> None:
    known = noisy(2, side=80)
    settings = replace(FEW, steps=15, rate=0.02)
    segmenter = train_supervised(known, [0], load_bundle(small), CPU, settings)
    network = segmenter.network
    support = full_support(known, [0], segmenter.lens)
    crops = Crops(known, [1], segmenter.lens, support.evidence, FEW)
    inputs, target = crops.batch(CPU)
    batch = Support(inputs, as_painted(target), support.evidence)

    before, after = (
        float(dense_loss(run_on_support(network.module, p, batch).logits, target))
        for p in (network.initial.params, network.adapted.params)
    )

    assert after < 0.9 * before


def test_crops_show_inputs_and_targets_of_the_same_place(small: str) -> None:
    known = noisy(2, side=80)
    planes = as_planes(known.images[0], axes="YX")
    lens = Lens.of(planes, 20.0, load_bundle(small).diameter)
    support = full_support(known, [0], lens)

    inputs, target = Crops(known, [0, 1], lens, support.evidence, FEW).batch(CPU)

    assert inputs.shape[0] == target.foreground.shape[0] == 2
    assert inputs.shape[2:] == target.foreground.shape[1:] == (64, 64)
    inside, outside = target.foreground > 0, target.foreground == 0
    assert inputs[:, 0][inside].mean() > inputs[:, 0][outside].mean() + 0.3


def test_the_ceiling_of_a_single_image_is_unknown(small: str) -> None:
    draw = a_draw(noisy(1))
    blank = np.zeros_like(PAINTED.task.masks[0])
    empty = replace(
        noisy(2),
        masks=(disks(), blank),
        diameters=(object_diameters(disks()), {}),
    )
    method = Ceiling(small, "cpu", FEW)

    assert method.fit(draw.painted("cells", 1)) is None
    assert method.fit(a_draw(empty).painted("cells", 1)) is None


@pytest.mark.parametrize("regime", ["cells", "spread"])
def test_the_ceiling_of_painted_images_trains_on_these_and_no_others(
    small: str, monkeypatch: pytest.MonkeyPatch, regime: str
) -> None:
    draw = a_draw(noisy(4, side=80), 2)
    painted = draw.painted(regime, 1)
    seen = trained_on(monkeypatch)
    method = PaintedCeiling(small, "cpu", FEW)
    fitted = method.fit(painted)

    assert fitted is not None
    told = sorted(index for index, _ in painted.annotations)
    assert seen == [told]
    assert len(told) == (1 if regime == "cells" else 2)
    (segmenter,) = fitted.segmenters
    for index in painted.scored:
        image = painted.task.images[index]
        own = segmenter.segment(image, axes="YX")
        np.testing.assert_array_equal(fitted.after(image), own)
    assert method.fit(painted) is fitted, "one training serves all regimes"


def test_the_ceiling_of_a_painted_image_does_not_hang_on_how_much_is_painted(
    small: str,
) -> None:
    painted = a_draw(noisy(2, side=80), 2).painted("cells", 1)
    (index, annotation), *_ = painted.annotations
    less = np.where(annotation == 1, annotation, 0).astype(np.int32)
    fewer = replace(painted, annotations=((index, less),))
    image = painted.task.images[painted.scored[0]]

    results = [
        PaintedCeiling(small, "cpu", FEW).fit(known) for known in (painted, fewer)
    ]

    first, second = (r.after(image) for r in results if r is not None)
    np.testing.assert_array_equal(first, second)


def test_a_painted_image_that_is_scored_itself_has_no_ceiling(small: str) -> None:
    painted = a_draw(noisy(1)).painted("cells", 1)

    assert PaintedCeiling(small, "cpu", FEW).fit(painted) is None


def test_the_two_ceilings_are_told_apart(small: str) -> None:
    one, other = Ceiling(small, "cpu", FEW), PaintedCeiling(small, "cpu", FEW)

    assert one.name != other.name
    assert one.fingerprint != other.fingerprint
