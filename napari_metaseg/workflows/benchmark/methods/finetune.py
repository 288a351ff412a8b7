"""The control: pooled pre-training, then ordinary fine-tuning on the same support."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import torch

from napari_metaseg.core.axes import as_planes
from napari_metaseg.core.devices import pick_device
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.inner_loop import Step, run_on_support
from napari_metaseg.core.losses import sparse_loss
from napari_metaseg.core.rehearsal import rehearse
from napari_metaseg.io.bundle import CONTROL, load_bundle
from napari_metaseg.workflows.fitting import fit_decoding
from napari_metaseg.workflows.preparing import on_device
from napari_metaseg.workflows.splitting import left_out_pairs

from .adaptation import FittedSegmenter, bundle_fingerprint
from .blind import BlindUNet
from .fingerprint import fingerprint
from .look import make_lens_and_crops, make_segmenter
from .protocol import image_axes

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import nn

    from napari_metaseg.core.inner_loop import Support
    from napari_metaseg.core.network import Params
    from napari_metaseg.core.settings import DecodeSettings
    from napari_metaseg.workflows.benchmark.draws import Painted
    from napari_metaseg.workflows.segmenter import Segmenter
    from napari_metaseg.workflows.splitting import Pair

    from .protocol import Fitted

Optimizer = Literal["sgd", "adam"]


@dataclass(frozen=True, slots=True)
class FinetuneSettings:
    """Settings of fine-tuning.

    Attributes
    ----------
    steps : int
        Number of steps on the whole support.
    rate : float
        Learning rate.
    strength : float
        Strength (alpha) of the L2-SP penalty; infinity keeps the start.
    momentum : float
        Momentum of SGD.
    """

    steps: int
    rate: float
    strength: float = 0.0
    momentum: float = 0.9


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
        device = pick_device(self.device)
        bundle = load_bundle(self.init)
        lens, crops = make_lens_and_crops(painted, bundle)
        crops = crops.to(device)
        support = crops.support()
        module, initial = on_device(bundle, device)
        if not self.closed_form:
            module = BlindUNet(bundle.architecture).to(device)
        recipe = FineTuning(self._settings, self.optimizer)
        apart = crops.apart()
        rehearsed = support if apart is crops else apart.support()
        left_out = exhaust(rehearse(recipe, module, initial, rehearsed)).drawn
        *_, last = recipe.follow(module, initial, support)
        seconds = time.perf_counter() - start
        segmenter = make_segmenter(module, initial, last.params, support, lens)
        pairs = left_out_pairs(left_out, apart, lens.working_diameter)
        settings = _decoding(segmenter, painted, pairs)
        return FittedSegmenter(replace(segmenter, settings=settings), seconds)


@dataclass(frozen=True, slots=True)
class FineTuning:
    """Ordinary fine-tuning of all parameters: the support loss, by an optimizer.

    L2-SP (Li, Grandvalet & Davoine, ICML 2018, eq. 3) adds ``strength / 2`` times the
    squared distance to the start. Its part of each step is taken implicitly, after
    the optimizer's: ``p <- (p + a p0) / (1 + a)``, ``a = rate * strength``, which is
    stable at any strength and is not rescaled by Adam.

    Attributes
    ----------
    settings : FinetuneSettings
        Steps, rate and strength.
    optimizer : str
        ``"sgd"`` or ``"adam"``.
    """

    settings: FinetuneSettings
    optimizer: Optimizer

    @property
    def total(self) -> int:
        """Number of steps."""
        return self.settings.steps

    def follow(
        self,
        network: nn.Module,
        params: Params,
        support: Support,
        start: Params | None = None,
    ) -> Generator[Step, None, None]:
        """Take the steps, see `napari_metaseg.core.recipe.GradientSteps.follow`."""
        begin = params if start is None else start
        now = {k: v.detach().clone().requires_grad_() for k, v in begin.items()}
        chosen, settings = self._optimizer(list(now.values())), self.settings
        kept = 1 / (1 + settings.rate * settings.strength) if settings.rate else 1.0
        yield Step(0, {k: v.detach() for k, v in now.items()}, None)
        for index in range(1, self.total + 1):
            chosen.zero_grad()
            output = run_on_support(network, now, support)
            loss = sparse_loss(output.logits, support.target)
            loss.backward()  # type: ignore[no-untyped-call]
            chosen.step()
            with torch.no_grad():
                for name, value in now.items():
                    value.copy_(params[name] + kept * (value - params[name]))
            # The optimizer goes on writing to its own.
            copy = {k: v.detach().clone() for k, v in now.items()}
            yield Step(index, copy, loss.detach())

    def _optimizer(self, values: list[torch.Tensor]) -> torch.optim.Optimizer:
        settings = self.settings
        if self.optimizer == "sgd":
            return torch.optim.SGD(values, settings.rate, momentum=settings.momentum)
        return torch.optim.Adam(values, settings.rate)


def _decoding(
    segmenter: Segmenter, painted: Painted, left_out: list[Pair]
) -> DecodeSettings:
    """Choose splitting and threshold as *Adapt* does, by what is painted."""
    shown: list[Pair] = []
    for image, (_, annotation) in zip(painted.images, painted.annotations, strict=True):
        planes = as_planes(image, axes=image_axes(image))
        outputs = exhaust(segmenter.draw(planes, adapted=True))
        shown += zip(outputs, planes.split(annotation), strict=True)
    return fit_decoding(shown, left_out, segmenter.settings)
