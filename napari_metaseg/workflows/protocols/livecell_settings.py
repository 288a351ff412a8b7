"""Settings of the cell lines' protocol, and what is told of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.vgg_unet import DEEPEST

from .report import Story, changed

if TYPE_CHECKING:
    from pathlib import Path

SUPERVISED, MAML, MENDED, OURS = "supervised", "MAML", "MAML, mended", "our recipe"
METHODS = (SUPERVISED, MAML, MENDED, OURS)
NONE = "–"


@dataclass(frozen=True, slots=True)
class LivecellSettings:
    """The experiment; defaults are the poster's, and the published code's.

    Attributes
    ----------
    shots, batches : tuple of int
        Support images, and tasks of a meta-step; taken in pairs, as the poster
        lists them.
    inner_rate, inner_steps : float, int
        Of plain gradient descent (poster).
    outer_rate : float
        Of Adam (poster).
    iterations : int
        Meta-steps (code: epochs of two batches that share one list of images).
    size : int
        Side of the crop from the middle of each image, px (code).
    width : float
        Factor on the channels of the network.
    images : int
        Images of each cell line (code: about 20).
    query : int
        Query images in meta-training (code).
    supervised_steps : int
        Steps of Adam of the baseline; the sources do not tell how many.
    mended_rate, mended_clip : float
        Inner rate, and largest norm of an inner gradient, of the mended variant.
    scored : int
        At most so many query images of a draw are scored.
    draws : int
        Choices of support images for each line.
    minutes : float or None
        Wall time of each meta-training, at most.
    init : str
        Bundled initialization of the row *our recipe*.
    seed : int
        Fixes all that is random.
    """

    shots: tuple[int, ...] = (1, 3)
    batches: tuple[int, ...] = (1, 3)
    inner_rate: float = 0.4
    inner_steps: int = 10
    outer_rate: float = 1e-3
    iterations: int = 10_000
    size: int = 128
    width: float = 1.0
    images: int = 20
    query: int = 3
    supervised_steps: int = 100
    mended_rate: float = 0.05
    mended_clip: float = 1.0
    scored: int = 10
    draws: int = 5
    minutes: float | None = None
    init: str = "maml"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises
        ------
        UserError
            If they make no experiment.
        """
        if len(self.shots) != len(self.batches):
            raise UserError("Give as many batch sizes as numbers of support images.")
        counts = (*self.shots, *self.batches, self.iterations, self.draws, self.query)
        counts = (*counts, self.inner_steps, self.supervised_steps, self.scored)
        if min(counts) < 1 or self.width <= 0:
            raise UserError("Numbers of images, tasks, steps and draws start at 1.")
        if self.size % DEEPEST or self.size < 2 * DEEPEST:
            raise UserError(
                f"The side of the crops must be a multiple of {DEEPEST} px, and "
                f"{2 * DEEPEST} px or more."
            )


_CHANGES = {
    "shots": "Support images",
    "batches": "Tasks of a meta-step",
    "inner_rate": "Inner rate",
    "inner_steps": "Inner steps",
    "outer_rate": "Outer rate",
    "iterations": "Meta-steps",
    "size": "Side of the crops (px)",
    "width": "Width of the network",
    "images": "Images of a line",
    "query": "Query images in meta-training",
}


def story(settings: LivecellSettings, encoder: Path | None) -> Story:
    """Tell what is done and where it is not the poster's experiment."""
    fixed = [
        "Support and query images are drawn anew for each task; the published code "
        "always takes the first ones.",
        "A sigmoid is applied once; the published code applies it twice.",
        "Batch normalisation uses the statistics of the batch, also in the test.",
        "Crops without cells, or without background, are left out.",
        "Each image is scaled by its percentiles; how the original does it is unknown.",
        f"The supervised baseline takes {settings.supervised_steps} steps of Adam on "
        "the support images; the sources do not tell how many.",
        f"'{MENDED}' is not in the paper: cross-entropy added to Dice, inner rate "
        f"{settings.mended_rate}, inner gradients clipped to {settings.mended_clip}, "
        "meta-gradients to 10.",
        f"'{OURS}' is not in the paper: the bundled initialization sees three whole "
        "cells of each support image, not the whole mask, in the same crops; – where "
        "none of them can be painted. What it was trained on before is not marked.",
    ]
    if encoder is None:
        fixed.insert(0, "The encoder starts from random weights, not from ImageNet's.")
    if settings.minutes is not None:
        fixed.insert(0, f"Each meta-training ends after {settings.minutes:g} minutes.")
    return Story(
        "MAML for few-shot cell segmentation (Sikand 2022)",
        "IoU",
        {**asdict(settings), "encoder weights": encoder and encoder.name},
        (*changed(settings, _CHANGES), *fixed),
        LivecellSettings().iterations,
        ((MAML, SUPERVISED), (MENDED, MAML), (OURS, MAML), (OURS, MENDED)),
    )
