"""Before adaptation another network may draw than the one that adapts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_metaseg.io.bundle import CONTROL, load_bundle, save_bundle
from napari_metaseg.workflows.adapt import AdaptedModel, adapt, load

if TYPE_CHECKING:
    from pathlib import Path

    from napari_metaseg.core.network import Params
    from napari_metaseg.data.synthetic import Scene

STARTS = ("maml", "imaml", "reptile")


@pytest.fixture(scope="module")
def other(small: str) -> Params:
    """Return weights that draw otherwise than those of the small bundle."""
    torch.manual_seed(5)
    params = load_bundle(small).params
    return {k: v + 0.1 * torch.randn_like(v) for k, v in params.items()}


@pytest.fixture(scope="module")
def paired(small: str, other: Params, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the small bundle, in whose place the others draw before adaptation."""
    known = load_bundle(small)
    folder: Path = tmp_path_factory.mktemp("bundles") / "paired"
    save_bundle(folder, known.params, known.card, unadapted=other)
    return str(folder)


def drawn(model: AdaptedModel, *, adapted: bool) -> np.ndarray:
    (output,) = model.drawn(adapted=adapted)
    return output.maps


def test_each_draws_at_its_time(
    scene: Scene,
    painted: np.ndarray,
    small: str,
    other: Params,
    paired: str,
    tmp_path: Path,
) -> None:
    known = load_bundle(small)
    save_bundle(tmp_path / "other", other, known.card)

    alone, second, both = (
        adapt(scene.image, painted, init=init, device="cpu")
        for init in (small, tmp_path / "other", paired)
    )

    before = drawn(both, adapted=False)
    np.testing.assert_array_equal(before, drawn(second, adapted=False))
    assert not np.array_equal(before, drawn(alone, adapted=False))
    network, own = both.segmenter.network, alone.segmenter.network
    for name, tensor in own.adapted.params.items():
        assert torch.equal(network.adapted.params[name], tensor)


def test_a_saved_model_knows_both(
    scene: Scene, painted: np.ndarray, paired: str, tmp_path: Path
) -> None:
    model = adapt(scene.image, painted, init=paired, device="cpu")
    model.save(tmp_path / "model")

    again = load(tmp_path / "model")

    assert again.segmenter.digest() == model.segmenter.digest()
    for adapted in (False, True):
        np.testing.assert_array_equal(
            again.segment(scene.image, adapted=adapted),
            model.segment(scene.image, adapted=adapted),
        )


@pytest.mark.parametrize("name", STARTS)
def test_the_control_draws_before_each_bundled_start(name: str) -> None:
    """It draws best as it is; see docs/benchmark.md."""
    control, bundle = load_bundle(CONTROL), load_bundle(name)

    assert bundle.card["training"]["unadapted"]["sha256"] == control.card["sha256"]
    for key, tensor in control.params.items():
        assert torch.equal(bundle.unadapted[key], tensor)
    assert any(not torch.equal(bundle.params[k], v) for k, v in control.params.items())
