"""Earlier rounds: what is kept of them, and how they come back; runs in the worker."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_metaseg.core.generators import relay
from napari_metaseg.core.overlay import Numbered

from . import decoding, rounds

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy as np
    from numpy.typing import NDArray

    from napari_metaseg.core.settings import DecodeSettings
    from napari_metaseg.workflows.adapt import AdaptedModel
    from napari_metaseg.workflows.results import Progress

    from .decoding import Decoded
    from .request import Request
    from .rounds import Round


@dataclass(frozen=True, slots=True)
class Past:
    """As much of a round as it takes to show it again, bit for bit.

    Attributes
    ----------
    number : int
        Which round of its image it was, from 1.
    model : AdaptedModel
        With its stored network output.
    settings : DecodeSettings
        How that was last decoded.
    numbers : tuple of array of int32
        Under which numbers the instances of each plane were shown.
    seconds : float
        From the click to the result.
    init : str
        Name of its initialization.
    request : Request or None
        What it was asked to do.
    """

    number: int
    model: AdaptedModel
    settings: DecodeSettings
    numbers: tuple[NDArray[np.int32], ...]
    seconds: float
    init: str
    request: Request | None = None

    @classmethod
    def of(cls, number: int, result: Round) -> Past:
        """Keep what is needed of a round."""
        past = cls(
            number,
            result.model,
            result.decoded.settings,
            (),
            result.seconds,
            result.init,
            result.request,
        )
        return past.now(result.decoded)

    def now(self, decoded: Decoded) -> Past:
        """Remember how its output was decoded last."""
        numbers = tuple(plane.numbers for plane in decoded.planes)
        return replace(self, settings=decoded.settings, numbers=numbers)


def recall(
    past: Past, annotation: NDArray[np.int32]
) -> Generator[Progress, None, Decoded]:
    """Decode a round as it was last, with the annotation as it is now put in."""
    yield from ()
    found = past.model.found(past.settings)
    planes = tuple(map(Numbered, decoding.as_planes(found), past.numbers))
    return decoding.put_in(planes, annotation.copy(), past.settings)


def compare(requests: list[Request]) -> Generator[Progress, None, tuple[Round, ...]]:
    """Adapt once for each request, one after the other."""
    results = []
    for done, request in enumerate(requests):
        title = rounds.init_title(request.init)

        def shift(progress: Progress, done: int = done, title: str = title) -> Progress:
            return replace(
                progress,
                step=done * progress.total + progress.step,
                total=len(requests) * progress.total,
                message=f"{title}: {progress.message}",
            )

        results.append((yield from relay(rounds.adapt(request), shift)))
    return tuple(results)
