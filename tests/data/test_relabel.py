from __future__ import annotations

import numpy as np
import pytest

from napari_metaseg.data.relabel import KINDS, Rule, draw_rule

from .tasks import disks

MASKS = disks()
AREA = np.bincount(MASKS.ravel())
# The larger a disk's number, the brighter it is.
IMAGE = (MASKS / MASKS.max()).astype(np.float32)


@pytest.mark.parametrize("kind", ["large", "small", "bright", "dim"])
def test_a_rule_divides_the_objects_into_wanted_unwanted_and_unsure(
    kind: str,
) -> None:
    values = AREA if kind in ("large", "small") else np.arange(26) / 25
    low, high = np.quantile(values[1:], [0.3, 0.7])
    rule = Rule(kind, float(low), float(high))  # type: ignore[arg-type]

    wanted, unsure = rule.apply(IMAGE, MASKS)

    for k in range(1, 26):
        own = MASKS == k
        upper = kind in ("large", "bright")
        target = values[k] >= high if upper else values[k] <= low
        assert (wanted[own] == (k if target else 0)).all()
        assert (unsure[own] == bool(low < values[k] < high)).all()
    assert not wanted[MASKS == 0].any()
    assert not unsure[MASKS == 0].any()
    assert wanted.any()
    assert not (wanted > 0)[unsure].any()


def test_a_core_lies_within_its_object_and_away_from_its_edge() -> None:
    cores, unsure = Rule("core").apply(IMAGE, MASKS)

    assert not unsure.any()
    for k in range(1, 26):
        core = cores == k
        assert core.any()
        assert (MASKS[core] == k).all()
        assert 0.2 < np.count_nonzero(core) / AREA[k] < 0.6


def test_objects_that_are_too_alike_are_not_divided() -> None:
    alike = disks()
    alike[:, :] = np.where(alike % 2 == 0, alike, 0)
    flat = np.full(alike.shape, 0.5, np.float32)
    few = np.where(MASKS < 6, MASKS, 0)

    for seed in range(40):
        bright = draw_rule(np.random.default_rng(seed), flat, MASKS)
        assert bright is None or bright.kind in ("large", "small", "core")
        few_objects = draw_rule(np.random.default_rng(seed), IMAGE, few)
        assert few_objects is None or few_objects.kind == "core"


def test_all_kinds_are_drawn_and_each_leaves_objects_on_both_sides() -> None:
    rules = [draw_rule(np.random.default_rng(n), IMAGE, MASKS) for n in range(60)]

    assert {rule.kind for rule in rules if rule is not None} == set(KINDS)
    for rule in rules:
        if rule is not None and rule.kind != "core":
            wanted, _ = rule.apply(IMAGE, MASKS)
            assert 0 < len(np.unique(wanted)) - 1 < 25
