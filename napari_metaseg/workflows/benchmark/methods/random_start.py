"""The network from random weights: what meta-training is worth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from napari_metaseg.core.network import PrototypeUNet
from napari_metaseg.io.bundle import Bundle, load_bundle

from .adaptation import FittedSegmenter, adapt_from, bundle_fingerprint, reached
from .fingerprint import fingerprint
from .protocol import SCRATCH, WARM

if TYPE_CHECKING:
    from napari_metaseg.core.network import Params
    from napari_metaseg.workflows.benchmark.draws import Painted

    from .protocol import Fitted


@dataclass(frozen=True)
class RandomStart:
    """The same network and inner loop, from random weights.

    Attributes
    ----------
    recipe : str
        Bundle whose architecture, steps and rates are used.
    device : str
        See `napari_metaseg.core.devices.pick_device`.
    """

    recipe: str
    device: str = "auto"
    name: str = "random"
    origin: str = "random"
    starts: tuple[str, ...] = (SCRATCH, WARM)

    @property
    def fingerprint(self) -> str:
        """Name the recipe."""
        return fingerprint(bundle_fingerprint(load_bundle(self.recipe)))

    def fit(
        self, painted: Painted, *, previous: Fitted | None = None
    ) -> FittedSegmenter:
        """Adapt to painted cells, from random weights."""
        bundle = load_bundle(self.recipe)
        first = random_params(bundle, painted.seed)
        bundle = replace(bundle, params=first, unadapted=first)
        return adapt_from(bundle, reached(previous) or first, painted, self.device)


def random_params(bundle: Bundle, seed: int) -> Params:
    """Draw the weights that the bundle's network starts its training with."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        network = PrototypeUNet(bundle.architecture)
    return {k: v.detach() for k, v in network.named_parameters()}
