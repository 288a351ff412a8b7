"""The control: pooled pre-training, then ordinary fine-tuning on the same support."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

import torch

from napari_metaseg.core.devices import pick_device
from napari_metaseg.core.inner_loop import run_on_support
from napari_metaseg.core.losses import sparse_loss
from napari_metaseg.io.bundle import load_bundle
from napari_metaseg.workflows.adapt_run import on_device

from .adaptation import FittedSegmenter, bundle_fingerprint
from .fingerprint import fingerprint
from .look import make_lens_and_support, make_segmenter

if TYPE_CHECKING:
    from torch import nn

    from napari_metaseg.core.inner_loop import Support
    from napari_metaseg.core.network import Params
    from napari_metaseg.workflows.benchmark.draws import Painted

    from .protocol import Fitted

Optimizer = Literal["sgd", "adam"]


@dataclass(frozen=True, slots=True)
class FinetuneSettings:
    """Settings of fine-tuning.

    Attributes
    ----------
    steps : int
        Number of steps on the whole support.
    sgd_rate, adam_rate : float
        Learning rates.
    momentum : float
        Momentum of SGD.
    strength : float
        Strength (alpha) of the L2-SP penalty, where it is used.
    """

    steps: int = 20
    sgd_rate: float = 1e-2
    adam_rate: float = 3e-4
    momentum: float = 0.9
    strength: float = 10.0


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
    settings : FinetuneSettings
        Steps, rates and strength.
    """

    optimizer: Optimizer
    l2sp: bool
    init: str = "pooled"
    device: str = "auto"
    settings: FinetuneSettings = field(default_factory=FinetuneSettings)
    starts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Optimizer and penalty."""
        return f"finetune-{self.optimizer}{'-l2sp' * self.l2sp}"

    @property
    def origin(self) -> str:
        """All variants start at the same zero-shot result."""
        return "finetune"

    @property
    def fingerprint(self) -> str:
        """Name the weights and the settings."""
        weights = bundle_fingerprint(load_bundle(self.init))
        return fingerprint(weights, asdict(self.settings))

    def fit(
        self, painted: Painted, *, previous: Fitted | None = None
    ) -> FittedSegmenter:
        """Fine-tune on painted cells, always from the bundle."""
        start = time.perf_counter()
        device = pick_device(self.device)
        bundle = load_bundle(self.init)
        lens, support = make_lens_and_support(painted, bundle)
        support = support.to(device)
        module, initial = on_device(bundle, device)
        tuned = fine_tune(
            module,
            initial,
            support,
            self.settings,
            self.optimizer,
            strength=self.settings.strength if self.l2sp else 0.0,
        )
        segmenter = make_segmenter(module, initial, tuned, support, lens)
        return FittedSegmenter(segmenter, time.perf_counter() - start)


def fine_tune(
    module: nn.Module,
    initial: Params,
    support: Support,
    settings: FinetuneSettings,
    optimizer: Optimizer,
    *,
    strength: float,
) -> Params:
    """Minimise the support loss by an ordinary optimizer.

    L2-SP (Li, Grandvalet & Davoine, ICML 2018, eq. 3) adds ``strength / 2`` times the
    squared distance to the start. Its part of each step is taken implicitly, after
    the optimizer's: ``p <- (p + a p0) / (1 + a)``, ``a = rate * strength``, which is
    stable at any strength and is not rescaled by Adam.

    Parameters
    ----------
    module : nn.Module
        Supplies the structure.
    initial : Params
        The start.
    support : Support
        What was painted.
    settings : FinetuneSettings
        Steps and rates.
    optimizer : str
        ``"sgd"`` or ``"adam"``.
    strength : float
        Of the penalty; infinity keeps the start.

    Returns
    -------
    Params
    """
    params = {k: v.detach().clone().requires_grad_() for k, v in initial.items()}
    values = list(params.values())
    chosen: torch.optim.Optimizer
    if optimizer == "sgd":
        rate = settings.sgd_rate
        chosen = torch.optim.SGD(values, rate, momentum=settings.momentum)
    else:
        rate = settings.adam_rate
        chosen = torch.optim.Adam(values, rate)
    kept = 1 / (1 + rate * strength) if rate else 1.0
    for _ in range(settings.steps):
        chosen.zero_grad()
        output = run_on_support(module, params, support)
        sparse_loss(output.logits, support.target).backward()  # type: ignore[no-untyped-call]
        chosen.step()
        with torch.no_grad():
            for name, value in params.items():
                value.copy_(initial[name] + kept * (value - initial[name]))
    return {k: v.detach() for k, v in params.items()}
