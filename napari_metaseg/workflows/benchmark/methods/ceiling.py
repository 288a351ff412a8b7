"""The ceiling: the same network, supervised by whole images of the task."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from napari_metaseg.core.devices import pick_device
from napari_metaseg.io.bundle import CONTROL, load_bundle

from .adaptation import bundle_fingerprint
from .fingerprint import fingerprint
from .protocol import image_axes
from .supervised import CeilingSettings, train_supervised

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_metaseg.data.folders import TaskFolder
    from napari_metaseg.workflows.benchmark.draws import Labels, Painted
    from napari_metaseg.workflows.segmenter import Segmenter

    from .protocol import Fitted

Told: TypeAlias = tuple[tuple[int, ...], ...]
"""Images that each network is trained on."""


@dataclass(frozen=True)
class Ceiling:
    """Full supervision as a method of the benchmark.

    It does not depend on what was painted, so one training serves all draws of a task.

    Attributes
    ----------
    init : str
        Name or folder of the bundle to start from.
    device : str
        See `napari_metaseg.core.devices.pick_device`.
    settings : CeilingSettings
        How it is trained.
    """

    init: str = CONTROL
    device: str = "auto"
    settings: CeilingSettings = field(default_factory=CeilingSettings)
    name: str = "ceiling"
    origin: str = "ceiling"
    starts: tuple[str, ...] = ()
    _last: dict[tuple[str, Told], FittedCeiling] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def fingerprint(self) -> str:
        """Name the weights and the settings."""
        weights = bundle_fingerprint(load_bundle(self.init))
        return fingerprint(weights, asdict(self.settings))

    def fit(
        self, painted: Painted, *, previous: Fitted | None = None
    ) -> FittedCeiling | None:
        """Train a network for each part of the task, once."""
        task = painted.task
        folds = make_folds(len(task.images), self.settings)
        told = tuple(
            tuple(
                i
                for i in range(len(task.images))
                if i not in fold and task.diameters[i]
            )
            for fold in folds
        )
        return self._trained(task, folds, told) if all(told) else None

    def _trained(
        self, task: TaskFolder, folds: list[list[int]], told: Told
    ) -> FittedCeiling:
        """Train a network for each part on the images that it is told, once."""
        key = task.name, told
        if key not in self._last:
            # Tasks, and regimes of a draw, come one after the other; more is not kept.
            self._last.clear()
            start = time.perf_counter()
            bundle, device = load_bundle(self.init), pick_device(self.device)
            segmenters = [
                train_supervised(task, indices, bundle, device, self.settings)
                for indices in told
            ]
            seconds = time.perf_counter() - start
            self._last[key] = FittedCeiling(task, folds, segmenters, seconds)
        return self._last[key]


@dataclass(frozen=True)
class FittedCeiling:
    """Networks that were trained on all images but those of one part."""

    task: TaskFolder = field(repr=False)
    folds: list[list[int]]
    segmenters: list[Segmenter] = field(repr=False)
    seconds: float
    reverted: bool = False

    def before(self, image: NDArray[np.generic]) -> None:
        """Return nothing: the ceiling has no steps to be seen before."""

    def after(self, image: NDArray[np.generic]) -> Labels:
        """Segment one of the task's images by the network that has not seen it."""
        index = next(
            i
            for i, known in enumerate(self.task.images)
            if known is image or np.array_equal(known, image)
        )
        part = next(n for n, fold in enumerate(self.folds) if index in fold)
        segmenter = self.segmenters[part]
        return segmenter.segment(image, axes=image_axes(image))


def make_folds(images: int, settings: CeilingSettings) -> list[list[int]]:
    """Divide a task's images into parts by chance.

    Returns
    -------
    list of list of int
        Each image lies in one part; no part is empty.
    """
    order = np.random.default_rng(settings.seed).permutation(images)
    parts = np.array_split(order, min(settings.folds, images))
    return [[int(i) for i in part] for part in parts]
