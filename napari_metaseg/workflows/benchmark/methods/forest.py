"""The rival: a random forest on multi-scale filters, then a seeded watershed.

This is how ilastik (Berg et al., Nature Methods 16, 2019), Labkit (Arzt et al.,
Frontiers in Computer Science 4, 2022) and APOC let people segment: a pixel
classifier, trained on the spot.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.scaling import resize_labels
from napari_metaseg.workflows.benchmark.extras import need

from .fingerprint import fingerprint
from .pixels import (
    Floats,
    ForestSettings,
    filter_responses,
    foreground,
    known_pixels,
    part_cells,
)
from .protocol import SCRATCH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_metaseg.workflows.benchmark.draws import Labels, Painted

    from .protocol import Fitted


@dataclass(frozen=True)
class Forest:
    """The random forest as a method of the benchmark.

    Attributes
    ----------
    settings : ForestSettings
        Frozen: chosen once, on other tasks.
    """

    settings: ForestSettings = field(default_factory=ForestSettings)
    name: str = "forest"
    origin: str = "forest"
    starts: tuple[str, ...] = (SCRATCH,)

    @property
    def fingerprint(self) -> str:
        """Name the settings."""
        return fingerprint(asdict(self.settings))

    def fit(self, painted: Painted, *, previous: Fitted | None = None) -> FittedForest:
        """Train the forest on painted cells, rings around them, and strokes."""
        ensemble = need("sklearn.ensemble")
        start = time.perf_counter()
        drawn = [annotation for _, annotation in painted.annotations]
        diameter = painted.diameter
        pairs = zip(painted.images, drawn, strict=True)
        samples = [_training_pixels(*pair, diameter, self.settings) for pair in pairs]
        values, classes = (np.concatenate(part) for part in zip(*samples, strict=True))
        order = np.random.default_rng(painted.seed).permutation(len(classes))
        order = order[: self.settings.pixels]
        trees = ensemble.RandomForestClassifier(
            self.settings.trees,
            min_samples_leaf=self.settings.leaf,
            class_weight="balanced",
            n_jobs=-1,
            random_state=painted.seed,
        ).fit(values[order], classes[order])
        seconds = time.perf_counter() - start
        channels = _channels(painted.images[0])
        return FittedForest(trees, channels, diameter, self.settings, seconds)


@dataclass(frozen=True)
class FittedForest:
    """A trained forest."""

    trees: Any
    channels: int
    diameter: float
    settings: ForestSettings
    seconds: float
    reverted: bool = False

    def before(self, image: NDArray[np.generic]) -> None:
        """Return nothing: without painted cells there is no forest."""

    def after(self, image: NDArray[np.generic]) -> Labels:
        """Classify pixels and part cells by a seeded watershed."""
        channels = _channels(image)
        if channels != self.channels:
            raise UserError(
                f"The forest was trained on {self.channels} channel(s) but this image "
                f"has {channels}; choose an image of the same kind."
            )
        probability = foreground(self.trees, image, self.diameter, self.settings)
        return part_cells(probability, self.diameter, self.settings)


def _training_pixels(
    image: NDArray[np.generic],
    annotation: Labels,
    diameter: float,
    settings: ForestSettings,
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return filter responses (N, F) and whether they are those of a cell."""
    responses = filter_responses(image, diameter, settings)
    drawn = resize_labels(annotation, responses.shape[:2])
    width = settings.ring * (settings.diameter or diameter)
    cells, background = known_pixels(drawn, width)
    return responses[cells | background], cells[cells | background]


def _channels(image: NDArray[np.generic]) -> int:
    return 1 if image.ndim == 2 else image.shape[2]
