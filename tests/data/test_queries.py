"""Where queries come from, and what of them is scored."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_metaseg.core.scaling import resize_labels
from napari_metaseg.core.support import make_support
from napari_metaseg.data import episodes as module
from napari_metaseg.data.episodes import EpisodeSettings, draw_episode
from napari_metaseg.data.queries import (
    PAINTED_SHARE,
    Sight,
    choose_images,
    cut_query,
    painted_pixels,
)

from .tasks import disks, task

if TYPE_CHECKING:
    from napari_metaseg.core.inner_loop import Support
    from napari_metaseg.core.targets import DenseTarget

MASKS = disks()
SAME_SCALE = Sight(None, None, 1.0)
SETTINGS = EpisodeSettings(query_size=64, query_crops=3)


def test_the_other_images_take_turns_but_for_a_share() -> None:
    rng = np.random.default_rng(0)

    chosen = np.array(choose_images([4, 1, 2], 6000, rng, spare=True))

    assert np.mean(chosen == 4) == pytest.approx(PAINTED_SHARE, abs=0.02)
    assert np.mean(chosen == 1) == pytest.approx(np.mean(chosen == 2), abs=0.03)
    assert choose_images([4, 1, 2], 3, rng, spare=False) == [1, 2, 1]


def test_a_single_image_is_painted_and_queried() -> None:
    for spare in (True, False):
        rng = np.random.default_rng(0)
        assert choose_images([0], 3, rng, spare=spare) == [0, 0, 0]


def test_what_is_painted_has_no_weight_and_all_else_has() -> None:
    annotation = np.zeros_like(MASKS)
    annotation[MASKS == 7] = 7
    annotation[60:64, 4:12] = -1
    known = painted_pixels(MASKS, [7], annotation)

    _, target = cut_query(
        task(images=1), 0, SAME_SCALE, len(MASKS), np.random.default_rng(0), known
    )

    np.testing.assert_array_equal(known, annotation != 0)
    np.testing.assert_array_equal(target.weight == 0, known)
    np.testing.assert_array_equal(target.foreground > 0, MASKS > 0)


def test_a_painted_cell_is_known_as_a_whole_however_it_was_painted() -> None:
    part = np.where(MASKS == 7, 7, 0)
    part[np.argwhere(part)[0][0] : np.argwhere(part)[0][0] + 4] = 0
    moved = np.roll(part, 3, 1)

    known = painted_pixels(MASKS, [7], resize_labels(moved, (240, 240)))

    assert known[MASKS == 7].all()
    assert known[moved != 0].all()
    assert not known[np.isin(MASKS, [2, 6, 8, 12])].any()


def test_crops_of_the_painted_image_show_what_is_not_painted() -> None:
    """All disks but one are painted, and small crops are drawn."""
    known = (MASKS > 0) & (MASKS != 13)

    scored = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        _, target = cut_query(task(images=1), 0, SAME_SCALE, 32, rng, known)
        scored += bool(target.foreground[target.weight > 0].any())

    assert scored > 24


class Seen:
    """What was painted, and what queries were asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.annotation = np.zeros(0)
        self.queries: list[tuple[int, np.ndarray | None]] = []
        monkeypatch.setattr(module, "make_support", self.support)
        monkeypatch.setattr(module, "cut_query", self.query)

    def support(self, planes: list[tuple[np.ndarray, np.ndarray]]) -> Support:
        ((_, self.annotation),) = planes
        return make_support(planes)

    def query(
        self, *args: object, painted: np.ndarray | None
    ) -> tuple[np.ndarray, DenseTarget]:
        self.queries.append((args[1], painted))  # type: ignore[arg-type]
        return cut_query(*args, painted=painted)  # type: ignore[arg-type]


@pytest.mark.parametrize("images", [1, 3])
def test_what_is_painted_is_told_to_the_queries_of_its_image_alone(
    images: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = 0
    for seed in range(12):
        seen = Seen(monkeypatch)
        drawn = draw_episode(
            task(images=images),
            np.random.default_rng(seed),
            replace(SETTINGS, stroke_chance=1.0),
        )
        assert drawn is not None
        first = {which for which, painted in seen.queries if painted is not None}
        others = {which for which, painted in seen.queries if painted is None}
        assert not first & others
        assert len(first) <= 1
        unpainted = sum(painted is None for _, painted in seen.queries)
        assert len(others) == min(unpainted, images - 1)
        for _, painted in seen.queries:
            if painted is not None:
                told += 1
                wide = resize_labels(painted, seen.annotation.shape)  # type: ignore[arg-type]
                assert wide[seen.annotation != 0].mean() > 0.95

    assert told == 36 if images == 1 else 3 < told < 15


def test_where_nothing_else_is_left_the_painted_cell_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    masks = np.where(MASKS == 13, 1, 0).astype(np.int32)
    alone = replace(task(images=1), masks=(masks,), diameters=({1: 18.0},))
    pair = replace(task(images=2), masks=(masks, masks), diameters=({1: 18.0},) * 2)
    calm = replace(SETTINGS, rule_chance=0.0)

    for seed in range(6):
        seen = Seen(monkeypatch)
        assert draw_episode(alone, np.random.default_rng(seed), calm) is not None
        assert [painted for _, painted in seen.queries] == [None] * 3
        seen = Seen(monkeypatch)
        assert draw_episode(pair, np.random.default_rng(seed), calm) is not None
        assert len({which for which, _ in seen.queries}) == 1, "the other image"
