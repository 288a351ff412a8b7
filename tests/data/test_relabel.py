from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_metaseg.data.parts import divide
from napari_metaseg.data.relabel import KINDS, PARTS, THIN, Kind, Rule, draw_rule

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


def test_a_rim_is_what_the_core_leaves() -> None:
    cores, _ = Rule("core").apply(IMAGE, MASKS)

    rims, unsure = Rule("rim", high=THIN).apply(IMAGE, MASKS)

    assert not unsure.any()
    np.testing.assert_array_equal(rims, np.where(cores > 0, 0, MASKS))
    for k in range(1, 26):
        assert ndi.label(rims == k, np.ones((3, 3)))[1] == 1
        filled = ndi.binary_fill_holes(rims == k)
        np.testing.assert_array_equal(filled, MASKS == k)


def test_objects_whose_rim_is_too_thin_are_unknown_as_a_whole() -> None:
    thickness = divide(MASKS).thickness
    between = float(np.unique(thickness[1:]).mean())

    rims, unsure = Rule("rim", high=between).apply(IMAGE, MASKS)

    for k in range(1, 26):
        own = MASKS == k
        assert unsure[own].all() == (thickness[k] < between)
        assert rims[own].any() == (thickness[k] >= between)


@pytest.mark.parametrize("kind", ["core", "rim"])
def test_objects_without_a_clear_part_are_unknown(kind: Kind) -> None:
    masks = MASKS.copy()
    masks[masks == 7] = 0
    masks[40:43, 40:43] = 7

    target, unsure = Rule(kind).apply(IMAGE, masks)

    np.testing.assert_array_equal(unsure, masks == 7)
    assert set(np.unique(target)) == set(range(26)) - {7}


def drawn_rims(masks: np.ndarray) -> list[Rule]:
    dark = np.zeros(masks.shape, np.float32)
    rules = [draw_rule(np.random.default_rng(n), dark, masks) for n in range(40)]
    return [rule for rule in rules if rule is not None and rule.kind == "rim"]


def test_rims_are_no_target_where_most_are_too_thin_to_be_seen() -> None:
    assert drawn_rims(disks(radius=6))
    assert not drawn_rims(disks(radius=3))
    assert not drawn_rims(np.zeros_like(MASKS))


def test_the_larger_objects_are_the_thicker_a_rim_must_be() -> None:
    (small, *_), (large, *_) = (
        drawn_rims(disks(side=960, radius=r, step=192)) for r in (9, 80)
    )

    # Of 12 px at working scale 2 can be seen.
    assert small.high == THIN
    assert large.high == pytest.approx(0.4 * 82 / 6, rel=0.05)


def test_objects_that_are_too_alike_are_not_divided() -> None:
    alike = disks()
    alike[:, :] = np.where(alike % 2 == 0, alike, 0)
    flat = np.full(alike.shape, 0.5, np.float32)
    few = np.where(MASKS < 6, MASKS, 0)

    for seed in range(40):
        bright = draw_rule(np.random.default_rng(seed), flat, MASKS)
        assert bright is None or bright.kind in ("large", "small", *PARTS)
        few_objects = draw_rule(np.random.default_rng(seed), IMAGE, few)
        assert few_objects is None or few_objects.kind in PARTS


def test_all_kinds_are_drawn_and_each_leaves_objects_on_both_sides() -> None:
    rules = [draw_rule(np.random.default_rng(n), IMAGE, MASKS) for n in range(60)]

    assert {rule.kind for rule in rules if rule is not None} == set(KINDS)
    for rule in rules:
        if rule is not None and rule.kind not in PARTS:
            wanted, _ = rule.apply(IMAGE, MASKS)
            assert 0 < len(np.unique(wanted)) - 1 < 25
