"""A loaded model on an image: the same cells, and what can be done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_metaseg import adapt, load
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.workflows.applied import apply_steps

if TYPE_CHECKING:
    from pathlib import Path

    from napari_metaseg.data.synthetic import Scene
    from napari_metaseg.workflows.adapt import AdaptedModel


@pytest.fixture(scope="module")
def loaded(
    scene: Scene,
    painted: np.ndarray,
    small: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AdaptedModel:
    folder: Path = tmp_path_factory.mktemp("models") / "model"
    adapt(scene.image, painted, init=small, device="cpu").save(folder)
    return load(folder)


def test_it_finds_what_segment_finds_and_can_be_decoded_again(
    loaded: AdaptedModel, scene: Scene
) -> None:
    applied = exhaust(apply_steps(loaded, scene.image, device="cpu")).model

    np.testing.assert_array_equal(applied.labels, loaded.segment(scene.image))
    settings = DecodeSettings(threshold=0.4, split=0.2)
    np.testing.assert_array_equal(
        applied.relabel(settings), loaded.segment(scene.image, settings=settings)
    )
    assert len(applied.drawn()) == 1
    assert applied.report is None


def test_it_says_whether_the_model_fits(loaded: AdaptedModel, scene: Scene) -> None:
    blank = np.full_like(scene.image, scene.image.mean())

    applied = exhaust(apply_steps(loaded, blank, device="cpu"))

    assert "nearly blank" in applied.warning


def test_progress_goes_to_its_end(loaded: AdaptedModel, scene: Scene) -> None:
    seen = list(apply_steps(loaded, np.stack([scene.image] * 2), axes="TYX"))

    assert {p.stage for p in seen} == {"segment"}
    steps = [p.step for p in seen]
    assert steps == sorted(steps)
    assert steps[-1] == 100


def test_a_model_of_one_channel_takes_a_plain_image(
    scene: Scene, painted: np.ndarray, small: str
) -> None:
    both = np.stack([0 * scene.image, scene.image])
    model = adapt(both, painted, axes="CYX", channel=1, init=small, device="cpu")

    of_both = exhaust(apply_steps(model, both, axes="CYX", device="cpu"))
    of_one = exhaust(apply_steps(model, scene.image, axes="YX", device="cpu"))

    np.testing.assert_array_equal(of_both.model.labels, of_one.model.labels)


def test_another_number_of_channels_is_refused(
    loaded: AdaptedModel, scene: Scene
) -> None:
    with pytest.raises(UserError, match="The model uses 1 channel"):
        exhaust(apply_steps(loaded, np.stack([scene.image] * 2), axes="CYX"))


def test_an_image_of_one_channel_is_taken_whatever_the_model_s_channel(
    scene: Scene, painted: np.ndarray, small: str
) -> None:
    two = np.stack([np.zeros_like(scene.image), scene.image])
    model = adapt(two, painted, axes="CYX", channel=1, init=small, device="cpu")

    alone = exhaust(apply_steps(model, scene.image, device="cpu")).model
    both = exhaust(apply_steps(model, two, axes="cyx", device="cpu")).model

    np.testing.assert_array_equal(alone.labels, both.labels)
