"""The mix of channels, from the inner loop to a saved model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_metaseg.core.axes import as_planes
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.io.model_folder import read_card, read_tensors, write_folder
from napari_metaseg.workflows import learning
from napari_metaseg.workflows.adapt import AdaptedModel, adapt, load
from napari_metaseg.workflows.methods_text import methods_text

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_metaseg.data.synthetic import Scene

    Adapt = Callable[[list[float] | None], AdaptedModel]


@pytest.fixture
def image(scene: Scene) -> NDArray[np.uint16]:
    return np.stack([scene.image, scene.image[::-1], scene.image[:, ::-1]])


def come_to(mix: list[float] | None, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Let every search for a mix come to this one; return the list of searches."""
    searches: list[object] = []

    def found(*given: object) -> Generator[None, None, torch.Tensor | None]:
        searches.append(given)
        yield
        return None if mix is None else torch.tensor(mix)

    monkeypatch.setattr(learning, "adapt_mix", found)
    return searches


@pytest.fixture
def adapt_with(
    image: NDArray[np.uint16],
    painted: NDArray[np.int32],
    small: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Adapt:
    """Return a function that adapts, and comes to a given mix on the way."""

    def run(mix: list[float] | None) -> AdaptedModel:
        come_to(mix, monkeypatch)
        return adapt(image, painted, axes="CYX", init=small, mirrors=1)

    return run


def test_all_scales_share_the_mix_that_the_usual_one_finds(
    image: NDArray[np.uint16],
    painted: NDArray[np.int32],
    small: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searches = come_to([0.2, 1.0, 0.1], monkeypatch)
    model = adapt(image, painted, axes="CYX", init=small, mirrors=1, scales=3)

    assert len(searches) == 1
    looks = (model.segmenter, *model.segmenter.others)
    assert len(looks) > 1
    for look in looks:
        assert look.network.adapted.context.mix is not None
        assert look.network.adapted.context.mix.tolist() == pytest.approx([0.2, 1, 0.1])


def drawn(model: AdaptedModel, image: NDArray[np.uint16]) -> NDArray[np.float16]:
    steps = model.segmenter.draw(as_planes(image, axes="CYX"), adapted=True)
    return exhaust(steps)[0].maps


def test_a_saved_model_keeps_the_mix(
    image: NDArray[np.uint16], adapt_with: Adapt, tmp_path: Path
) -> None:
    mixed, plain = adapt_with([0.2, 1.0, 0.1]), adapt_with(None)

    mixed.save(tmp_path / "model")
    loaded = load(tmp_path / "model")

    assert loaded.segmenter.digest() == mixed.segmenter.digest()
    assert mixed.segmenter.digest() != plain.segmenter.digest()
    np.testing.assert_allclose(drawn(loaded, image), drawn(mixed, image), atol=1e-3)
    assert not np.array_equal(drawn(mixed, image), drawn(plain, image))
    told = methods_text(loaded.segmenter.card, DecodeSettings())
    assert "weighed 0.20 : 1.00 : 0.10" in told
    assert "weighed" not in methods_text(plain.segmenter.card, DecodeSettings())


def test_a_channel_that_counts_nothing_may_show_anything(
    image: NDArray[np.uint16], adapt_with: Adapt
) -> None:
    single, every = adapt_with([0.0, 1.0, 0.0]), adapt_with(None)
    other = np.stack([image[0][:, ::-1], image[1], image[2][::-1]])

    def change(model: AdaptedModel) -> float:
        before, after = (drawn(model, i).astype(float) for i in (image, other))
        return float(np.abs(before - after).mean())

    assert change(single) < 0.01 * change(every)


@pytest.mark.parametrize("mix", [[1.0, 0.5], [1.0, -0.1, 0.5], [0.0, 0.0, 0.0]])
def test_a_mix_that_cannot_be_is_refused(
    adapt_with: Adapt, tmp_path: Path, mix: list[float]
) -> None:
    adapt_with([0.2, 1.0, 0.1]).save(tmp_path / "model")
    card = read_card(tmp_path / "model", "adapted-model")
    tensors = read_tensors(tmp_path / "model", card)
    tensors["adapted/context/mix"] = torch.tensor(mix)
    write_folder(tmp_path / "model", tensors, card, overwrite=True)

    with pytest.raises(UserError, match="save the model again"):
        load(tmp_path / "model")
