"""Settings of the lesions' protocol, and what is told of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from napari_metaseg.core.attention_unet import COARSEST
from napari_metaseg.core.errors import UserError

from .report import Story, changed

SUPERVISED, MAML, IMAML = "supervised", "MAML", "iMAML, solved"
FIRST, SHORTCUT = "MAML, first order", "iMAML, published shortcut"
CONTROL = "supervised, adapted as iMAML"
METHODS = (SUPERVISED, MAML, FIRST, IMAML, SHORTCUT, CONTROL)


@dataclass(frozen=True, slots=True)
class LesionSettings:
    """The experiment; defaults are those of the paper's published code.

    Attributes
    ----------
    shots : tuple of int
        Support images of each set in a task; as many query images.
    inner_rate, inner_steps : float, int
        Of a fresh Adam.
    outer_rate : float
        Of Adam.
    iterations : int
        Meta-steps of one task each: 100 epochs of 20 tasks.
    size : int
        Side of the images, px.
    width : float
        Factor on the channels of the network.
    threshold : float
        Probability from which a pixel is foreground: the code's 0.3, which it
        applies to logits.
    shortcut_strength, shortcut_cg : float, int
        Strength and conjugate-gradient steps of the published shortcut.
    strength, tolerance, evaluations : float, float, int
        The inner problem of iMAML, solved: weight of the proximal term, gradient norm
        to reach, and gradients of the support loss after which it ends all the same.
    cg_steps, cg_tolerance : int, float
        Of its conjugate gradients.
    scored : int
        At most so many query images of a draw are scored.
    draws : int
        Choices of support images for each tested set.
    minutes : float or None
        Wall time of each training, at most.
    seed : int
        Fixes all that is random.
    """

    shots: tuple[int, ...] = (5, 10)
    inner_rate: float = 1e-4
    inner_steps: int = 5
    outer_rate: float = 1e-4
    iterations: int = 2000
    size: int = 256
    width: float = 1.0
    threshold: float = float(1 / (1 + np.exp(-0.3)))
    shortcut_strength: float = 100.0
    shortcut_cg: int = 1
    strength: float = 2.0
    tolerance: float = 0.03
    evaluations: int = 100
    cg_steps: int = 10
    cg_tolerance: float = 0.02
    scored: int = 20
    draws: int = 10
    minutes: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises
        ------
        UserError
            If they make no experiment.
        """
        counts = (*self.shots, self.iterations, self.draws, self.inner_steps)
        if min(*counts, self.scored) < 1 or self.width <= 0:
            raise UserError("Numbers of images, steps and draws start at 1.")
        if self.size % COARSEST or self.size < 2 * COARSEST:
            raise UserError(
                f"The side of the images must be a multiple of {COARSEST} px, and "
                f"{2 * COARSEST} px or more."
            )


_CHANGES = {
    "shots": "Support images",
    "inner_rate": "Inner rate",
    "inner_steps": "Inner steps",
    "outer_rate": "Outer rate",
    "iterations": "Meta-steps",
    "size": "Side of the images (px)",
    "width": "Width of the network",
}


def story(settings: LesionSettings) -> Story:
    """Tell what is done and where it is not the paper's experiment."""
    fixed = [
        "The network starts from random weights, the published code from a U-Net for "
        "brain MRI.",
        "Dice takes part in the loss as cross-entropy plus soft Dice; in the published "
        "code its logarithm of the hyperbolic cosine is a constant without a gradient.",
        "Every task is drawn anew; the published code draws 20 once.",
        "The last state is tested; the published code keeps the best by the test set.",
        "Batch normalisation uses the statistics of the batch, also in the test.",
        f"'{IMAML}' is not the published code: strength {settings.strength:g}, the "
        f"inner problem solved to a gradient norm of {settings.tolerance:g}, "
        f"{settings.cg_steps} conjugate-gradient steps.",
        f"'{FIRST}' is not in the paper: it is what the shortcut would be without its "
        "conjugate-gradient step.",
        f"'{SUPERVISED}' learns the same images without an inner loop, for as many "
        "meta-steps, and is fine-tuned as MAML is.",
        f"'{CONTROL}' is '{SUPERVISED}' with iMAML's inner problem solved in the test: "
        "what iMAML is above it, its meta-gradient is worth.",
    ]
    if settings.minutes is not None:
        fixed.insert(0, f"Each training ends after {settings.minutes:g} minutes.")
    return Story(
        "iMAML for polyps and skin lesions (Khadka et al. 2022)",
        "Dice",
        asdict(settings),
        (*changed(settings, _CHANGES), *fixed),
        LesionSettings().iterations,
        (
            (MAML, SUPERVISED),
            (SHORTCUT, MAML),
            (SHORTCUT, FIRST),
            (IMAML, MAML),
            (IMAML, SHORTCUT),
            (IMAML, CONTROL),
        ),
    )
