"""An initialization and its inner loop: what the *Adapt* button does."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from napari_metaseg.core.axes import as_planes
from napari_metaseg.core.confidence import suggest_place
from napari_metaseg.core.devices import pick_device
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.io.bundle import Bundle, load_bundle, save_bundle
from napari_metaseg.workflows.adapt import adapt
from napari_metaseg.workflows.drawer import draws_by_another

from .fingerprint import fingerprint
from .protocol import SCRATCH, WARM, image_axes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_metaseg.core.network import Params
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

        Not with iMAML's proximal term: it would hold on to the last round's
        parameters instead of the initialization. Nor at several scales, which would go
        on from that of one.
        """
        proximal = "proximal" in load_bundle(self.init).card["recipe"]
        return (SCRATCH,) if proximal or self.scales > 1 else (SCRATCH, WARM)

    @property
    def fingerprint(self) -> str:
        """Name the weights and the recipe."""
        return bundle_fingerprint(load_bundle(self.init))

    def fit(
        self, painted: Painted, *, previous: Fitted | None = None
    ) -> FittedSegmenter:
        """Adapt to painted cells."""
        params = reached(previous)
        if params is None:
            return run_adapt(self.init, painted, self.device, self.scales)
        return adapt_from(load_bundle(self.init), params, painted, self.device)


@dataclass(frozen=True)
class FittedSegmenter:
    """A network before and after it has learned.

    Attributes
    ----------
    segmenter : Segmenter
        Shows what was learned, whatever the verdict.
    seconds : float
        Wall time (s) of preparing and learning.
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


def reached(previous: Fitted | None) -> Params | None:
    """Return where a method ended before, if there is a usable place."""
    if not isinstance(previous, FittedSegmenter):
        return None
    params = previous.segmenter.network.adapted.params
    finite = all(bool(torch.isfinite(v).all()) for v in params.values())
    return params if finite else None


def run_adapt(
    init: str | Path, painted: Painted, device: str, scales: int = 1
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
    )
    assert model.report is not None
    segmenter = replace(model.segmenter, kept=True).to(pick_device(device))
    seconds = model.seconds["prepare"] + model.seconds["adapt"]
    return FittedSegmenter(segmenter, seconds, reverted=not model.report.kept)


def adapt_from(
    bundle: Bundle, params: Params, painted: Painted, device: str
) -> FittedSegmenter:
    """Adapt from other parameters than the bundle's, by the bundle's recipe."""
    with tempfile.TemporaryDirectory() as folder:
        start = Path(folder) / "start"
        # Twice the same network would not fit where one of it just does.
        other = bundle.unadapted if draws_by_another(bundle) else None
        save_bundle(start, params, bundle.card, unadapted=other)
        return run_adapt(start, painted, device)


def bundle_fingerprint(bundle: Bundle) -> str:
    """Name a bundle's weights, recipe and scale."""
    return fingerprint(
        bundle.card.get("sha256"), bundle.card.get("recipe"), bundle.diameter
    )
