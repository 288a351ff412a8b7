"""Cells held out as a test are scored, and leave no trace in what is learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_metaseg import adapt
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.metrics import mask_iou
from napari_metaseg.core.settings import DecodeSettings

if TYPE_CHECKING:
    from napari_metaseg.data.synthetic import Scene


@pytest.fixture
def test_cell(painted: np.ndarray) -> np.ndarray:
    """Return one of the three painted cells."""
    number = int(np.unique(painted[painted > 0])[-1])
    return np.where(painted == number, number, 0)


def test_they_are_not_learned_from(
    scene: Scene, painted: np.ndarray, test_cell: np.ndarray, small: str
) -> None:
    erased = np.where(test_cell > 0, 0, painted)

    held = adapt(scene.image, painted, held_out=test_cell, init=small, device="cpu")
    without = adapt(scene.image, erased, init=small, device="cpu")

    assert held.report is not None
    assert held.report.n_cells == 2
    ours, theirs = (m.segmenter.network.adapted for m in (held, without))
    for name, tensor in ours.params.items():
        assert torch.equal(tensor, theirs.params[name])
    assert torch.equal(ours.context.prototype, theirs.context.prototype)
    assert held.report.diameter == without.report.diameter
    np.testing.assert_array_equal(held.labels, without.labels)


def test_the_report_scores_them_before_and_after(
    scene: Scene, painted: np.ndarray, test_cell: np.ndarray
) -> None:
    model = adapt(scene.image, painted, held_out=test_cell, device="cpu")

    report = model.report
    assert report is not None
    for adapted, score in (
        (False, report.held_out_iou_before),
        (True, report.held_out_iou_after),
    ):
        found = model.found(DecodeSettings(min_size=0.0), adapted=adapted)
        best = max(
            mask_iou(test_cell > 0, found == k) for k in range(1, found.max() + 1)
        )
        assert score == pytest.approx(best)
    assert model.segmenter.card["report"]["held_out_iou_after"] is not None


def test_they_are_scored_as_the_result_is_shown(
    scene: Scene, painted: np.ndarray, test_cell: np.ndarray, small: str
) -> None:
    """Also where a higher threshold has lost them."""
    sure = DecodeSettings(threshold=0.999, min_size=0.0)

    model = adapt(
        scene.image,
        painted,
        held_out=test_cell,
        init=small,
        device="cpu",
        settings=sure,
    )

    assert model.report is not None
    found = model.found(sure)
    best = max(
        (mask_iou(test_cell > 0, found == k) for k in np.unique(found[found > 0])),
        default=0.0,
    )
    usual = adapt(scene.image, painted, held_out=test_cell, init=small, device="cpu")
    assert usual.report is not None
    assert model.report.held_out_iou_after == pytest.approx(best)
    assert model.report.held_out_iou_after != usual.report.held_out_iou_after


def test_without_any_there_is_no_score(
    scene: Scene, painted: np.ndarray, small: str
) -> None:
    for nothing in (None, np.zeros_like(painted)):
        report = adapt(
            scene.image, painted, held_out=nothing, init=small, device="cpu"
        ).report
        assert report is not None
        assert report.n_cells == 3
        assert report.held_out_iou_before is report.held_out_iou_after is None


def test_something_must_be_left_to_learn_from(
    scene: Scene, painted: np.ndarray, small: str
) -> None:
    with pytest.raises(UserError, match="All painted cells are held out"):
        adapt(scene.image, painted, held_out=painted, init=small, device="cpu")


def test_lists_go_with_lists(
    scene: Scene, painted: np.ndarray, test_cell: np.ndarray, small: str
) -> None:
    images, annotations = [scene.image] * 2, [painted, painted]
    with pytest.raises(UserError, match="2 images but 1 arrays"):
        adapt(images, annotations, held_out=[test_cell], init=small, device="cpu")

    tests = [painted, test_cell]
    model = adapt(images, annotations, held_out=tests, init=small, device="cpu")

    assert model.report is not None
    assert model.report.n_cells == 2
