"""The threshold follows what is struck."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_metaseg.core.plane_output import PlaneOutput
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.workflows.adapt import adapt
from napari_metaseg.workflows.fitting import fit_decoding
from napari_metaseg.workflows.threshold import (
    THRESHOLDS,
    USUAL,
    fit_threshold,
    found_on_strokes,
)

if TYPE_CHECKING:
    from napari_metaseg.data.synthetic import Scene

SIDE, DIAMETER = 120, 20
PLACES = [(25, 25), (25, 90), (90, 25), (90, 90)]


def disks() -> list[np.ndarray]:
    y, x = np.mgrid[:SIDE, :SIDE]
    return [np.hypot(y - cy, x - cx) < DIAMETER / 2 for cy, cx in PLACES]


def drawn(*sure: float) -> PlaneOutput:
    """Draw disks, each with its own probability."""
    maps = np.full((2, SIDE, SIDE), 0.02, np.float16)
    for disk, probability in zip(disks(), sure, strict=True):
        maps[:, disk] = probability
    return PlaneOutput(maps, (SIDE, SIDE), DIAMETER)


def annotated(cells: int, struck: list[int]) -> np.ndarray:
    """Paint the first disks as cells, and put a stroke into others."""
    annotation = np.zeros((SIDE, SIDE), np.int32)
    for k, disk in enumerate(disks()[:cells], start=1):
        annotation[disk] = k
    for k in struck:
        cy, cx = PLACES[k]
        annotation[cy - 1 : cy + 2, cx - 5 : cx + 6] = -1
    return annotation


def fitted(
    output: PlaneOutput, annotation: np.ndarray, settings: DecodeSettings
) -> DecodeSettings:
    return fit_threshold([(output, annotation)], [], settings)


def test_a_struck_cell_and_those_less_sure_than_it_go() -> None:
    output = drawn(0.95, 0.95, 0.72, 0.7)
    annotation = annotated(2, struck=[2])
    assert output.instances(DecodeSettings()).max() == 4

    chosen = fitted(output, annotation, DecodeSettings(split=0.35))

    assert USUAL < chosen.threshold < 0.9
    assert output.instances(chosen).max() == 2
    assert replace(chosen, threshold=USUAL) == DecodeSettings(split=0.35)


def test_painted_cells_are_not_given_up_for_it() -> None:
    output = drawn(0.7, 0.7, 0.72, 0.1)

    chosen = fitted(output, annotated(2, struck=[2]), DecodeSettings())

    assert chosen.threshold == USUAL


def test_nor_are_cells_that_were_left_out() -> None:
    """Of a cell that it was shown a network is surer than of others."""
    output, annotation = drawn(0.95, 0.95, 0.72, 0.7), annotated(2, struck=[2])
    unseen = drawn(0.68, 0.68, 0.1, 0.1), annotated(2, struck=[])
    settings = DecodeSettings()

    chosen = fit_threshold([(output, annotation)], [unseen], settings)

    assert fitted(output, annotation, settings).threshold > USUAL
    assert chosen.threshold == USUAL


@given(
    sure=st.floats(0.65, 0.99),
    struck=st.sampled_from([[], [3], [2, 3]]),
    threshold=st.sampled_from([0.3, 0.6, 0.9]),
)
def test_where_nothing_is_found_on_strokes_the_usual_threshold_stays(
    sure: float, struck: list[int], threshold: float
) -> None:
    output = drawn(sure, sure, 0.1, 0.1)
    settings = DecodeSettings(threshold=threshold)

    chosen = fitted(output, annotated(2, struck), settings)

    assert chosen == replace(settings, threshold=USUAL)


def test_strokes_alone_choose_nothing_and_of_a_region_a_person_does() -> None:
    output = drawn(0.95, 0.95, 0.72, 0.7)
    region = DecodeSettings(threshold=0.4, region=True)

    assert fitted(output, annotated(0, struck=[2]), DecodeSettings()).threshold == USUAL
    assert fitted(output, annotated(2, struck=[2]), region) == region


def test_found_on_strokes_is_the_mean_over_strokes() -> None:
    annotation = annotated(1, struck=[1, 2, 3])
    output = drawn(0.9, 0.9, 0.1, 0.1)

    assert found_on_strokes([(output, annotation)], DecodeSettings()) == (
        pytest.approx(1 / 3)
    )
    assert found_on_strokes([(output, annotated(1, struck=[]))], DecodeSettings()) == 0


def test_a_card_tells_what_was_chosen() -> None:
    pairs = [(drawn(0.95, 0.95, 0.72, 0.7), annotated(2, struck=[2]))]
    chosen = fit_decoding(pairs, pairs, DecodeSettings())
    assert chosen.threshold in THRESHOLDS[1:]

    recipe = {"steps": 4} | chosen.chosen()

    assert chosen.is_chosen(recipe)
    assert replace(chosen, min_size=0.5).is_chosen(recipe)
    assert not replace(chosen, threshold=0.5).is_chosen(recipe)
    assert not replace(chosen, split=0.1).is_chosen(recipe)
    assert not DecodeSettings().is_chosen({"steps": 4})


def test_adapting_chooses_and_a_setting_is_obeyed(
    scene: Scene, painted: np.ndarray
) -> None:
    chosen = adapt(scene.image, painted).segmenter
    asked = DecodeSettings(threshold=0.7)

    obeyed = adapt(scene.image, painted, settings=asked).segmenter

    assert chosen.settings.is_chosen(chosen.card["recipe"])
    assert obeyed.settings == asked
    assert not asked.is_chosen(obeyed.card["recipe"])
