"""Painted crops are left out in turn, and tell how many steps help."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.inner_loop import Step, Support, run_on_support
from napari_metaseg.core.proximal import ProximalSettings
from napari_metaseg.core.recipe import GradientSteps, Proximal, adapted_names
from napari_metaseg.core.rehearsal import leave_out, rehearse
from tests.learners.helpers import tiny_episode, tiny_network

if TYPE_CHECKING:
    from napari_metaseg.core.network import Params, PrototypeUNet
    from napari_metaseg.core.recipe import Recipe


def begin() -> tuple[PrototypeUNet, Params, Support]:
    network = tiny_network(torch.float32)
    params = {k: p.detach() for k, p in network.named_parameters()}
    return network, params, tiny_episode().support


def repeated(support: Support, times: int) -> Support:
    """Paint the same crops several times over."""
    many = type(support.target)(*(t.repeat(times, 1, 1) for t in support.target))
    return support._replace(inputs=support.inputs.repeat(times, 1, 1, 1), target=many)


def recipes(params: Params) -> list[Recipe]:
    names = adapted_names(params, "conditioning")
    return [
        GradientSteps(dict.fromkeys(params, 0.01), 2),
        Proximal(names, ProximalSettings(2.0, 0.01, 50)),
    ]


def test_steps_that_make_cells_left_out_worse_are_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network, params, support = begin()
    rates = dict.fromkeys(params, 0.01)

    def worse_after(best: int):  # type: ignore[no-untyped-def]
        def follow(self, network, params, support):  # type: ignore[no-untyped-def]
            for i in range(5):
                # The head's bias says how far from the best number of steps this is.
                bias = torch.full((2,), 3.0 - abs(i - best))
                yield Step(i, params | {"head.bias": bias}, None)

        return follow

    monkeypatch.setattr(
        "napari_metaseg.core.rehearsal.sparse_loss",
        lambda logits, target: -logits.mean() * target.painted.any(),
    )
    for best in (0, 2, 4):
        monkeypatch.setattr(GradientSteps, "follow", worse_after(best))
        search = rehearse(GradientSteps(rates, 4), network, params, support)
        assert exhaust(search).steps == best


@pytest.mark.parametrize("kind", [0, 1])
def test_each_painted_crop_is_drawn_by_what_was_learned_from_the_others(
    kind: int,
) -> None:
    network, params, two = begin()
    recipe, support = recipes(params)[kind], repeated(two, 3)

    known = exhaust(rehearse(recipe, network, params, support))

    assert sorted(drawn.crop for drawn in known.drawn) == list(range(6))
    # Six crops are left out in three parts: the first one along with the fourth.
    rest, _ = leave_out(support, [0, 3])
    *_, last = (
        step
        for step in recipe.follow(network, params, rest)
        if isinstance(recipe, Proximal) or step.index <= known.steps
    )
    expected = run_on_support(network, last.params, rest).logits[3].sigmoid()
    (maps,) = (drawn.maps for drawn in known.drawn if drawn.crop == 3)
    torch.testing.assert_close(maps, expected.detach())


def test_a_cell_left_out_takes_no_part() -> None:
    network, params, support = begin()
    rates = dict.fromkeys(adapted_names(params, "deciding"), 0.05)
    target = support.target
    garbled = target._replace(cue=target.cue.clone())
    garbled.cue[1] = 1 - garbled.cue[1]

    for given in (support, support._replace(target=garbled)):
        rest, left_out = leave_out(given, [1])
        assert not any(t[1].any() for t in rest.target)
        assert not any(t[0].any() for t in left_out.target)
    one, two = (
        list(GradientSteps(rates, 2).follow(network, params, leave_out(known, [1])[0]))
        for known in (support, support._replace(target=garbled))
    )
    for k, p in one[-1].params.items():
        assert torch.equal(p, two[-1].params[k])


@pytest.mark.parametrize("kind", [0, 1])
def test_one_painted_crop_leaves_nothing_to_leave_out(kind: int) -> None:
    network, params, support = begin()
    first = torch.tensor([1.0, 0.0])[:, None, None]
    alone = support._replace(
        target=type(support.target)(*(t * first for t in support.target))
    )
    recipe = recipes(params)[kind]

    known = exhaust(rehearse(recipe, network, params, alone))

    assert known == (recipe.total, ())
