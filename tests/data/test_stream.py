from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_metaseg.core.errors import UserError
from napari_metaseg.data.episodes import Episode, EpisodeSettings
from napari_metaseg.data.stream import EpisodeStream, draw_procedural, source_weights

from .tasks import task

SETTINGS = EpisodeSettings(query_size=64, query_crops=1)


def stream(share: float = 0.5, seed: int = 0) -> EpisodeStream:
    return EpisodeStream([task("one"), task("two")], seed, share, SETTINGS)


def flat(episode: Episode) -> torch.Tensor:
    tensors = (*episode.support.target, episode.support.inputs, episode.query.inputs)
    return torch.cat([t.flatten() for t in (*tensors, *episode.query.target)])


def test_an_episode_depends_on_its_number_alone() -> None:
    forwards, backwards = stream(), stream()
    numbers = [(0, 0), (0, 1), (1, 0), (5, 3)]

    first = {n: forwards.episode(*n) for n in numbers}
    second = {n: backwards.episode(*n) for n in reversed(numbers)}

    for n in numbers:
        assert first[n].name == second[n].name
        assert torch.equal(flat(first[n]), flat(second[n]))
    means = {float(flat(first[n]).mean()) for n in numbers}
    assert len(means) == len(numbers), "other numbers are other episodes"


def test_another_seed_gives_other_episodes() -> None:
    one, two = stream(seed=0).episode(0, 0), stream(seed=1).episode(0, 0)

    assert flat(one).shape != flat(two).shape or not torch.equal(flat(one), flat(two))


@pytest.mark.parametrize(
    ("share", "names"), [(0.0, {"one", "two"}), (1.0, {"procedural"})]
)
def test_the_share_of_procedural_tasks_is_kept(share: float, names: set[str]) -> None:
    drawn = stream(share)

    assert {drawn.episode(0, n).name for n in range(8)} == names


def test_no_tasks_at_all_get_a_sentence() -> None:
    with pytest.raises(UserError, match="no tasks to train on"):
        EpisodeStream([], procedural_share=0.5)

    assert EpisodeStream([], procedural_share=1.0).tasks == []


def test_sources_are_alike_and_tasks_share_their_source() -> None:
    tasks = [
        task("a", source="one"),
        task("b", source="one"),
        task("c", source="two"),
    ]

    np.testing.assert_allclose(source_weights(tasks), [1 / 4, 1 / 4, 1 / 2])


def test_nuclei_are_a_third_however_many_there_are() -> None:
    nuclei = [task(f"n{k}", source=f"s{k // 2}", nuclei=True) for k in range(8)]
    cells = [task("a", source="other"), task("b", source="another")]

    weights = source_weights(nuclei + cells)

    np.testing.assert_allclose(weights[:8], np.full(8, 1 / 24))
    np.testing.assert_allclose(weights[8:], [1 / 3, 1 / 3])


@pytest.mark.parametrize("nuclei", [True, False])
def test_one_kind_alone_takes_all(nuclei: bool) -> None:
    weights = source_weights([task("a", nuclei=nuclei), task("b", nuclei=nuclei)])

    np.testing.assert_allclose(weights, [0.5, 0.5])


def test_a_procedural_task_is_a_complete_task() -> None:
    drawn = draw_procedural(np.random.default_rng(0))

    assert len(drawn.images) == len(drawn.masks) == len(drawn.diameters) == 3
    assert drawn.info.distributable
    assert drawn.info.complete
    for masks, diameters in zip(drawn.masks, drawn.diameters, strict=True):
        assert set(diameters) == set(np.unique(masks)[1:].tolist())
