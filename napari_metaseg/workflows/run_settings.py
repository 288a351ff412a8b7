"""The settings of a meta-training run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_metaseg.core.proximal import ProximalSettings
from napari_metaseg.data.episodes import EpisodeSettings
from napari_metaseg.learners.meta_gradient import OuterSettings
from napari_metaseg.learners.meta_train import TrainSettings

if TYPE_CHECKING:
    from napari_metaseg.core.network import Architecture
    from napari_metaseg.core.recipe import Adapts

INNER_PROBLEM = ProximalSettings(strength=2.0, tolerance=0.03, max_evaluations=60)

FIRST_RATE = 0.005
"""Inner rate to start with: at ten times this, one inner loop destroys a
pre-trained initialization and meta-training spends its budget on recovering."""


@dataclass(frozen=True, slots=True)
class ValidationSettings:
    """On what a run is validated, and when.

    Attributes
    ----------
    data : str
        Folder of tasks.
    tasks : tuple of str or None
        Their names; None for all.
    every : int
        Meta-steps from one evaluation to the next. There is one before the first
        meta-step and one after the last in any case.
    """

    data: str
    tasks: tuple[str, ...] | None = None
    every: int = 100


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Everything that fixes a run.

    Attributes
    ----------
    data : str
        Folder of tasks.
    tasks : tuple of str or None
        Their names; None for all.
    init : str or None
        Bundle to start from; None for random weights.
    unadapted : str or None
        Bundle that draws before adaptation; None for what does so of ``init`` if that
        is another network of these widths, and else for the trained network itself.
    adapts : str
        What the inner loop adapts, see `napari_metaseg.core.recipe.Adapts`.
    proximal : ProximalSettings
        The inner problem of iMAML.
    procedural_share : float
        Share of procedural episodes.
    checkpoint_every : int
        Meta-steps between checkpoints.
    minutes : float or None
        How long training and validation may take, over all pieces of a run; the last
        validation comes on top. Such a run is not reproducible to the bit: the outer
        rate falls with the time that is spent.
    validation : ValidationSettings or None
        None for no validation.
    architecture : Architecture or None
        The network; None for that of ``init``, which may be widened, or the usual one.
    outer : OuterSettings
        Algorithm and outer loss.
    train : TrainSettings
        Outer loop.
    episodes : EpisodeSettings
        How episodes are drawn.
    """

    data: str
    tasks: tuple[str, ...] | None = None
    init: str | None = None
    unadapted: str | None = None
    adapts: Adapts = "deciding"
    proximal: ProximalSettings = INNER_PROBLEM
    procedural_share: float = 0.35
    checkpoint_every: int = 50
    minutes: float | None = None
    validation: ValidationSettings | None = None
    architecture: Architecture | None = None
    outer: OuterSettings = field(default_factory=OuterSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    episodes: EpisodeSettings = field(default_factory=EpisodeSettings)
