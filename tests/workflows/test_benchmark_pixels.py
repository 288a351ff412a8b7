"""Rivals that classify pixels: the forest, and Convpaint."""

from __future__ import annotations

import sys
import types
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.metrics import average_precision
from napari_metaseg.workflows.benchmark.methods.convpaint import Convpaint
from napari_metaseg.workflows.benchmark.methods.forest import Forest
from napari_metaseg.workflows.benchmark.methods.pixels import (
    ForestSettings,
    known_pixels,
    part_cells,
)
from napari_metaseg.workflows.benchmark.methods.registry import Choice, make_methods
from tests.data.tasks import task

from .noisy_draws import IMAGE, PAINTED, a_draw, noisy

if TYPE_CHECKING:
    from napari_metaseg.workflows.benchmark.draws import Painted


@pytest.mark.parametrize("channels", [0, 3])
@pytest.mark.parametrize("regime", ["cells", "strokes"])
def test_the_forest_finds_bright_disks_on_noise(channels: int, regime: str) -> None:
    known = noisy(channels=channels)
    painted = a_draw(known).painted(regime, 2)

    fitted = Forest(ForestSettings(trees=20)).fit(painted)

    assert fitted.before(IMAGE) is None
    for index in painted.scored:
        found = fitted.after(known.images[index])
        assert found.dtype == np.int32
        assert average_precision(known.masks[index], found) > 0.9


def test_a_forest_learns_from_several_images_and_the_same_each_time() -> None:
    other = np.where(PAINTED.task.masks[1] == 3, 3, 0).astype(np.int32)
    more = replace(PAINTED, annotations=(*PAINTED.annotations, (1, other)))
    settings = ForestSettings(trees=5, pixels=200)

    first, again = (Forest(settings).fit(more).after(IMAGE) for _ in range(2))

    np.testing.assert_array_equal(first, again)


def test_a_forest_refuses_an_image_with_other_channels() -> None:
    fitted = Forest(ForestSettings(trees=2)).fit(PAINTED)

    with pytest.raises(UserError, match=r"1 channel\(s\) but this image has 3"):
        fitted.after(np.stack([IMAGE] * 3, -1))


def test_touching_cells_of_the_painted_size_are_parted_and_specks_go() -> None:
    y, x = np.mgrid[:60, :90]
    probability = np.zeros((60, 90), np.float32)
    for centre in (30, 52):
        probability[(y - 30) ** 2 + (x - centre) ** 2 <= 144] = 1
    probability[5:8, 5:8] = 1

    labels = part_cells(probability, 24.0, ForestSettings())

    assert sorted(np.unique(labels[30, [30, 52]])) == [1, 2]
    assert labels.max() == 2
    assert labels[6, 6] == 0


def test_nothing_found_is_an_empty_result() -> None:
    blank = np.zeros((30, 30), np.float32)

    assert not part_cells(blank, 10.0, ForestSettings()).any()


def test_a_ring_and_strokes_are_background_and_outlines_are_neither() -> None:
    annotation = np.zeros((40, 40), np.int32)
    annotation[10:20, 10:20] = 5
    annotation[30, 5:9] = -1

    cells, background = known_pixels(annotation, 4.0)

    np.testing.assert_array_equal(cells, annotation == 5)
    np.testing.assert_array_equal(
        background[15, 3:12],
        # Column 9 is next to the cell; columns 5 to 8 are 2 to 5 px from it.
        [False, False, True, True, True, True, False, False, False],
    )
    assert background[annotation < 0].all()
    assert not (cells & background).any()


class ConvpaintModel:
    """Stands in for the model of napari-convpaint 1.2: the same calls and shapes."""

    def __init__(self, alias: str) -> None:
        print("a line of progress")
        self.alias = alias
        self.params: dict[str, str] = {}

    def set_param(self, key: str, value: str) -> None:
        self.params[key] = value

    def train(self, images: list[np.ndarray], targets: list[np.ndarray]) -> None:
        assert all(set(np.unique(t)) == {0, 1, 2} for t in targets)
        gray = [i.mean(0) if i.ndim == 3 else i for i in images]
        pairs = list(zip(gray, targets, strict=True))
        low, high = (np.mean([g[t == c].mean() for g, t in pairs]) for c in (1, 2))
        self.border = (low + high) / 2

    def predict_probas(self, image: np.ndarray) -> np.ndarray:
        multi = self.params["channel_mode"] == "multi"
        gray = image.mean(0) if multi else image
        cell = (gray > self.border).astype(float)
        return np.stack([1 - cell, cell])


@pytest.mark.parametrize("channels", [0, 3])
def test_convpaint_is_taught_classes_and_its_cells_are_parted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], channels: int
) -> None:
    name = "napari_convpaint.convpaint_model"
    module = types.ModuleType(name)
    module.ConvpaintModel = ConvpaintModel  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "napari_convpaint", types.ModuleType("parent"))
    monkeypatch.setitem(sys.modules, name, module)
    clean = task(images=2)
    colour = tuple(
        np.stack([i] * channels, -1) if channels else i for i in clean.images
    )
    known = replace(clean, images=colour)
    painted: Painted = a_draw(known).painted("strokes", 1)

    fitted = Convpaint().fit(painted)
    found = fitted.after(known.images[painted.scored[0]])

    assert average_precision(known.masks[painted.scored[0]], found) == 1
    assert capsys.readouterr().out == ""


def test_a_rival_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "napari_convpaint", None)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)

    with pytest.raises(UserError, match="pip install napari-convpaint"):
        make_methods(Choice((), ("convpaint",)))
    with pytest.raises(UserError, match=r"'napari-metaseg\[benchmark\]'"):
        make_methods(Choice((), ("forest",)))
