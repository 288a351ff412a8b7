"""Kinds of cells within images."""

from __future__ import annotations

import numpy as np
import torch

from napari_metaseg.core.cell_measures import MEASURES
from napari_metaseg.data.cell_kinds import (
    FIXED,
    bands,
    draw_episode,
    draw_fixed,
    pool_cells,
)

from .tasks import task


def test_every_image_has_cells_of_every_band() -> None:
    (pool,) = pool_cells([task(images=3)])

    assert pool.crops.shape[0] == len(pool.sizes) == len(pool.ranks) == 75
    for first in range(0, 75, 25):
        for column in range(len(MEASURES)):
            found = bands(pool.ranks[first : first + 25, column], 5)
            assert np.bincount(found).tolist() == [5] * 5


def test_ranks_by_size_follow_the_size() -> None:
    (pool,) = pool_cells([task(images=1)])

    large = pool.sizes > pool.sizes.mean()
    ranks = pool.ranks[:, MEASURES.index("size")]

    assert ranks[large].min() > ranks[~large].max()


def test_few_cells_of_an_image_are_taken_and_poor_images_left_out() -> None:
    (pool,) = pool_cells([task(images=2)], per_image=10)
    poor = task("poor")
    sparse = tuple(np.where(m <= 5, m, 0) for m in poor.masks)

    assert len(pool.sizes) == 20
    assert pool_cells([type(poor)("poor", poor.images, sparse, (), poor.info)]) == []


def test_an_episode_has_the_classes_asked_for_and_repeats_itself() -> None:
    pools = pool_cells([task("a"), task("b")])

    for seed in range(8):
        episode = draw_episode(pools, np.random.default_rng(seed), 5, 4)
        again = draw_episode(pools, np.random.default_rng(seed), 5, 4)

        counts = torch.bincount(episode.classes)
        assert len(counts) <= 5 and len(counts) >= 3 and counts.max() <= 4
        assert len(episode.inputs) == len(episode.sizes) == int(counts.sum())
        assert len(episode.measures) == int(counts.sum())
        assert torch.equal(episode.inputs, again.inputs)


def test_fixed_classes_say_what_lies_above_the_median() -> None:
    pools = pool_cells([task("a")])

    drawn = draw_fixed(pools, np.random.default_rng(0), 32)

    assert len(drawn.classes) == len(drawn.inputs) == 32
    assert 0 <= int(drawn.classes.min()) <= int(drawn.classes.max()) < FIXED
    # The first bit is the size, which half of the disks exceed.
    large = drawn.sizes > drawn.sizes.mean()
    assert (drawn.classes[large] % 2 == 1).all()
