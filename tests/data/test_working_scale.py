"""The scale at which episodes are seen: set by what is painted, and never exactly."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_metaseg.core.objects import object_diameter, object_diameters
from napari_metaseg.core.scaling import WORKING_DIAMETER
from napari_metaseg.core.support import make_support
from napari_metaseg.data import episodes as module
from napari_metaseg.data.episodes import Episode, EpisodeSettings, draw_episode
from napari_metaseg.data.relabel import Rule

from .tasks import PLAIN, disks, task

if TYPE_CHECKING:
    from napari_metaseg.core.inner_loop import Support
    from napari_metaseg.data.folders import TaskFolder
    from napari_metaseg.data.relabel import Kind

CALM = EpisodeSettings(
    query_size=128, stroke_chance=0.0, reject_chance=0.0, rule_chance=0.0
)


def alike(radius: int) -> TaskFolder:
    """Return a task of disks of one size."""
    masks = disks(side=192, radius=radius, step=64)
    areas = np.bincount(masks.ravel())
    masks = np.where(areas[masks] == areas[1], masks, 0)
    return replace(
        task(images=2),
        images=(np.where(masks > 0, 200, 20).astype(np.uint8),) * 2,
        masks=(masks,) * 2,
        diameters=(object_diameters(masks),) * 2,
    )


class Painted:
    """What is painted, exactly, and its episode."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.annotation = np.zeros(0)
        monkeypatch.setattr(module, "draw_appearance", lambda _: PLAIN)
        monkeypatch.setattr(module, "paint_cells", self._paint)
        monkeypatch.setattr(module, "make_support", self._support)

    def draw(self, tasks: TaskFolder, seed: int, settings: EpisodeSettings) -> Episode:
        episode = draw_episode(tasks, np.random.default_rng(seed), settings)
        assert episode is not None
        return episode

    @property
    def diameter(self) -> float:
        return float(np.median(list(object_diameters(self.annotation).values())))

    @staticmethod
    def _paint(labels: np.ndarray, cells: list[int], _: object) -> np.ndarray:
        return np.where(np.isin(labels, cells), labels, 0)

    def _support(self, planes: list[tuple[np.ndarray, np.ndarray]]) -> Support:
        ((_, self.annotation),) = planes
        return make_support(planes)


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> Painted:
    return Painted(monkeypatch)


def whole_diameters(episode: Episode) -> list[float]:
    """Diameters of the objects of a query that its edge does not cut off."""
    found = []
    for crop in episode.query.target.foreground.numpy() > 0:
        pieces = np.pad(ndi.label(crop)[0], 1, mode="edge")
        edge = np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]])
        for k in np.setdiff1d(np.unique(pieces), np.append(edge, 0)):
            found.append(object_diameter(pieces[1:-1, 1:-1] == k))
    return found


def test_the_scale_jitters_about_the_working_diameter_in_support_and_query_alike(
    painted: Painted,
) -> None:
    task_, sizes = alike(9), []
    for seed in range(24):
        episode = painted.draw(task_, seed, CALM)
        seen = whole_diameters(episode)
        assert np.median(seen) == pytest.approx(painted.diameter, rel=0.06)
        sizes.append(painted.diameter)

    jitter = np.log(np.array(sizes) / WORKING_DIAMETER)
    assert abs(jitter.mean()) < 0.06
    assert 0.06 < jitter.std() < 0.14


@pytest.mark.parametrize("kind", ["core", "rim"])
def test_parts_of_objects_are_brought_to_the_working_diameter(
    kind: Kind, painted: Painted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "draw_rule", lambda *_: Rule(kind))
    large = alike(20)

    sizes = []
    for seed in range(16):
        episode = painted.draw(large, seed, replace(CALM, rule_chance=1.0))
        sizes.append(painted.diameter)
        target = episode.query.target
        found = [crop for crop in target.foreground.numpy() > 0 if crop.any()]
        for crop in found:
            rings = (ndi.binary_fill_holes(crop) & ~crop).any()
            assert kind == "rim" or not rings
        filled = ndi.binary_fill_holes(painted.annotation > 0)
        assert (filled & (painted.annotation == 0)).any() == (kind == "rim")
        assert found

    assert np.median(sizes) == pytest.approx(WORKING_DIAMETER, rel=0.1)


def test_a_rim_is_painted_and_its_lumen_is_not_target(
    monkeypatch: pytest.MonkeyPatch, painted: Painted
) -> None:
    """The disks are bright: so is the rim, and so is ground in the middle."""
    monkeypatch.setattr(module, "draw_rule", lambda *_: Rule("rim", high=2.0))

    bright = []
    for seed in range(8):
        episode = painted.draw(alike(20), seed, replace(CALM, rule_chance=1.0))
        target = episode.query.target
        shown = episode.query.inputs[:, 0] > 0.9
        assert (shown[target.foreground > 0]).float().mean() > 0.6
        inner = shown & (target.foreground == 0) & (target.weight > 0)
        bright.append(float(inner.sum() / shown.sum()))

    assert 0.25 < np.mean(bright) < 0.45, "a core has 0.36 of the area"
