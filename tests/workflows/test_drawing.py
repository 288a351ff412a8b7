"""Of a large image, what a person waits for is drawn first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.workflows import adapt_run, drawing, judging
from napari_metaseg.workflows.adapt import AdaptedModel, Progress, adapt_steps

if TYPE_CHECKING:
    from napari_metaseg.data.synthetic import Scene

IN_VIEW = 0, slice(100, 150), slice(110, 170)


def run(
    scene: Scene,
    painted: np.ndarray,
    init: str,
    previous: np.ndarray | None = None,
    *,
    previews: bool = True,
) -> tuple[list[Progress], AdaptedModel]:
    steps = adapt_steps(
        scene.image,
        painted,
        init=init,
        device="cpu",
        look_at=IN_VIEW,
        previous=previous,
        previews=previews,
    )
    told: list[Progress] = []
    while True:
        try:
            told.append(next(steps))
        except StopIteration as stop:
            return told, stop.value


@pytest.fixture
def tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small images count as large."""
    monkeypatch.setattr(drawing, "AT_ONCE", 0)
    monkeypatch.setattr(drawing, "AROUND", 0)
    monkeypatch.setattr(drawing, "TILE", 32)


@pytest.fixture(autouse=True)
def verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge a network of random weights as a good one."""
    monkeypatch.setattr(adapt_run, "start_share", lambda _iou: 0.5)
    monkeypatch.setattr(judging, "verdict", lambda *_: "")


@pytest.fixture
def one_cell(painted: np.ndarray) -> np.ndarray:
    first = painted[painted > 0][0]
    return np.where(painted == first, painted, 0)


@pytest.mark.usefixtures("tiles")
def test_what_is_in_view_is_found_before_the_rest_is_drawn(
    scene: Scene, one_cell: np.ndarray, small: str
) -> None:
    told, model = run(scene, one_cell, small)

    shown = next(i for i, p in enumerate(told) if p.stage == "segment" and p.region)
    region = told[shown].region
    assert region is not None
    assert region.place == IN_VIEW[1:]
    assert len([p for p in told[shown:] if p.stage == "segment"]) > 10
    found = model.found(DecodeSettings())[IN_VIEW[1:]]
    assert ((region.labels > 0) == (found > 0)).mean() > 0.95


@pytest.mark.usefixtures("tiles")
def test_what_was_shown_stays_outside_the_view(
    scene: Scene, one_cell: np.ndarray, small: str
) -> None:
    previous = np.full(scene.masks.shape, 7, np.int32)
    told, _ = run(scene, one_cell, small, previous)

    (preview,) = [p.preview for p in told if p.preview is not None]
    outside = np.ones(preview.shape, bool)
    outside[IN_VIEW[1:]] = False
    assert (preview[outside] == 7).all()


def test_the_order_of_drawing_changes_nothing_in_the_end(
    scene: Scene, one_cell: np.ndarray, small: str, request: pytest.FixtureRequest
) -> None:
    _, whole = run(scene, one_cell, small)
    request.getfixturevalue("tiles")
    told, pieces = run(scene, one_cell, small)
    _, unseen = run(scene, one_cell, small, previews=False)

    for adapted in (False, True):
        pairs = zip(
            *(m.drawn(adapted=adapted) for m in (whole, pieces, unseen)), strict=True
        )
        for one, two, three in pairs:
            np.testing.assert_allclose(one.maps, two.maps, atol=2e-3)
            np.testing.assert_array_equal(two.maps, three.maps)
    assert pieces.report == unseen.report
    assert pieces.segmenter.kept
    shares = [p.step / p.total for p in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1
