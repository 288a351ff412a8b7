"""Methods by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.bundle import CONTROL
from napari_metaseg.workflows.benchmark.extras import need

from .adaptation import Adaptation
from .ceiling import Ceiling
from .convpaint import Convpaint, load_convpaint
from .deepsea import DeepSea
from .finetune import TUNED, Finetune, Tuned
from .forest import Forest
from .painted_ceiling import PaintedCeiling
from .random_start import RandomStart
from .supervised import CeilingSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .protocol import Method

CONTROLS = (
    "random",
    "finetune",
    "finetune-closed",
    "forest",
    "ceiling",
    "ceiling-painted",
    "convpaint",
    "deepsea",
)

FROM_POOLED = ("finetune", "ceiling")
"""How the names of those begin that start from pooled pre-training."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is compared.

    Attributes
    ----------
    inits : tuple of str
        Names or folders of initializations.
    controls : tuple of str
        Of `CONTROLS`.
    pooled : str
        Bundle that fine-tuning and the supervised ceilings start from.
    device : str
        See `napari_metaseg.core.devices.pick_device`.
    finetune : mapping
        Settings of fine-tuning, see `Tuned`.
    ceiling : CeilingSettings
        Settings of the supervised ceilings.
    convpaint : str
        Features that convpaint uses.
    scales : tuple of int
        At how many scales the initializations learn; each is a method of its own.
    """

    inits: tuple[str, ...]
    controls: tuple[str, ...] = ()
    pooled: str = CONTROL
    device: str = "auto"
    finetune: Tuned = field(default_factory=lambda: TUNED)
    ceiling: CeilingSettings = field(default_factory=CeilingSettings)
    convpaint: str = "gaussian"
    scales: tuple[int, ...] = (1,)

    @property
    def bundles(self) -> tuple[str, ...]:
        """The initializations, and what controls start from."""
        pooled = any(name.startswith(FROM_POOLED) for name in self.controls)
        return (*self.inits, self.pooled) if pooled else self.inits

    @property
    def adaptations(self) -> list[Adaptation]:
        """The initializations as methods."""
        return [
            Adaptation(init, self.device, scales)
            for init in dict.fromkeys(self.inits)
            for scales in dict.fromkeys(self.scales)
        ]


def make_methods(choice: Choice) -> list[Method]:
    """Make the methods that were chosen, initializations first.

    Raises
    ------
    UserError
        If a name is unknown, or what a method needs is not there.
    """
    unknown = sorted(set(choice.controls) - set(CONTROLS))
    if unknown:
        raise UserError(
            f"There is no method '{unknown[0]}'; choose of {', '.join(CONTROLS)}."
        )
    inits = tuple(dict.fromkeys(choice.inits))
    methods: list[Method] = [*choice.adaptations]
    for name in dict.fromkeys(choice.controls):
        methods += _control(name, inits, choice)
    if not methods:
        raise UserError("There is nothing to compare; name --inits or --methods.")
    for method in methods:
        # Bundles that are missing are told now, not after hours.
        method.fingerprint  # noqa: B018
    return methods


def _control(name: str, inits: Sequence[str], choice: Choice) -> list[Method]:
    match name:
        case "random":
            return [RandomStart(next(iter(inits), choice.pooled), choice.device)]
        case "finetune" | "finetune-closed":
            closed = name == "finetune-closed"
            start = choice.pooled, choice.device
            return [
                Finetune(rule, l2sp, *start, settings, closed)
                for (rule, l2sp), settings in choice.finetune.items()
            ]
        case "forest":
            need("sklearn.ensemble")
            return [Forest()]
        case "convpaint":
            load_convpaint()
            return [Convpaint(choice.convpaint)]
        case "deepsea":
            return [DeepSea(choice.device)]
        case "ceiling-painted":
            return [PaintedCeiling(choice.pooled, choice.device, choice.ceiling)]
        case _:
            return [Ceiling(choice.pooled, choice.device, choice.ceiling)]
