"""Settings that a person may change, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_INIT = "imaml"
"""Bundled initialization that is taken where none is named: the best one on the
validation tasks (``docs/benchmark.md``)."""

MIRRORS = (1, 2, 4)
"""Numbers of mirror images that what is drawn may be averaged over."""

DEFAULT_MIRRORS = 4

SCALES = {1: (), 3: (0.8, 1.25)}
"""Numbers of scales at which cells may be learned, to put what is found to a vote; and
how large objects are drawn at those beside the usual one."""

DEFAULT_SCALES = 1


@dataclass(frozen=True, slots=True)
class DecodeSettings:
    """How the network's output becomes instances; acts without re-adapting.

    Attributes
    ----------
    threshold : float
        Foreground probability that a cell must reach in its surer part, in (0, 1).
    split : float
        Readiness to cut touching cells, from 0 (never) to 1 (always).
    min_size : float
        Smallest cell that is kept, as a fraction of the area of a disk with
        the painted cells' diameter.
    clear_border : bool
        Whether cells that touch the image's border are removed.
    region : bool
        Whether all that is found is one object, such as a lesion, instead of cells:
        nothing is cut apart, and everything carries the number 1.
    """

    threshold: float = 0.6
    split: float = 0.5
    min_size: float = 0.1
    clear_border: bool = False
    region: bool = False

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 0 < self.threshold < 1:
            raise UserError(
                f"The threshold is {self.threshold}; choose one between 0 and 1."
            )
        if not 0 <= self.split <= 1:
            raise UserError(
                f"The splitting is {self.split}; choose a value from 0 to 1."
            )
        if not 0 <= self.min_size <= 1:
            raise UserError(
                f"The minimum size is {self.min_size}; choose a value from 0 to 1."
            )

    def chosen(self) -> dict[str, float]:
        """Return what adapting may choose, for the recipe on a model's card."""
        return {"split": self.split, "threshold": self.threshold}

    def is_chosen(self, recipe: Mapping[str, object]) -> bool:
        """Whether adapting chose what is set here, and nobody has changed it since."""
        return all(recipe.get(k) == value for k, value in self.chosen().items())
