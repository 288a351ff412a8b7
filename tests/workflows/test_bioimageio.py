"""A start leaves as a package that bioimage.io's own tools accept."""

from __future__ import annotations

import importlib
import zipfile
from typing import TYPE_CHECKING

import bioimageio.spec
import numpy as np
import pytest
import torch

from napari_metaseg.cli import main
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.evidence import network_input
from napari_metaseg.core.network import PrototypeUNet
from napari_metaseg.io.bundle import load_bundle
from napari_metaseg.workflows.bioimageio import export_bioimageio

from .conftest import SMALL

if TYPE_CHECKING:
    from pathlib import Path


# bioimageio.spec leaves the files open that it looks at.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(scope="module")
def package(small: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_bioimageio(small, tmp_path_factory.mktemp("package") / "small.zip")


def test_the_package_is_a_valid_model(package: Path) -> None:
    model = bioimageio.spec.load_model_description(package)

    assert model.validation_summary.status in ("valid-format", "passed")
    assert model.weights.pytorch_state_dict is not None
    assert model.outputs[0].axes[1].channel_names == ["foreground", "cue"]
    assert model.config.napari_metaseg["working_diameter_px"] == 24


def test_whoever_follows_the_description_gets_the_maps_of_the_start(
    package: Path, small: str, tmp_path: Path
) -> None:
    model = bioimageio.spec.load_model_description(package)
    with zipfile.ZipFile(package) as archive:
        archive.extractall(tmp_path)
    weights = model.weights.pytorch_state_dict
    assert weights is not None
    described = weights.architecture
    module = importlib.import_module(described.import_from)
    network = getattr(module, described.callable)(**described.kwargs)
    # Nothing but tensors is in it: that is what the option checks.
    network.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    raw = np.load(tmp_path / "test-input.npy")
    options = model.inputs[0].preprocessing[1].kwargs
    low, high = np.percentile(raw, [options.min_percentile, options.max_percentile])
    image = torch.from_numpy((raw - low) / (high - low + options.eps)).float()
    ours = PrototypeUNet(SMALL)
    ours.load_state_dict(load_bundle(small).unadapted)

    with torch.no_grad():
        found = network(image).numpy()
        maps = ours(network_input(image, None)).logits.sigmoid().numpy()

    np.testing.assert_allclose(found, np.load(tmp_path / "test-output.npy"), atol=1e-5)
    np.testing.assert_allclose(found, maps, atol=1e-6)


def test_the_package_says_what_went_into_the_start(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        assert b'"working_diameter": 24.0' in archive.read("card.json")
        assert "objects are 24 px wide" in archive.read("README.md").decode()


def test_a_file_is_not_replaced_unasked(small: str, package: Path) -> None:
    before = package.read_bytes()

    with pytest.raises(UserError, match="exists already"):
        export_bioimageio(small, package)

    assert package.read_bytes() == before


def test_the_shell_writes_it(small: str, tmp_path: Path) -> None:
    file = tmp_path / "small.zip"

    assert main(["models", "--export", small, str(file), "--bioimageio"]) == 0

    assert bioimageio.spec.load_model_description(file).name
    again = export_bioimageio(small, tmp_path / "again.zip")
    assert again.read_bytes() == file.read_bytes()


def test_the_shell_wants_to_know_what_to_export(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["models", "--bioimageio"]) == 2

    assert "--bioimageio needs --export" in capsys.readouterr().err
