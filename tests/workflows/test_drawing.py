"""Of a large image, what a person waits for is drawn first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.workflows import adapt_run, around, drawing, judging
from napari_metaseg.workflows.adapt import AdaptedModel, Progress, adapt_steps

if TYPE_CHECKING:
    from napari_metaseg.data.synthetic import Scene
    from napari_metaseg.workflows.wanted import Rectangle

IN_VIEW = 0, slice(100, 150), slice(110, 170)


def run(
    scene: Scene,
    painted: np.ndarray,
    init: str,
    previous: np.ndarray | None = None,
    *,
    previews: bool = True,
    part: Rectangle | None = None,
) -> tuple[list[Progress], AdaptedModel]:
    steps = adapt_steps(
        scene.image,
        painted,
        init=init,
        device="cpu",
        look_at=IN_VIEW,
        previous=previous,
        previews=previews,
        part=part,
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
    monkeypatch.setattr(around, "AT_ONCE", 0)
    monkeypatch.setattr(around, "AROUND", 0)
    monkeypatch.setattr(drawing, "TILE", 32)


@pytest.fixture(autouse=True)
def verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge a network of random weights as a good one."""
    monkeypatch.setattr(adapt_run, "unadapted_share", lambda *_: 0.5)
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

    # Before adaptation only what is around the cell is drawn.
    assert len([p for p in told if p.stage == "before" and p.preview is None]) <= 4
    parts = [p.part for p in told if p.stage == "segment" and p.part]
    assert len(parts) > 3
    assert all(r.place == IN_VIEW[1:] for r in parts)
    assert len([p for p in told if p.stage == "segment"]) > len(parts) + 10
    found = model.found(DecodeSettings())[IN_VIEW[1:]]
    right = [((r.labels > 0) == (found > 0)).mean() for r in parts]
    assert right[-1] > 0.95


@pytest.mark.usefixtures("tiles")
def test_what_was_shown_stays_but_around_painted_cells(
    scene: Scene, one_cell: np.ndarray, small: str
) -> None:
    previous = np.full(scene.masks.shape, 7, np.int32)
    told, _ = run(scene, one_cell, small, previous)

    (preview,) = [p.preview for p in told if p.preview is not None]
    (box,) = ndi.find_objects((one_cell > 0).astype(np.uint8))
    assert (preview[box] != 7).any()
    outside = np.ones(preview.shape, bool)
    outside[box] = False
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


def test_what_is_not_wanted_stays_blank(
    scene: Scene, one_cell: np.ndarray, small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking around painted cells first leaves no trace beyond."""
    monkeypatch.setattr(drawing, "TILE", 32)
    part = 0, 20, 0, 20
    _, plain = run(scene, one_cell, small, part=part)
    monkeypatch.setattr(around, "AT_ONCE", 0)
    _, looked = run(scene, one_cell, small, part=part)

    for adapted in (False, True):
        (one,), (other,) = (m.drawn(adapted=adapted) for m in (plain, looked))
        assert (one.maps == 0).mean() > 0.3
        np.testing.assert_array_equal(one.maps, other.maps)
