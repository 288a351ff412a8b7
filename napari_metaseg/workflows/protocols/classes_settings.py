"""Settings of the classes' protocol, and what is told of it."""

from __future__ import annotations

from dataclasses import dataclass

from napari_metaseg.core.errors import UserError

from .report import changed

RANDOM, PRETRAINED, REPTILE = "random weights", "pre-trained", "Reptile"
ALONE, FOREST = "measurements alone", "random forest"
STARTS = (RANDOM, PRETRAINED, REPTILE)
METHODS = (*STARTS, ALONE, FOREST)


@dataclass(frozen=True, slots=True)
class ClassesSettings:
    """The experiment; defaults are the paper's where it has any.

    Attributes
    ----------
    shares : tuple of int
        Per cent of the training half of an image's cells that are kept (paper).
    shots : tuple of int
        Cells of each class, in the comparison with few examples.
    draws : int
        Choices of cells, each with random weights of its own (paper: 4 seeds).
    iterations : int
        Steps of the supervised pre-training, 32 cells each (paper: 200,000).
    rate : float
        Of Adam, in fine-tuning (paper).
    steps : int
        Steps of fine-tuning, at most; how many are taken is chosen by examples that
        are left out (paper: early stopping within 200,000).
    whole : bool
        Whether all layers are fine-tuned (paper), or the last two, as in the panel.
    images : int
        Images of each task.
    seed : int
        Fixes all that is random.
    """

    shares: tuple[int, ...] = (50, 100)
    shots: tuple[int, ...] = (3,)
    draws: int = 4
    iterations: int = 200_000
    rate: float = 1e-3
    steps: int = 60
    whole: bool = True
    images: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises
        ------
        UserError
            If they make no experiment.
        """
        counts = (*self.shots, self.draws, self.iterations, self.steps, self.images)
        if min(counts) < 1:
            raise UserError("Numbers of cells, steps, draws and images start at 1.")
        if not all(1 <= share <= 100 for share in self.shares):
            raise UserError("Shares of the data are per cents from 1 to 100.")


_CHANGES = {
    "draws": "Draws",
    "iterations": "Steps of pre-training",
    "whole": "All layers are fine-tuned",
}


def deviations(settings: ClassesSettings, reptile: dict[str, object]) -> list[str]:
    """Tell where this is not the paper's experiment, a sentence each."""
    steps = reptile.get("steps")
    return [
        *changed(settings, _CHANGES),
        "Cells within one image, not whole medical images; meta-trained and "
        "pre-trained on cells of other tasks, not on mini-ImageNet.",
        f"Reptile: {steps} meta-steps instead of 100000, in the last training.",
        "Four strided convolutions without normalisation from the beginning; the paper "
        "takes the normalisation out before fine-tuning.",
        "To the logits of all three starts comes the evidence of ten measurements, "
        f"weighed in closed form; '{ALONE}' is this evidence and nothing else.",
        "Pre-training tells sixteen fixed classes apart: above or below the median of "
        "its image in each of four measurements.",
        f"At most {settings.steps} steps of fine-tuning, chosen by examples that are "
        "left out in turn.",
        f"'{FOREST}' is not in the paper: 100 trees on scikit-image's region "
        "properties and on the same ten measurements.",
    ]
