"""A stand-in for the engine, and a viewer without a window."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.settings._plugin_config_generator import plugin_configuration_generator
from npe2 import PluginManager, PluginManifest
from qtpy.QtCore import QTimer
from skimage.measure import label

import napari_metaseg.io.bundle
import napari_metaseg.workflows.adapt
from napari_metaseg.core.plane_output import PlaneOutput
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.gui import decode_form, desk, dock, keeper, preferences
from napari_metaseg.gui.adapt_panel import AdaptPanel
from napari_metaseg.gui.classes import classes_panel
from napari_metaseg.gui.worker import Runner
from napari_metaseg.io import user_folder
from napari_metaseg.workflows.results import Part, Progress, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from napari import Viewer
    from napari.layers import Image
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

ROOT = Path(__file__).resolve().parent.parent.parent
RESTS = (
    (classes_panel, "_REST"),
    (decode_form, "_PAUSE"),
    (desk, "_REST"),
    (dock, "_HEAD_START"),
    (keeper, "PAUSE"),
)


class FakeModel:
    """Every bright blob is a cell; before adaptation, only the first is."""

    settings = DecodeSettings()

    def __init__(self, bright: NDArray[np.bool_], report: Report | None) -> None:
        self._found = label(bright).astype(np.int32)
        self.report = report
        told = {} if report is None else {"report": asdict(report)}
        network = SimpleNamespace(mirrors=4)
        self.segmenter = SimpleNamespace(
            card=told, network=network, settings=self.settings
        )
        self.saved: list[Any] = []
        self.memory = self._found.nbytes

    def found(
        self, settings: DecodeSettings, *, adapted: bool = True
    ) -> NDArray[np.int32]:
        found = self._found if adapted else np.where(self._found == 1, 1, 0)
        found = np.where(settings.threshold < 0.9, found, 0).astype(np.int32)
        return np.minimum(found, 1) if settings.region else found

    def drawn(self, *, adapted: bool = True) -> list[PlaneOutput]:
        """Draw the cells found: the higher its number, the less sure of a cell."""
        heights = np.where(self._found > 0, 0.95 - 0.05 * self._found, 0.01)
        maps = np.stack([heights, heights]).astype(np.float16)
        planes = maps.reshape(2, -1, *maps.shape[-2:]).swapaxes(0, 1)
        return [PlaneOutput(plane, plane.shape[-2:], 10.0) for plane in planes]

    def save(self, path: Any, *, overwrite: bool = False, settings: Any = None) -> None:
        self.saved.append(path)


@dataclass
class Engine:
    """Stands for `adapt_steps`: records its arguments, waits when it is told to.

    Attributes
    ----------
    calls : list
        Arguments of each run.
    gate : Event
        A run goes on from its first step only once this is set.
    closed : int
        How many runs have ended, in whichever way.
    error : Exception or None
        Raised instead of giving a result.
    preview : bool
        Whether the first step shows a preview.
    parts : list
        What the steps after it show of a part of the image.
    report : dict
        Values of the report that differ from the usual ones.
    split : float
        Splitting that is chosen where it is to be.
    """

    calls: list[SimpleNamespace] = field(default_factory=list)
    gate: Event = field(default_factory=Event)
    closed: int = 0
    error: Exception | None = None
    preview: bool = False
    parts: list[Part] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)
    split: float = 0.5

    def adapt_steps(
        self, images: list[Any], annotations: list[NDArray[np.int32]], **options: Any
    ) -> Generator[Progress, None, FakeModel]:
        image, annotation = images[0], annotations[0]
        others = list(zip(images[1:], annotations[1:], strict=True))
        call = SimpleNamespace(
            image=image, annotation=annotation, others=others, **options
        )
        self.calls.append(call)
        shown = np.full(annotation.shape, 7, np.int32) if self.preview else None
        try:
            yield Progress("adapt", 1, 4, "Step 1 of 4", preview=shown)
            for step, part in enumerate(self.parts, start=1):
                yield Progress("adapt", 1, 4, "A step", loss=1 / step, part=part)
            while not self.gate.wait(0.01):
                yield Progress("adapt", 2, 4, "Step 2 of 4")
            if self.error is not None:
                raise self.error
            model = self._model(np.asarray(image), annotation, options["channel"])
            settings = options["settings"]
            if options["fit_decoding"]:
                settings = replace(settings, split=self.split)
            model.segmenter.settings = settings
            return model
        finally:
            self.closed += 1

    def _model(
        self, image: Any, annotation: NDArray[np.int32], channel: int | None
    ) -> FakeModel:
        if image.shape != annotation.shape:
            axis = 0 if image.shape[1:] == annotation.shape else -1
            image = image.mean(axis) if channel is None else image.take(channel, axis)
        values = {
            "n_cells": 1,
            "n_strokes": 0,
            "diameter": 9.0,
            "steps": 4,
            "own_iou_before": 0.5,
            "own_iou_after": 0.9,
            "kept": True,
            "reason": "",
            "device": "cpu",
            "note": "",
        }
        return FakeModel(image > 0, Report(**(values | self.report)))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep annotations and settings in a folder of the test."""
    monkeypatch.setenv(user_folder.VARIABLE, str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def without_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do at once what waits for a person's hand to rest."""
    for module, name in RESTS:
        monkeypatch.setattr(module, name, 0)


@cache
def declared_settings() -> Callable[..., Any]:
    """Make the class of the settings that the manifest declares, once."""
    manager = PluginManager()
    manager.register(PluginManifest.from_file(ROOT / "napari.yaml"))
    made: Callable[..., Any] = plugin_configuration_generator(manager)["napari-metaseg"]
    return made


@pytest.fixture(autouse=True)
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a store of the test, as the manifest declares it, in napari's place."""
    settings = declared_settings()(config_path=tmp_path / "settings.yaml")
    monkeypatch.setattr(preferences, "stored", lambda: settings.panel)
    return settings


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Put a stand-in in the engine's place; its gate is open at first."""
    fake = Engine()
    fake.gate.set()
    monkeypatch.setattr(napari_metaseg.workflows.adapt, "adapt_steps", fake.adapt_steps)
    monkeypatch.setattr(napari_metaseg.io.bundle, "bundled_names", list)
    yield fake
    fake.gate.set()


@pytest.fixture
def blobs() -> NDArray[np.float32]:
    """Four bright squares on a dark ground, 64 px a side."""
    image = np.zeros((64, 64), np.float32)
    for y, x in ((8, 8), (8, 40), (40, 8), (40, 40)):
        image[y : y + 10, x : x + 10] = 1
    return image


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def image(viewer: ViewerModel, blobs: NDArray[np.float32]) -> Image:
    """Return the blobs as a layer of the viewer, half a micrometre a pixel."""
    return viewer.add_image(blobs, name="plate", scale=(0.5, 0.5), units="um")


@pytest.fixture
def window(
    make_napari_viewer: Callable[..., Viewer],
    blobs: NDArray[np.float32],
    engine: Engine,
) -> Viewer:
    """Return a real window of napari with the blobs in it."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1280, 720)
    viewer.add_image(blobs, name="plate")
    return viewer


@pytest.fixture
def settle(qtbot: QtBot) -> Callable[[AdaptPanel], None]:
    """Wait until no thread is at work and no timer is about to strike."""

    def wait(panel: AdaptPanel) -> None:
        def at_rest() -> bool:
            timers = any(timer.isActive() for timer in panel.findChildren(QTimer))
            busy = any(runner.running for runner in panel.findChildren(Runner))
            return not timers and not busy

        qtbot.waitUntil(at_rest, timeout=180_000)

    return wait


@pytest.fixture
def open_panel(
    qtbot: QtBot, engine: Engine, settle: Callable[[AdaptPanel], None]
) -> Iterator[Callable[[ViewerModel], AdaptPanel]]:
    """Open panels that have finished loading, and wait for them in the end."""
    panels: list[AdaptPanel] = []

    def open_one(viewer: ViewerModel) -> AdaptPanel:
        panel = AdaptPanel(viewer)
        panels.append(panel)
        settle(panel)
        return panel

    yield open_one
    engine.gate.set()
    for panel in panels:
        settle(panel)
        panel.close()
        panel.deleteLater()
