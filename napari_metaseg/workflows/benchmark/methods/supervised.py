"""Ordinary dense training of the network on whole images of one task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_metaseg.core.axes import as_planes
from napari_metaseg.core.evidence import (
    IN_CHANNELS,
    Evidence,
    draw_evidence,
    network_input,
)
from napari_metaseg.core.inner_loop import Support, run_on_support
from napari_metaseg.core.losses import Dense, Sparse, dense_loss
from napari_metaseg.core.network import STRIDE
from napari_metaseg.core.scaling import resize_labels
from napari_metaseg.core.support import make_support, pad_to
from napari_metaseg.core.targets import dense_target
from napari_metaseg.workflows.lens import Lens
from napari_metaseg.workflows.preparing import on_device

from .look import make_segmenter
from .protocol import image_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_metaseg.data.folders import TaskFolder
    from napari_metaseg.io.bundle import Bundle
    from napari_metaseg.workflows.benchmark.draws import Labels
    from napari_metaseg.workflows.segmenter import Segmenter


SUPPORT_IMAGES = 6
"""Images that tell the trained network what the task is like."""


@dataclass(frozen=True, slots=True)
class CeilingSettings:
    """Settings of supervised training.

    Attributes
    ----------
    folds : int
        A task's images are divided into so many parts; images of one part are
        segmented by a network that was trained on the other parts.
    steps, batch : int
        Number of Adam steps, and of crops in each.
    crop : int
        Side (px at working scale) of a crop.
    rate : float
        First learning rate; it falls to 0 as a cosine.
    seed : int
        Fixes parts and crops.
    """

    folds: int = 3
    steps: int = 300
    batch: int = 8
    crop: int = 128
    rate: float = 1e-3
    seed: int = 0


def train_supervised(
    task: TaskFolder,
    indices: Sequence[int],
    bundle: Bundle,
    device: torch.device,
    settings: CeilingSettings,
) -> Segmenter:
    """Train the bundle's network densely on some images of a task.

    Parameters
    ----------
    task : TaskFolder
        The task.
    indices : sequence of int
        Images to train on.
    bundle : Bundle
        Where to start.
    device : torch.device
        Where to train.
    settings : CeilingSettings
        How.

    Returns
    -------
    Segmenter
        Its adapted parameters are the trained ones.
    """
    sizes = [d for i in indices for d in task.diameters[i].values()]
    first = task.images[indices[0]]
    planes = as_planes(first, axes=image_axes(first))
    lens = Lens.of(planes, float(np.median(sizes)), bundle.diameter)
    module, initial = on_device(bundle, device)
    support = full_support(task, indices, lens).to(device)
    params = {k: v.clone().requires_grad_() for k, v in initial.items()}
    optimizer = torch.optim.Adam(params.values(), settings.rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, max(1, settings.steps)
    )
    crops = Crops(task, indices, lens, support.evidence, settings)
    for _ in range(settings.steps):
        inputs, target = crops.batch(device)
        optimizer.zero_grad()
        known = Support(inputs, as_painted(target), support.evidence)
        logits = run_on_support(module, params, known).logits
        dense_loss(logits, target).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    trained = {k: v.detach() for k, v in params.items()}
    return make_segmenter(module, initial, trained, support, lens)


def as_painted(target: Dense) -> Sparse:
    """Describe fully known crops as if every cell and all ground were painted."""
    ground = 1 - target.foreground
    return Sparse(target.foreground, ground, torch.zeros_like(ground), target.cue)


def full_support(task: TaskFolder, indices: Sequence[int], lens: Lens) -> Support:
    """Cut a support in which every pixel is known.

    Returns
    -------
    Support
        Of at most `SUPPORT_IMAGES` of the images.
    """
    pairs = []
    for index in indices[:SUPPORT_IMAGES]:
        image, masks = task.images[index], task.masks[index]
        channels = lens.look(as_planes(image, axes=image_axes(image)), 0)
        known = resize_labels(masks, (channels.shape[1], channels.shape[2]))
        pairs.append((channels, np.where(known > 0, known, -1).astype(np.int32)))
    return make_support(pairs)


class Crops:
    """Random crops with flips and quarter turns of whole images and their targets.

    Parameters
    ----------
    task : TaskFolder
        The task.
    indices : sequence of int
        Its images to crop.
    lens : Lens
        Brings them to the working scale.
    evidence : Evidence
        Becomes part of the network's input.
    settings : CeilingSettings
        Size and number of the crops.
    """

    def __init__(
        self,
        task: TaskFolder,
        indices: Sequence[int],
        lens: Lens,
        evidence: Evidence,
        settings: CeilingSettings,
    ) -> None:
        self._settings = settings
        self._rng = np.random.default_rng(settings.seed)
        self._maps = [
            _layers(task.images[i], task.masks[i], lens, evidence, settings.crop)
            for i in indices
        ]

    def batch(self, device: torch.device) -> tuple[torch.Tensor, Dense]:
        """Return inputs (N, IN_CHANNELS, Y, X) and dense targets, each (N, Y, X)."""
        crops = np.stack([self._crop() for _ in range(self._settings.batch)])
        both = torch.from_numpy(crops).to(device)
        return both[:, :IN_CHANNELS], Dense(*both[:, IN_CHANNELS:].unbind(1))

    def _crop(self) -> NDArray[np.float32]:
        rng, side = self._rng, self._settings.crop
        layers = self._maps[rng.integers(len(self._maps))]
        y, x = (int(rng.integers(n - side + 1)) for n in layers.shape[1:])
        crop = layers[:, y : y + side, x : x + side]
        turned = np.rot90(crop, int(rng.integers(4)), (1, 2))
        return turned[:, ::-1] if rng.random() < 0.5 else turned


def _layers(
    image: NDArray[np.generic],
    masks: Labels,
    lens: Lens,
    evidence: Evidence,
    least: int,
) -> NDArray[np.float32]:
    """Stack the network's input, foreground, cue and weight at working scale.

    Where an image is smaller than a crop it is padded; the padding weighs nothing.
    """
    channels = lens.look(as_planes(image, axes=image_axes(image)), 0)
    target = dense_target(resize_labels(masks, (channels.shape[1], channels.shape[2])))
    batch = torch.from_numpy(pad_to(channels, least, STRIDE, "edge"))[None]
    # The evidence may lie on another device than the images.
    known = draw_evidence(evidence.to("cpu"), batch)
    inputs = network_input(batch, known)[0].numpy()
    maps = pad_to(np.stack(target), least, STRIDE, "constant")
    return np.concatenate([inputs, maps])
