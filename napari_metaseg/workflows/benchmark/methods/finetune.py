"""The control: pooled pre-training, then ordinary fine-tuning on the same support."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from napari_metaseg.core.devices import pick_device
from napari_metaseg.io.bundle import CONTROL, load_bundle

from .adaptation import FittedSegmenter, bundle_fingerprint
from .fingerprint import fingerprint
from .tuning import FinetuneSettings, FineTuning, Optimizer, train_on_painted

if TYPE_CHECKING:
    from napari_metaseg.workflows.benchmark.draws import Painted

    from .protocol import Fitted

Tuned = Mapping[tuple[Optimizer, bool], FinetuneSettings]
"""Settings of each optimizer, without and with the L2-SP penalty."""

TUNED: Tuned = MappingProxyType(
    {
        ("sgd", False): FinetuneSettings(5, 1e-3),
        ("sgd", True): FinetuneSettings(50, 1e-3, 100.0),
        ("adam", False): FinetuneSettings(50, 3e-4),
        ("adam", True): FinetuneSettings(50, 3e-4, 1.0),
    }
)
"""The best of each grid on four training tasks, see ``scripts/tune_rivals.py``."""


@dataclass(frozen=True)
class Finetune:
    """Fine-tuning of a bundle as a method of the benchmark.

    Attributes
    ----------
    optimizer : str
        ``"sgd"`` or ``"adam"``.
    l2sp : bool
        Whether the distance to the start is penalised.
    init : str
        Name or folder of the bundle to start from; its recipe is not used.
    device : str
        See `napari_metaseg.core.devices.pick_device`.
    settings : FinetuneSettings, optional
        Steps, rate and strength; by default those of `TUNED`.
    closed_form : bool
        Whether the network is told what adaptation fits in closed form (evidence and
        prototype). Without it this is fine-tuning as everybody knows it.
    """

    optimizer: Optimizer
    l2sp: bool
    init: str = CONTROL
    device: str = "auto"
    settings: FinetuneSettings | None = None
    closed_form: bool = False
    starts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Optimizer and penalty."""
        told = "-closed" * self.closed_form
        return f"finetune{told}-{self.optimizer}{'-l2sp' * self.l2sp}"

    @property
    def origin(self) -> str:
        """All variants start at the same zero-shot result."""
        return "finetune"

    @property
    def fingerprint(self) -> str:
        """Name the weights and the settings."""
        weights = bundle_fingerprint(load_bundle(self.init))
        return fingerprint(weights, asdict(self._settings), self.closed_form)

    @property
    def _settings(self) -> FinetuneSettings:
        return self.settings or TUNED[self.optimizer, self.l2sp]

    def fit(
        self, painted: Painted, *, previous: Fitted | None = None
    ) -> FittedSegmenter:
        """Fine-tune on painted cells, always from the bundle."""
        start = time.perf_counter()
        trained = train_on_painted(
            painted,
            load_bundle(self.init),
            FineTuning(self._settings, self.optimizer),
            pick_device(self.device),
            closed_form=self.closed_form,
        )
        seconds = time.perf_counter() - start
        return FittedSegmenter(trained.with_decoding(painted), seconds)
