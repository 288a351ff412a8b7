"""The un-adapted network's share in what is drawn."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.objects import FIRST
from napari_metaseg.core.rehearsal import LeftOut
from napari_metaseg.data.synthetic import sample_scene
from napari_metaseg.workflows.blend import (
    KNOWN_FROM,
    SHARE,
    blend,
    blend_left_out,
    unadapted_share,
)
from napari_metaseg.workflows.loading import load_segmenter

if TYPE_CHECKING:
    from pathlib import Path

    from napari_metaseg.workflows.segmenter import Segmenter


@given(share=st.sampled_from([0.0, 0.25, 0.5, 1.0]), seed=st.integers(0, 9))
def test_a_blend_is_the_weighted_mean(share: float, seed: int) -> None:
    one, two = np.random.default_rng(seed).random((2, 2, 5, 6)).astype(np.float16)

    mixed = blend(one, two, share)

    assert mixed.dtype == np.float16
    exact = share * one.astype(float) + (1 - share) * two.astype(float)
    np.testing.assert_allclose(mixed, exact, atol=1e-3)


def test_a_network_that_finds_the_painted_cells_counts_and_no_other() -> None:
    assert unadapted_share(0.0, 3) == 0
    assert unadapted_share(KNOWN_FROM - 0.01, 3) == 0
    assert 0 < unadapted_share(KNOWN_FROM, 3) == unadapted_share(1.0, 3) < 1


@given(cells=st.integers(1, 100))
def test_it_counts_as_much_as_the_first_cells(cells: int) -> None:
    assert unadapted_share(1.0, cells) * max(cells, FIRST) == pytest.approx(
        SHARE * FIRST
    )


@pytest.fixture
def segmenter(saved_model: Path) -> Segmenter:
    return load_segmenter(saved_model)


def test_what_a_model_draws_of_other_images_is_blended_likewise(
    segmenter: Segmenter,
) -> None:
    scene = sample_scene("fluorescence", size=(96, 104), seed=3)
    image = scene.image.astype(np.float32)[None] / scene.image.max()
    network = replace(segmenter.network, share=0.0)
    before = exhaust(network.draw(image, adapted=False))
    after = exhaust(network.draw(image, adapted=True))
    assert np.abs(before.astype(float) - after.astype(float)).max() > 0.05

    mixed = replace(network, share=0.5)

    np.testing.assert_array_equal(
        exhaust(mixed.draw(image, adapted=True)), blend(before, after, 0.5)
    )
    np.testing.assert_array_equal(exhaust(mixed.draw(image, adapted=False)), before)


def test_the_number_of_mirror_images_is_checked(
    segmenter: Segmenter, tmp_path: Path
) -> None:
    segmenter.save(tmp_path / "model")
    card = tmp_path / "model" / "card.json"
    said = json.loads(card.read_text(encoding="utf-8"))
    for wrong in (3, 0, 1.5, "four", None):
        card.write_text(json.dumps(said | {"mirrors": wrong}), encoding="utf-8")
        with pytest.raises(UserError, match="mirror images"):
            load_segmenter(tmp_path / "model")


def test_the_share_is_saved_and_checked(segmenter: Segmenter, tmp_path: Path) -> None:
    network = replace(segmenter.network, share=0.5)
    kind = replace(segmenter, network=network)
    kind.save(tmp_path / "model")

    assert load_segmenter(tmp_path / "model").network.share == 0.5
    assert kind.digest() == load_segmenter(tmp_path / "model").digest()
    other = replace(kind, network=replace(network, share=0.0))
    assert kind.digest() != other.digest()

    card = tmp_path / "model" / "card.json"
    said = json.loads(card.read_text(encoding="utf-8"))
    for wrong in (1.5, -0.1, "half", None):
        card.write_text(json.dumps(said | {"unadapted_share": wrong}), encoding="utf-8")
        with pytest.raises(UserError, match="share"):
            load_segmenter(tmp_path / "model")


def test_crops_that_were_left_out_are_blended_by_their_number() -> None:
    before = torch.arange(3 * 2 * 4, dtype=torch.float32).view(3, 2, 2, 2) / 24
    left_out = [LeftOut(2, torch.ones(2, 2, 2)), LeftOut(0, torch.zeros(2, 2, 2))]

    mixed = blend_left_out(before, left_out, 0.25)

    assert [crop for crop, _ in mixed] == [2, 0]
    torch.testing.assert_close(mixed[0].maps, 0.25 * before[2] + 0.75)
    torch.testing.assert_close(mixed[1].maps, 0.25 * before[0])
    for one, two in zip(blend_left_out(before, left_out, 0.0), left_out, strict=True):
        torch.testing.assert_close(one.maps, two.maps)
