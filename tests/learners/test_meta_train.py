from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch

from napari_metaseg.core.errors import UserError
from napari_metaseg.learners.checkpoint import load_checkpoint, save_checkpoint
from napari_metaseg.learners.meta_gradient import (
    MetaGradient,
    OuterSettings,
    meta_gradient,
)
from napari_metaseg.learners.meta_train import (
    Progress,
    TrainSettings,
    meta_train,
    start,
)
from napari_metaseg.learners.outer_step import GradientMoments, update

from .helpers import tiny_episode, tiny_network

if TYPE_CHECKING:
    from pathlib import Path

    from napari_metaseg.learners.episode import EpisodeTensors
    from napari_metaseg.learners.meta_train import EpisodeSource

OUTER = OuterSettings("fomaml", inner_steps=1)


def source(step: int, index: int) -> EpisodeTensors:
    return tiny_episode(10 * step + index)


def fresh() -> Progress:
    params = dict(tiny_network().named_parameters())
    return start(params, dict.fromkeys(params, 0.01))


def train(progress: Progress, steps: int, total: int = 6) -> list[dict[str, float]]:
    settings = TrainSettings(steps=total, tasks_per_step=2)
    run = meta_train(tiny_network(), progress, source, OUTER, settings)
    return [next(run) for _ in range(steps)]


def flat(progress: Progress) -> torch.Tensor:
    tensors = [*progress.state.tensors(), *progress.average]
    return torch.cat([t.detach().flatten() for t in tensors])


def test_a_resumed_run_ends_in_the_same_bits(tmp_path: Path) -> None:
    straight = fresh()
    logs = train(straight, 6)

    first = fresh()
    early = train(first, 2)
    save_checkpoint(tmp_path / "c.safetensors", first)
    resumed = load_checkpoint(tmp_path / "c.safetensors", fresh())
    late = train(resumed, 4)

    assert resumed.step == 6
    assert torch.equal(flat(resumed), flat(straight))
    assert [m["query_after"] for m in early + late] == [m["query_after"] for m in logs]


def test_training_on_one_episode_lowers_its_query_loss() -> None:
    progress = fresh()
    settings = TrainSettings(steps=80, tasks_per_step=1, rate=2e-2)

    losses = [
        m["query_after"]
        for m in meta_train(
            tiny_network(), progress, lambda *_: tiny_episode(0), OUTER, settings
        )
    ]

    assert losses[-1] < 0.85 * losses[0]
    rates = torch.stack([r.detach() for r in progress.state.log_rates.values()])
    assert not torch.allclose(rates, torch.tensor(math.log(0.01))), "rates learn too"


def test_an_episode_without_a_finite_gradient_is_skipped() -> None:
    def sometimes(step: int, index: int) -> EpisodeTensors:
        episode = source(step, index)
        if index == 0:
            episode = episode._replace(query_inputs=episode.query_inputs * math.nan)
        return episode

    progress = fresh()
    settings = TrainSettings(steps=1, tasks_per_step=2)

    (metrics,) = meta_train(tiny_network(), progress, sometimes, OUTER, settings)

    assert metrics["skipped"] == 1
    assert torch.isfinite(flat(progress)).all()


def test_no_finite_gradient_at_all_stops_the_run() -> None:
    def never(step: int, index: int) -> EpisodeTensors:
        episode = source(step, index)
        return episode._replace(query_inputs=episode.query_inputs * math.nan)

    run = meta_train(tiny_network(), fresh(), never, OUTER, TrainSettings(steps=1))

    with pytest.raises(FloatingPointError, match="lower the rate"):
        next(run)


def test_one_meta_step_moves_all_that_is_learned_by_its_own_rate() -> None:
    progress = fresh()
    before = [t.detach().clone() for t in progress.state.tensors()]
    settings = TrainSettings(steps=3, tasks_per_step=1, clip=1e9)
    outer = OuterSettings("fomaml", inner_steps=1, blank_chance=0.0, drop_chance=0.0)
    slopes = meta_gradient(
        tiny_network(), progress.state, tiny_episode(0), outer, blank=False
    ).gradients
    names = len(progress.state.params)
    # The first of 50 steps in which the rates rise to their full height.
    rates = [settings.rate / 50] * names + [settings.rate_of_rates / 50] * names
    expected = [
        t
        - rate * update(GradientMoments(torch.zeros_like(t), torch.zeros_like(t)), g, 1)
        for t, g, rate in zip(before, slopes, rates, strict=True)
    ]

    next(meta_train(tiny_network(), progress, source, outer, settings))

    for found, wanted in zip(progress.state.tensors(), expected, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize("damage", ["truncated", "garbage", "missing"])
def test_a_damaged_checkpoint_gets_a_sentence(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, fresh())
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "garbage":
        path.write_bytes(b"\x80\x04pickle")
    else:
        path.unlink()

    with pytest.raises(UserError, match="damaged"):
        load_checkpoint(path, fresh())


def test_evidence_is_withheld_in_the_share_of_episodes_that_is_asked_for() -> None:
    def without(step: int, index: int) -> EpisodeTensors:
        return source(step, index).without_evidence()

    def trained(chance: float, episodes: EpisodeSource) -> list[torch.Tensor]:
        progress = fresh()
        outer = OuterSettings("pooled", blank_chance=0.0, drop_chance=chance)
        settings = TrainSettings(steps=1, tasks_per_step=2)
        next(meta_train(tiny_network(), progress, episodes, outer, settings))
        return progress.state.tensors()

    withheld = trained(1.0, source)
    for a, b in zip(withheld, trained(0.0, without), strict=True):
        torch.testing.assert_close(a, b)
    shown = trained(0.0, source)
    assert not all(torch.equal(a, b) for a, b in zip(withheld, shown, strict=True))


def test_queries_on_the_way_count_less_as_the_run_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []

    def spy(*arguments: Any) -> MetaGradient:
        seen.append(arguments[-1])
        return meta_gradient(*arguments)

    monkeypatch.setattr("napari_metaseg.learners.meta_train.meta_gradient", spy)
    settings = TrainSettings(steps=4, tasks_per_step=1)

    list(meta_train(tiny_network(), fresh(), source, OUTER, settings))

    assert seen == [0, 0.25, 0.5, 0.75]
