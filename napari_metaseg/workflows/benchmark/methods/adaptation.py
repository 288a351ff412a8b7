"""An initialization and its inner loop: what the *Adapt* button does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_metaseg.core.axes import as_planes
from napari_metaseg.core.confidence import suggest_place
from napari_metaseg.core.devices import pick_device
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.io.bundle import load_bundle
from napari_metaseg.workflows.adapt import AdaptedModel, adapt

from .fingerprint import fingerprint
from .protocol import SCRATCH, STARTS, image_axes

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from napari_metaseg.io.bundle import Bundle
    from napari_metaseg.workflows.benchmark.draws import Labels, Painted
    from napari_metaseg.workflows.segmenter import Segmenter

    from .protocol import Fitted


@dataclass(frozen=True)
class Adaptation:
    """A meta-initialization as a method of the benchmark.

    Attributes
    ----------
    init : str
        Name or folder of the bundle; also the method's name.
    device : str
        See `napari_metaseg.core.devices.pick_device`.
    scales : int
        At how many scales cells are learned, see `napari_metaseg.adapt`.
    """

    init: str
    device: str = "auto"
    scales: int = 1

    @property
    def name(self) -> str:
        """As it was asked for, with the number of scales if there are several."""
        return self.init if self.scales == 1 else f"{self.init}-{self.scales}-scales"

    @property
    def origin(self) -> str:
        """Two initializations differ before they learn."""
        return self.init

    @property
    def starts(self) -> tuple[str, ...]:
        """A correction round may go on from where the last one ended.

        Not at several scales, all of which would go on from that of one.
        """
        return STARTS if self.scales == 1 else (SCRATCH,)

    @property
    def fingerprint(self) -> str:
        """Name the weights and the recipe."""
        return bundle_fingerprint(load_bundle(self.init))

    def fit(
        self, painted: Painted, *, previous: Fitted | None = None
    ) -> FittedSegmenter:
        """Adapt to painted cells."""
        return run_adapt(
            self.init, painted, self.device, self.scales, _as_start(previous)
        )


@dataclass(frozen=True)
class FittedSegmenter:
    """A network before and after it has learned.

    Attributes
    ----------
    segmenter : Segmenter
        Shows what was learned, whatever the verdict.
    seconds : float
        Wall time (s) of learning, see ``adapt_seconds`` of a `Row`.
    reverted : bool
        Whether do-no-harm keeps the result before.
    """

    segmenter: Segmenter
    seconds: float
    reverted: bool = False

    def before(self, image: NDArray[np.generic]) -> Labels:
        """Segment with the parameters before learning."""
        return self.segmenter.segment(
            image, axes=image_axes(image), adapted=False, settings=DecodeSettings()
        )

    def after(self, image: NDArray[np.generic]) -> Labels:
        """Segment with the parameters after learning."""
        return self.segmenter.segment(image, axes=image_axes(image))

    def suggest(
        self, image: NDArray[np.generic], annotation: Labels
    ) -> tuple[int, int] | None:
        """Suggest where to annotate next, as the panel does."""
        planes = as_planes(image, axes=image_axes(image))
        drawn = exhaust(self.segmenter.draw(planes, adapted=not self.reverted))
        place = suggest_place(drawn, [annotation])
        return None if place is None else (place.y, place.x)


def run_adapt(
    init: str | Path,
    painted: Painted,
    device: str,
    scales: int = 1,
    start: AdaptedModel | None = None,
) -> FittedSegmenter:
    """Adapt through the public function, as a person does."""
    images = painted.images
    model = adapt(
        images,
        [annotation for _, annotation in painted.annotations],
        axes=image_axes(images[0]),
        init=init,
        device=device,
        scales=scales,
        start=start,
    )
    assert model.report is not None
    segmenter = replace(model.segmenter, kept=True).to(pick_device(device))
    seconds = model.seconds["prepare"] + model.seconds["adapt"]
    return FittedSegmenter(segmenter, seconds, reverted=not model.report.kept)


def _as_start(previous: Fitted | None) -> AdaptedModel | None:
    """Return an earlier round as `adapt` goes on from it: not if it was reverted."""
    if not isinstance(previous, FittedSegmenter):
        return None
    return AdaptedModel(replace(previous.segmenter, kept=not previous.reverted))


def bundle_fingerprint(bundle: Bundle) -> str:
    """Name a bundle's weights, recipe and scale."""
    return fingerprint(
        bundle.card.get("sha256"), bundle.card.get("recipe"), bundle.diameter
    )
