"""What a method is: something that learns from painted cells and then segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_metaseg.workflows.benchmark.draws import Labels, Painted


SCRATCH = "scratch"
WARM = "warm"
STARTS = (SCRATCH, WARM)
"""Where a round of correcting starts: the initialization, or the round before."""


class Fitted(Protocol):
    """A method after it has learned from painted cells."""

    @property
    def seconds(self) -> float:
        """Wall time (s) of learning; what is in it is told at `Row`."""

    @property
    def reverted(self) -> bool:
        """Whether the method itself rejects what it learned."""

    def before(self, image: NDArray[np.generic]) -> Labels | None:
        """Segment without what was learned; None if the method cannot."""

    def after(self, image: NDArray[np.generic]) -> Labels:
        """Segment with what was learned, whether it was rejected or not."""


@runtime_checkable
class Suggesting(Protocol):
    """A method that has learned and can say where it is the least sure."""

    def suggest(
        self, image: NDArray[np.generic], annotation: Labels
    ) -> tuple[int, int] | None:
        """Return the pixel (y, x) where an annotation is likely to help most."""


class Method(Protocol):
    """One row of the benchmark."""

    @property
    def name(self) -> str:
        """As it appears in the tables."""

    @property
    def fingerprint(self) -> str:
        """Name of weights and settings: another one stands for other results."""

    @property
    def origin(self) -> str:
        """Methods of one origin have the same results before they learn."""

    @property
    def starts(self) -> tuple[str, ...]:
        """Where the rounds of a correction loop may start.

        `SCRATCH`, `WARM`, both, or nothing if the method does not learn from what is
        painted.
        """

    def fit(self, painted: Painted, *, previous: Fitted | None = None) -> Fitted | None:
        """Learn from painted cells.

        Parameters
        ----------
        painted : Painted
            Images and annotations.
        previous : Fitted, optional
            What the method learned before from part of the same annotations, to go
            on from it (`WARM`).

        Returns
        -------
        Fitted or None
            None if the task gives the method nothing to learn from.
        """


def image_axes(image: NDArray[np.generic]) -> str:
    """Name the axes of an image of a task: (Y, X) or (Y, X, C)."""
    return "YXC" if image.ndim == 3 else "YX"
