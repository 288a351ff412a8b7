"""napari-convpaint (Hinderling et al.), where it is installed: a further rival."""

from __future__ import annotations

import contextlib
import io
import time
import warnings
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.workflows.benchmark.extras import need

from .fingerprint import fingerprint
from .pixels import ForestSettings, known_pixels, part_cells
from .protocol import SCRATCH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_metaseg.workflows.benchmark.draws import Labels, Painted

    from .protocol import Fitted

BACKGROUND, CELL = 1, 2
"""Classes; convpaint takes 0 for unknown."""


@dataclass(frozen=True)
class Convpaint:
    """Convpaint's pixel classifier, with the forest's training pixels and watershed.

    Attributes
    ----------
    features : str
        Alias of a standard model of convpaint; some of them load weights.
    settings : ForestSettings
        Ring and watershed.
    """

    features: str = "gaussian"
    settings: ForestSettings = field(default_factory=ForestSettings)
    origin: str = "convpaint"
    starts: tuple[str, ...] = (SCRATCH,)

    @property
    def name(self) -> str:
        """Program and features."""
        return f"convpaint-{self.features}"

    @property
    def fingerprint(self) -> str:
        """Name the settings."""
        return fingerprint(self.features, asdict(self.settings))

    def fit(
        self, painted: Painted, *, previous: Fitted | None = None
    ) -> FittedConvpaint:
        """Train the classifier on painted cells, rings around them, and strokes."""
        module = load_convpaint()
        start = time.perf_counter()
        diameter = painted.diameter
        targets = []
        for _, annotation in painted.annotations:
            known = known_pixels(annotation, self.settings.ring * diameter)
            targets.append(np.select(known, [CELL, BACKGROUND], 0))
        images = [_channels_first(image) for image in painted.images]
        with _quiet():
            model = module.ConvpaintModel(alias=self.features)
            model.set_param(
                "channel_mode", "multi" if images[0].ndim == 3 else "single"
            )
            model.train(images, targets)
        seconds = time.perf_counter() - start
        return FittedConvpaint(model, diameter, self.settings, seconds)


@dataclass(frozen=True)
class FittedConvpaint:
    """A trained classifier."""

    model: Any
    diameter: float
    settings: ForestSettings
    seconds: float
    reverted: bool = False

    def before(self, image: NDArray[np.generic]) -> None:
        """Return nothing: without painted cells there is no classifier."""

    def after(self, image: NDArray[np.generic]) -> Labels:
        """Classify pixels and part cells by a seeded watershed."""
        with _quiet():
            probability = self.model.predict_probas(_channels_first(image))
        cells = np.asarray(probability[CELL - 1], np.float32)
        return part_cells(cells, self.diameter, self.settings)


def load_convpaint() -> Any:
    """Import convpaint; see `need`."""
    with _quiet():
        return need("napari_convpaint.convpaint_model", "napari-convpaint")


def _channels_first(image: NDArray[np.generic]) -> NDArray[np.generic]:
    return np.moveaxis(image, -1, 0) if image.ndim == 3 else image


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep its progress and its warnings of further extras out of the tables."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
