from __future__ import annotations

import os
import pickle
import sys
import types
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.metrics import average_precision
from napari_metaseg.workflows.benchmark import (
    BenchmarkSettings,
    Choice,
    Row,
    make_methods,
    run_benchmark,
)
from napari_metaseg.workflows.benchmark.methods.deepsea import DeepSea, numbered

from .noisy_draws import IMAGE, PAINTED

if TYPE_CHECKING:
    from pathlib import Path

SEEN: list[torch.Tensor] = []


class DeepSeaSegmentation(nn.Module):
    """Stands in for the network of deepsea 0.0.3: the same calls and shapes."""

    def __init__(self, n_channels: int, n_classes: int, bilinear: bool = True) -> None:
        super().__init__()
        self.conv3 = nn.Conv2d(n_channels, n_classes, 1)
        self.drop = nn.Dropout(0.9)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        SEEN.append(x)
        logits = self.drop(self.conv3(x))
        return logits, -logits


def write_weights(folder: Path, border: float = 0.0) -> Path:
    """Write weights with which all is cell that is brighter than a border."""
    network = DeepSeaSegmentation(1, 2)
    with torch.no_grad():
        network.conv3.weight[:, 0, 0, 0] = torch.tensor([0.0, 1.0])
        network.conv3.bias[:] = torch.tensor([border, 0.0])
    path = folder / "trained_models" / "segmentation.pth"
    path.parent.mkdir(exist_ok=True)
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture
def weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Install the stand-in and return its weights file."""
    module = types.ModuleType("deepsea.model")
    module.__file__ = str(tmp_path / "model.py")
    module.DeepSeaSegmentation = DeepSeaSegmentation  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "deepsea", types.ModuleType("deepsea"))
    monkeypatch.setitem(sys.modules, "deepsea.model", module)
    SEEN.clear()
    return write_weights(tmp_path)


@pytest.mark.parametrize("channels", [0, 3, 2])
def test_what_is_drawn_becomes_cells_of_the_shape_of_the_image(
    weights: Path, channels: int
) -> None:
    image, truth = IMAGE, PAINTED.task.masks[PAINTED.scored[0]]
    if channels:
        image = np.stack([image] * channels, -1)

    fitted = DeepSea("cpu").fit(PAINTED)
    found = fitted.after(image)

    assert found.shape == truth.shape
    assert found.dtype == np.int32
    assert average_precision(truth, found) > 0.9
    assert fitted.before(image) is None
    assert not fitted.reverted


def test_the_network_is_given_gray_from_edge_to_edge_of_its_range(
    weights: Path,
) -> None:
    fitted = DeepSea("cpu").fit(PAINTED)
    image = np.zeros((64, 48, 3), np.uint16)
    image[:32, :, 1], image[32:, :, 2] = 500, 700

    fitted.after(image)

    (inputs,) = SEEN
    assert inputs.shape == (1, 1, 383, 512)
    assert inputs.dtype == torch.float32
    # Green counts 0.587 and blue 0.114: the upper half is the brighter one.
    assert inputs[0, 0, :150].unique().tolist() == [1]
    assert inputs[0, 0, 250:].unique().tolist() == [-1]


def test_an_image_of_one_value_has_no_cells(weights: Path) -> None:
    fitted = DeepSea("cpu").fit(PAINTED)

    assert not fitted.after(np.full((30, 40), 7, np.uint8)).any()


def test_specks_are_left_out_and_corners_part_cells() -> None:
    mask = np.zeros((40, 40), bool)
    mask[:4, :5] = mask[4:8, 5:10] = True
    mask[20:21, :19] = True

    labels = numbered(mask)

    assert np.bincount(labels.ravel())[1:].tolist() == [20, 20]
    assert labels[0, 0] != labels[5, 6]


def test_nothing_is_learned_so_there_are_no_corrections_and_no_before(
    weights: Path, tasks: Path
) -> None:
    settings = BenchmarkSettings(
        cells=(1,), draws=1, images=1, regimes=("cells",), corrections=2
    )

    rows = list(run_benchmark(tasks, make_methods(Choice((), ("deepsea",))), settings))

    assert [r.task for r in rows] == ["one", "two"]
    for row in rows:
        assert isinstance(row, Row)
        assert (row.method, row.before, row.shown) == ("deepsea", None, row.after)


def test_other_weights_are_another_fingerprint(weights: Path) -> None:
    before = DeepSea().fingerprint

    assert DeepSea().fingerprint == before
    write_weights(weights.parents[1], 0.5)
    assert DeepSea().fingerprint != before


def test_without_the_package_it_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "deepsea", None)
    monkeypatch.setitem(sys.modules, "deepsea.model", None)

    with pytest.raises(UserError, match=r"needs deepsea; run: pip install deepsea\."):
        make_methods(Choice((), ("deepsea",)))


def test_missing_weights_are_told_before_anything_is_measured(weights: Path) -> None:
    weights.unlink()

    with pytest.raises(UserError, match=r"segmentation.pth' is missing; run: pip"):
        make_methods(Choice((), ("deepsea",)))


class Trap:
    """What runs a command where it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("trapped",)


@pytest.mark.parametrize("content", [b"", b"nothing", pickle.dumps(Trap(), 2), [], {}])
def test_weights_that_are_none_are_told_and_not_run(
    weights: Path,
    content: object,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    if isinstance(content, bytes):
        weights.write_bytes(content)
    else:
        torch.save(content, weights)

    with pytest.raises(UserError, match=r"does not fit its network; run: pip install"):
        DeepSea("cpu").fit(PAINTED)

    assert not (tmp_path / "trapped").exists()
