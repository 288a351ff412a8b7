"""The splitting of touching cells follows the painted ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_metaseg.core.plane_output import PlaneOutput
from napari_metaseg.core.rehearsal import LeftOut
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.core.support import CROP, cut_crops
from napari_metaseg.workflows.adapt import adapt, adapt_steps, load
from napari_metaseg.workflows.methods_text import methods_text
from napari_metaseg.workflows.splitting import SPLITS, USUAL, fit_split, left_out_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_metaseg.data.synthetic import Scene
    from napari_metaseg.workflows.splitting import Pair

SIZE, SIDE = 24, 120
"""Diameter of a cell, and side of the image, px."""


def pair(valley: float) -> PlaneOutput:
    """Draw two disks that touch, the cue between them lower by a share."""
    y, x = np.mgrid[:SIDE, :SIDE]
    disks = [np.hypot(y - 60, x - c) < SIZE / 2 for c in (48, 72)]
    inside = disks[0] | disks[1] | (np.hypot(y - 60, x - 60) < 7)
    cue = np.where(inside, 0.9, 0.0)
    cue[inside & (np.abs(x - 60) <= 2)] = 0.9 * (1 - valley)
    maps = np.stack([np.where(inside, 0.95, 0.02), cue]).astype(np.float16)
    return PlaneOutput(maps, (SIDE, SIDE), SIZE)


def asked(parts: int) -> np.ndarray:
    """Paint the two disks as two cells, or as one."""
    y, x = np.mgrid[:SIDE, :SIDE]
    left, right = (np.hypot(y - 60, x - c) < SIZE / 2 for c in (48, 72))
    if parts == 2:
        return np.where(left, 1, np.where(right, 2, 0)).astype(np.int32)
    return (left | right | (np.hypot(y - 60, x - 60) < 7)).astype(np.int32)


def fitted(valley: float, parts: int, settings: DecodeSettings) -> DecodeSettings:
    pairs = [(pair(valley), asked(parts))]
    return fit_split(pairs, pairs, settings)


def test_a_shallow_valley_between_two_painted_cells_is_cut() -> None:
    known = DecodeSettings(threshold=0.55, split=0.3)
    assert pair(0.15).instances(DecodeSettings()).max() == 1

    chosen = fitted(0.15, 2, known)

    assert chosen.split > USUAL
    assert pair(0.15).instances(chosen).max() == 2
    assert replace(chosen, split=0.3) == known


def test_a_deep_valley_within_one_painted_cell_is_not() -> None:
    assert pair(0.35).instances(DecodeSettings()).max() == 2

    chosen = fitted(0.35, 1, DecodeSettings())

    assert chosen.split < USUAL
    assert pair(0.35).instances(chosen).max() == 1


@pytest.mark.parametrize(("valley", "parts"), [(0.0, 1), (0.9, 2)])
def test_what_is_found_anyway_changes_nothing(valley: float, parts: int) -> None:
    assert fitted(valley, parts, DecodeSettings(split=0.9)).split == USUAL


def test_without_a_cell_left_out_the_usual_splitting_stays() -> None:
    shown = [(pair(0.15), asked(2))]

    assert fit_split(shown, [], DecodeSettings(split=0.3)).split == USUAL
    region = DecodeSettings(region=True)
    assert fit_split(shown, shown, region) == region


def test_cells_cut_by_the_edge_of_their_crop_do_not_count() -> None:
    image = np.zeros((1, 200, 200), np.float32)
    cells = np.zeros((200, 200), np.int32)
    cells[20:44, 20:44], cells[20:44, 90:104], cells[150:170, 150:170] = 1, 2, 3

    crops = cut_crops([(image, cells)])

    # The first crop reaches from column 0 to 96, into the second cell.
    assert [set(np.unique(c)) - {0} for c in crops.cells.numpy()] == [{1}, {2}, {3}]
    maps = torch.full((2, CROP, CROP), 0.5)
    (output, known), *_ = left_out_pairs([LeftOut(2, maps)], crops, 24.0)
    assert output.shape == (CROP, CROP)
    np.testing.assert_array_equal(known, crops.cells[2].numpy())


def test_adapting_chooses_and_a_setting_is_obeyed(
    scene: Scene, painted: np.ndarray, tmp_path: Path
) -> None:
    image = scene.image
    model = adapt(image, painted)
    chosen = model.segmenter.settings

    assert chosen.split in SPLITS
    assert model.segmenter.card["recipe"]["split"] == chosen.split
    told = methods_text(model.segmenter.card, chosen)
    assert f"splitting {chosen.split:g} (chosen by how well the annotated" in told
    other = replace(chosen, split=0.33)
    assert "splitting 0.33 and" in methods_text(model.segmenter.card, other)
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.segmenter.settings == chosen
    np.testing.assert_array_equal(loaded.segment(image), model.segment(image))

    obeyed = adapt(image, painted, settings=DecodeSettings(split=0.33))
    assert obeyed.segmenter.settings.split == 0.33
    assert "split" not in obeyed.segmenter.card["recipe"]
    again = replace(chosen, split=0.33)
    steps = adapt_steps(image, painted, settings=again, fit_decoding=True)
    try:
        while True:
            next(steps)
    except StopIteration as end:
        assert end.value.segmenter.settings == chosen


def test_each_of_three_neighbours_is_left_out_once(
    scene: Scene, small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {k: np.argwhere(scene.masks == k).mean(0) for k in np.unique(scene.masks)}
    del places[0]
    middle = min(places, key=lambda k: np.linalg.norm(places[k] - (80, 88)))
    near = sorted(places, key=lambda k: np.linalg.norm(places[k] - places[middle]))[:3]
    painted = np.where(np.isin(scene.masks, near), scene.masks, 0)
    seen: list[Sequence[Pair]] = []

    def spy(
        shown: Sequence[Pair], left_out: Sequence[Pair], settings: DecodeSettings
    ) -> DecodeSettings:
        seen.append(left_out)
        return settings

    monkeypatch.setattr("napari_metaseg.workflows.adapt_run.fit_decoding", spy)
    # So large that all of them lie in one crop.
    adapt(scene.image, painted, init=small, diameter=60.0, device="cpu")

    ((*pairs,),) = seen
    cells = [np.unique(known[known > 0]).tolist() for _, known in pairs]
    assert sorted(cells) == [[number] for number in range(1, 4)]
