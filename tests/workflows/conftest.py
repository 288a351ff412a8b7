"""A scene with known cells, a person who paints, and small initializations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from skimage.io import imsave

from napari_metaseg import adapt
from napari_metaseg.core.network import Architecture, PrototypeUNet
from napari_metaseg.core.proximal import ProximalSettings
from napari_metaseg.core.recipe import Proximal, adapted_names
from napari_metaseg.data.synthetic import Scene, procedural_task, sample_scene
from napari_metaseg.io.bundle import load_bundle, save_bundle
from napari_metaseg.workflows.loading import load_segmenter

from .inner_loops import STRENGTH, TOLERANCE, with_recipe
from .painting import paint

if TYPE_CHECKING:
    from pathlib import Path

    from napari_metaseg.workflows.segmenter import Segmenter

SMALL = Architecture(widths=(4, 4, 4, 8))


@pytest.fixture(scope="session")
def scene() -> Scene:
    return sample_scene("fluorescence", size=(160, 176), seed=3)


@pytest.fixture(scope="session")
def painted(scene: Scene) -> np.ndarray:
    """Three whole cells, numbered as a person might, and a stroke."""
    return paint(scene.masks)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a bundle with random weights that finds something somewhere."""
    torch.manual_seed(0)
    network = PrototypeUNet(SMALL)
    with torch.no_grad():
        assert network.head.bias is not None
        network.head.bias.zero_()
    folder = tmp_path_factory.mktemp("bundles") / "small"
    params = {k: v.detach() for k, v in network.named_parameters()}
    card = {
        "name": "small",
        "algorithm": "none",
        "architecture": SMALL.as_dict(),
        "working_diameter": 24.0,
        "recipe": {"steps": 2, "rates": dict.fromkeys(params, 0.01)},
    }
    save_bundle(folder, params, card)
    return str(folder)


@pytest.fixture(scope="session")
def imaml(small: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the small bundle with a proximal problem as its inner loop."""
    names = adapted_names(load_bundle(small).params, "conditioning")
    recipe = Proximal(names, ProximalSettings(STRENGTH, TOLERANCE, 2000))
    return with_recipe(small, tmp_path_factory.mktemp("bundles") / "imaml", recipe)


@pytest.fixture(scope="session")
def sabotaged(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the bundled MAML with inner rates that destroy it."""
    bundle = load_bundle("maml")
    folder: Path = tmp_path_factory.mktemp("bundles") / "sabotaged"
    rates = dict.fromkeys(bundle.params, 10.0)
    card = bundle.card | {"recipe": {"steps": 5, "rates": rates}}
    save_bundle(folder, bundle.params, card)
    return str(folder)


@pytest.fixture(scope="session")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two procedural tasks of two images each."""
    folder = tmp_path_factory.mktemp("data") / "tasks"
    for name, seed in (("one", 0), ("two", 1)):
        rng = np.random.default_rng(seed)
        for part in ("images", "masks"):
            (folder / name / part).mkdir(parents=True)
        pairs = procedural_task(rng, n_images=2, size=112, diameter=20.0)
        for n, (image, masks) in enumerate(pairs):
            file = f"{n:03}.png"
            pixels = np.round(image * 255).astype(np.uint8)
            imsave(folder / name / "images" / file, pixels, check_contrast=False)
            numbers = masks.astype(np.uint8)
            imsave(folder / name / "masks" / file, numbers, check_contrast=False)
    infos = [{"task": "one", "source": "here", "license": "CC0-1.0"}]
    (folder / "tasks.json").write_text(json.dumps(infos), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def saved_model(
    scene: Scene, painted: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return the folder of a model that was adapted to the scene."""
    folder = tmp_path_factory.mktemp("models") / "adapted"
    adapt(scene.image, painted, device="cpu").save(folder)
    return folder


@pytest.fixture(scope="module")
def segmenter(saved_model: Path) -> Segmenter:
    """Return the saved model, ready to segment."""
    return load_segmenter(saved_model)
