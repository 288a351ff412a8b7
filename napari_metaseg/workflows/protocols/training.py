"""The outer loop of the protocols, and the losses of a task of images with masks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from napari_metaseg.core.losses import soft_dice
from napari_metaseg.learners.published import MetaGradient, TaskLosses

from .rows import Effort

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from numpy.typing import NDArray

    from napari_metaseg.core.network import Params
    from napari_metaseg.learners.inner import Loss


class Examples(NamedTuple):
    """Images with masks of foreground.

    Attributes
    ----------
    images : (N, C, Y, X) tensor
        As the network takes them.
    masks : (N, Y, X) tensor of 0 and 1
        Foreground.
    """

    images: Tensor
    masks: Tensor


@dataclass(frozen=True)
class Judge:
    """A network and what is asked of it.

    Attributes
    ----------
    network : Module
        From images (N, C, Y, X) to logits (N, 1, Y, X).
    loss : callable
        From logits and masks, each (N, Y, X), to a scalar.
    threshold : float
        Probability from which a pixel is foreground.
    """

    network: nn.Module
    loss: Callable[[Tensor, Tensor], Tensor]
    threshold: float = 0.5

    def losses(self, examples: Examples) -> Loss:
        """Return the loss of examples as a function of parameters."""
        return lambda params: self.loss(
            self.logits(params, examples.images), examples.masks
        )

    def task(self, support: Examples, query: Examples) -> TaskLosses:
        """Return both losses of a task."""
        return TaskLosses(self.losses(support), self.losses(query))

    def logits(self, params: Params, images: Tensor) -> Tensor:
        """Run the network with given parameters: (N, Y, X)."""
        found: Tensor = functional_call(self.network, params, (images,))
        return found[:, 0]

    def masks(self, params: Params, images: Tensor) -> NDArray[np.bool_]:
        """Draw the foreground, all images of a task in one batch."""
        with torch.no_grad():
            drawn = torch.sigmoid(self.logits(params, images)) >= self.threshold
        return np.asarray(drawn.cpu().numpy())


def initial_params(network: nn.Module) -> Params:
    """Return a network's own parameters as leaf tensors."""
    return {
        k: p.detach().clone().requires_grad_() for k, p in network.named_parameters()
    }


def dice_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Dice loss on probabilities: one minus twice the overlap over the sum.

    All pixels of the batch together, as segmentation_models_pytorch computes it.
    """
    probability = torch.sigmoid(logits)
    overlap = 2 * (probability * masks).sum()
    total = probability.sum() + masks.sum()
    return 1 - overlap / total.clamp_min(1e-7)


def dice_and_entropy(logits: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy plus soft Dice: it has a slope even where all is background."""
    entropy = F.binary_cross_entropy_with_logits(logits, masks)
    return entropy + soft_dice(torch.sigmoid(logits), masks)


@dataclass(frozen=True, slots=True)
class Outer:
    """The outer loop: Adam on the mean of the meta-gradients of a few tasks.

    Attributes
    ----------
    rate : float
        Learning rate.
    iterations : int
        Number of meta-steps.
    minutes : float or None
        Wall time after which it ends all the same.
    clip : float or None
        Largest norm of a meta-gradient.
    """

    rate: float
    iterations: int
    minutes: float | None = None
    clip: float | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """Parameters, and what they took."""

    params: Params
    effort: Effort


def in_turn(
    count: int, batch: int, rng: np.random.Generator
) -> Generator[list[int], None, None]:
    """Choose some of ``count`` at a time, each before any comes again.

    So a short training, too, has seen all that it is said to have seen.
    """
    left: list[int] = []
    while True:
        while len(left) < batch:
            left += rng.permutation(count).tolist()
        yield left[:batch]
        left = left[batch:]


def meta_train(
    params: Params,
    sample: Callable[[], Sequence[TaskLosses]],
    gradient: Callable[[TaskLosses, Params], MetaGradient],
    outer: Outer,
) -> Generator[str, None, Trained]:
    """Meta-train.

    Parameters
    ----------
    params : Params
        Where to start; not changed.
    sample : callable
        Draws the tasks of a meta-step.
    gradient : callable
        Meta-gradient of one task.
    outer : Outer
        The outer loop.

    Yields
    ------
    str
        How far it has come.

    Returns
    -------
    Trained
        A meta-gradient that is not finite is left out and counted.
    """
    start = time.perf_counter()
    params = {k: p.detach().clone().requires_grad_() for k, p in params.items()}
    adam = torch.optim.Adam(params.values(), lr=outer.rate)
    done = skipped = unsolved = 0
    seconds = 0.0
    for done in range(1, outer.iterations + 1):
        found = [gradient(task, params) for task in sample()]
        for k, p in params.items():
            p.grad = torch.stack([f.gradients[k] for f in found]).mean(0)
        unsolved += sum(not f.solved for f in found)
        norm = torch.nn.utils.get_total_norm([p.grad for p in params.values()])  # type: ignore[misc]
        if not torch.isfinite(norm):
            skipped += 1
        else:
            if outer.clip is not None:
                torch.nn.utils.clip_grad_norm_(params.values(), outer.clip)
            adam.step()
        seconds = time.perf_counter() - start
        loss = sum(f.query_loss for f in found) / len(found)
        yield f"meta-step {done} of {outer.iterations}, query loss {loss:.3f}"
        if outer.minutes is not None and seconds > 60 * outer.minutes:
            break
    return Trained(
        {k: p.detach() for k, p in params.items()},
        Effort(done, skipped, unsolved, seconds),
    )


def named(
    steps: Generator[str, None, Trained], name: str
) -> Generator[str, None, Trained]:
    """Put a name before what a training tells."""
    try:
        while True:
            yield f"{name}: {next(steps)}"
    except StopIteration as stop:
        trained: Trained = stop.value
        return trained


def supervise(
    judge: Judge, params: Params, examples: Examples, *, rate: float, steps: int
) -> Params:
    """Train on a few images alone, by Adam: the supervised few-shot baseline."""
    params = {k: p.detach().clone().requires_grad_() for k, p in params.items()}
    adam = torch.optim.Adam(params.values(), lr=rate)
    loss = judge.losses(examples)
    for _ in range(steps):
        adam.zero_grad()
        loss(params).backward()  # type: ignore[no-untyped-call]
        adam.step()
    return {k: p.detach() for k, p in params.items()}
