"""The network from random weights: what training on other tasks is worth."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import torch

from napari_metaseg.core.devices import pick_device
from napari_metaseg.core.network import PrototypeUNet
from napari_metaseg.io.bundle import load_bundle

from .adaptation import FittedSegmenter
from .fingerprint import fingerprint
from .protocol import SCRATCH
from .tuning import FinetuneSettings, FineTuning, train_on_painted

if TYPE_CHECKING:
    from napari_metaseg.core.network import Architecture, Params
    from napari_metaseg.workflows.benchmark.draws import Painted

    from .protocol import Fitted

TUNED_RANDOM = FinetuneSettings(100, 3e-3)
"""The best of a grid on three training tasks, frozen: three cells, one scored image
each, cropped to 224 px (``scripts/tune_rivals.py TRAIN random --fast --images 1 --tasks
dsb18_he_pink bact_omnipose_docs phc_t98g_usiigaci``). AP@0.5, mean over sources, after
20, 50 and 100 steps: 0.241, 0.228 and 0.267 at a rate of 0.001, 0.275, 0.167 and 0.294
at 0.003, where 200 steps, tried on their own, have 0.208. One draw tells little: what
is chosen of the grid without a source has 0.176 on it."""


@dataclass(frozen=True)
class RandomStart:
    """The same network, trained from random weights on the painted cells alone.

    All layers learn, by Adam on the whole support in each step. It sees evidence and
    prototype, as an initialization does, and its decoding is chosen by what is painted.
    Steps look at mirror images in turn, as ordinary training does and as results are
    drawn. Without that it had learned nothing that held elsewhere: on another image of
    bacteria the foreground's Dice was 0.06, with it 0.95 (100 steps, rate 0.003).

    Attributes
    ----------
    like : str
        Name or folder of a bundle whose architecture and object size are used;
        nothing else of it is.
    device : str
        See `napari_metaseg.core.devices.pick_device`.
    settings : FinetuneSettings
        Steps and rate.
    """

    like: str
    device: str = "auto"
    settings: FinetuneSettings = TUNED_RANDOM
    name: str = "random"
    origin: str = "random"
    starts: tuple[str, ...] = (SCRATCH,)

    @property
    def fingerprint(self) -> str:
        """Name the architecture and the settings; weights are the draw's own."""
        bundle = load_bundle(self.like)
        network = bundle.architecture.as_dict(), bundle.diameter
        return fingerprint(self.name, network, asdict(self.settings))

    def fit(
        self, painted: Painted, *, previous: Fitted | None = None
    ) -> FittedSegmenter:
        """Train on painted cells, from the random weights of the draw's seed."""
        start = time.perf_counter()
        bundle = load_bundle(self.like)
        first = random_params(bundle.architecture, painted.seed)
        trained = train_on_painted(
            painted,
            replace(bundle, params=first, unadapted=first),
            FineTuning(self.settings, "adam", mirrored=True),
            pick_device(self.device),
            closed_form=True,
        )
        seconds = time.perf_counter() - start
        return FittedSegmenter(trained.with_decoding(painted), seconds)


def random_params(architecture: Architecture, seed: int) -> Params:
    """Draw the weights that a network starts its training with."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        network = PrototypeUNet(architecture)
    return {k: v.detach() for k, v in network.named_parameters()}
