"""Before adaptation another network may draw than the one that adapts."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from napari_metaseg.io.bundle import CONTROL, load_bundle, save_bundle
from napari_metaseg.workflows import adapt_run, verdict
from napari_metaseg.workflows.adapt import AdaptedModel, adapt, load
from napari_metaseg.workflows.bioimageio import export_bioimageio
from napari_metaseg.workflows.methods_text import methods_text
from napari_metaseg.workflows.splitting import left_out_pairs

if TYPE_CHECKING:
    from pathlib import Path

    from napari_metaseg.core.network import Params
    from napari_metaseg.data.synthetic import Scene
    from napari_metaseg.workflows.splitting import Pair

STARTS = ("maml", "imaml", "reptile")
TASK = {"task": "foreign", "licence": "CC-BY-4.0"}


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
    told = {"algorithm": "pooled", "sha256": "2b3c", "training": {"tasks": [TASK]}}
    card = known.card | {"training": {"unadapted": told}}
    save_bundle(folder, known.params, card, unadapted=other)
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


def test_the_methods_text_tells_which_network_was_asked(
    scene: Scene, painted: np.ndarray, paired: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapt_run, "unadapted_share", lambda *_: 0.25)
    monkeypatch.setattr(verdict, "TOLERANCE", 2.0)
    model = adapt(scene.image, painted, init=paired, device="cpu")

    text = methods_text(model.segmenter.card, model.segmenter.settings)

    assert "another one (pooled pre-training; SHA-256 2b3c)" in text
    assert "with that of the un-adapted network (weight 0.25)" in text


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_how_a_result_is_decoded_is_told_by_cells_drawn_as_it_is(
    scene: Scene,
    painted: np.ndarray,
    small: str,
    paired: str,
    monkeypatch: pytest.MonkeyPatch,
    share: float,
) -> None:
    """Crops that were left out are drawn by both networks, as the result is."""
    told: list[list[np.ndarray]] = []

    def note(*given: Any) -> list[Pair]:
        pairs = left_out_pairs(*given)
        told.append([output.maps for output, _ in pairs])
        return pairs

    monkeypatch.setattr(adapt_run, "unadapted_share", lambda *_: share)
    monkeypatch.setattr(adapt_run, "left_out_pairs", note)
    for init in (small, paired):
        adapt(scene.image, painted, init=init, device="cpu")

    # Both adapt alike; only what draws before is another network.
    alone, beside = map(np.stack, told)
    assert (np.abs(alone - beside).max() > 1e-3) == (share > 0)


def test_a_package_names_the_training_of_the_network_that_it_holds(
    paired: str, tmp_path: Path
) -> None:
    file = export_bioimageio(paired, tmp_path / "paired.zip")

    with zipfile.ZipFile(file) as archive:
        readme = archive.read("README.md").decode()
        described = json.loads(archive.read("bioimageio.yaml"))
    assert "trained by pooled" in readme
    assert "foreign (CC-BY-4.0)" in readme
    assert described["config"]["napari_metaseg"]["sha256"] == "2b3c"


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
