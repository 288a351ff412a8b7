"""Ordinary training of all layers of a network on what is painted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch

from napari_metaseg.core.axes import as_planes
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.inner_loop import Step, run_on_support
from napari_metaseg.core.losses import Sparse, sparse_loss
from napari_metaseg.core.rehearsal import rehearse
from napari_metaseg.core.tiles import FLIPS
from napari_metaseg.workflows.fitting import fit_decoding
from napari_metaseg.workflows.preparing import on_device
from napari_metaseg.workflows.splitting import left_out_pairs

from .blind import BlindUNet
from .look import make_lens_and_crops, make_segmenter
from .protocol import image_axes

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import nn

    from napari_metaseg.core.inner_loop import Support
    from napari_metaseg.core.network import Params
    from napari_metaseg.io.bundle import Bundle
    from napari_metaseg.workflows.benchmark.draws import Painted
    from napari_metaseg.workflows.segmenter import Segmenter
    from napari_metaseg.workflows.splitting import Pair

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
    mirrored : bool
        Whether steps look at the four mirror images of the support in turn.
    """

    settings: FinetuneSettings
    optimizer: Optimizer
    mirrored: bool = False

    @property
    def total(self) -> int:
        """Number of steps."""
        return self.settings.steps

    def follow(
        self, network: nn.Module, params: Params, support: Support
    ) -> Generator[Step, None, None]:
        """Take the steps, see `napari_metaseg.core.recipe.GradientSteps.follow`."""
        now = {k: v.detach().clone().requires_grad_() for k, v in params.items()}
        chosen, settings = self._optimizer(list(now.values())), self.settings
        kept = 1 / (1 + settings.rate * settings.strength) if settings.rate else 1.0
        yield Step(0, {k: v.detach() for k, v in now.items()}, None)
        for index in range(1, self.total + 1):
            chosen.zero_grad()
            seen = flipped(support, index) if self.mirrored else support
            output = run_on_support(network, now, seen)
            loss = sparse_loss(output.logits, seen.target)
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


def flipped(support: Support, index: int) -> Support:
    """Return one of the mirror images that are looked at in a result, too."""
    axes = FLIPS[index % len(FLIPS)]
    target = Sparse(*(part.flip(axes) for part in support.target))
    return support._replace(inputs=support.inputs.flip(axes), target=target)


class Trained(NamedTuple):
    """What was learned, before it is chosen how cells are split.

    Attributes
    ----------
    segmenter : Segmenter
        Its adapted parameters are the trained ones.
    left_out : list of (PlaneOutput, (Y, X) array of int32)
        Painted crops as they are drawn without what is painted in them.
    """

    segmenter: Segmenter
    left_out: list[Pair]

    def with_decoding(self, painted: Painted) -> Segmenter:
        """Choose splitting and threshold as *Adapt* does, by what is painted."""
        shown: list[Pair] = []
        pairs = zip(painted.images, painted.annotations, strict=True)
        for image, (_, annotation) in pairs:
            planes = as_planes(image, axes=image_axes(image))
            outputs = exhaust(self.segmenter.draw(planes, adapted=True))
            shown += zip(outputs, planes.split(annotation), strict=True)
        settings = fit_decoding(shown, self.left_out, self.segmenter.settings)
        return replace(self.segmenter, settings=settings)


def train_on_painted(
    painted: Painted,
    bundle: Bundle,
    rule: FineTuning,
    device: torch.device,
    *,
    closed_form: bool,
) -> Trained:
    """Train on painted cells, and without some of them in turn.

    Parameters
    ----------
    painted : Painted
        Images and annotations.
    bundle : Bundle
        Where to start; its recipe is not used.
    rule : FineTuning
        The steps.
    device : torch.device
        Where to train.
    closed_form : bool
        Whether the network is told what adaptation fits in closed form.
    """
    lens, crops = make_lens_and_crops(painted, bundle)
    crops = crops.to(device)
    support = crops.support()
    module, initial = on_device(bundle, device)
    if not closed_form:
        module = BlindUNet(bundle.architecture).to(device)
    apart = crops.apart()
    rehearsed = support if apart is crops else apart.support()
    drawn = exhaust(rehearse(rule, module, initial, rehearsed)).drawn
    *_, last = rule.follow(module, initial, support)
    segmenter = make_segmenter(module, initial, last.params, support, lens)
    return Trained(segmenter, left_out_pairs(drawn, apart, lens.working_diameter))
