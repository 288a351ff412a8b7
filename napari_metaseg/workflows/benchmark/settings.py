"""What a benchmark measures."""

from __future__ import annotations

from dataclasses import dataclass

from napari_metaseg.core.errors import UserError

from .draws import REGIMES
from .methods.protocol import STARTS

WORST = "worst"
SUGGESTED = "suggested"
RANDOM = "random"
PLACES = (WORST, SUGGESTED, RANDOM)
"""Which error a round of the correction loop mends: the worst one, the one nearest to
where the method suggests to annotate, or one at random."""


@dataclass(frozen=True, slots=True)
class BenchmarkSettings:
    """What to measure.

    Attributes
    ----------
    cells : tuple of int
        Numbers of painted cells.
    draws : int
        Choices of cells for each number, task and seed.
    regimes : tuple of str
        Of `napari_metaseg.workflows.benchmark.draws.ALL_REGIMES`.
    images : int
        Other images of the task that are scored in each draw.
    seeds : tuple of int
        Each fixes draws of its own, which are the same for every method, and what
        methods leave to chance on them. Draws of all seeds are averaged over alike.
    corrections : int
        Rounds of the simulated correction loop; 0 leaves it out.
    places : tuple of str
        Of `PLACES`; one loop each.
    starts : tuple of str
        Of `STARTS`; one loop each, for methods that have such a start.
    """

    cells: tuple[int, ...] = (1, 2, 3, 5, 10)
    draws: int = 5
    regimes: tuple[str, ...] = REGIMES
    images: int = 3
    seeds: tuple[int, ...] = (0,)
    corrections: int = 0
    places: tuple[str, ...] = (WORST,)
    starts: tuple[str, ...] = STARTS

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises
        ------
        UserError
            If nothing would be measured.
        """
        if not self.cells or min(self.cells) < 1:
            raise UserError("The number of painted cells must be 1 or more.")
        if min(self.draws, self.images) < 1:
            raise UserError("The numbers of draws and of images must be 1 or more.")
        if not self.seeds or min(self.seeds) < 0:
            raise UserError("A benchmark needs seeds of 0 or more.")
        if self.corrections < 0:
            raise UserError("The number of corrections cannot be below 0.")

    def header(self, data: str, device: str) -> dict[str, object]:
        """Return what all rows of one file have in common, JSON-ready.

        Tasks, cells, seeds, draws, regimes and methods only choose rows, so a file
        can grow by them.

        Parameters
        ----------
        data : str
            Name of the folder of tasks.
        device : str
            Where the networks run.
        """
        return {"data": data, "images": self.images, "device": device}
