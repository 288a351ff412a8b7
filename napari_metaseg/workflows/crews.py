"""Who does the work on many images: this process, several, or a cluster.

Work is a generator function of a segmenter and an order that yields shares done and
returns a result, so that it can be stopped at each yield.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

from napari_metaseg.core.generators import relay

from .loading import load_segmenter

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from multiprocessing.synchronize import Event
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from .segmenter import Segmenter

T = TypeVar("T")
R = TypeVar("R")

TICK = 0.2
"""Seconds between two looks at other workers."""


@dataclass(frozen=True, slots=True)
class Done(Generic[R]):
    """The result of one order.

    Attributes
    ----------
    index : int
        Which order it was.
    result : object
        What the work returned.
    """

    index: int
    result: R


@dataclass(frozen=True, slots=True)
class Lost:
    """An order that no worker lived to finish.

    Attributes
    ----------
    index : int
        Which order it was.
    """

    index: int


class Crew(ABC):
    """Carries out orders; used in a ``with`` block.

    Parameters
    ----------
    segmenter : Segmenter
        The model that all work with.
    """

    def __init__(self, segmenter: Segmenter) -> None:
        self.segmenter = segmenter

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End; what is under way is given up."""
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Let all helpers go."""

    @abstractmethod
    def run(
        self,
        work: Callable[[Segmenter, T], Generator[float, None, R]],
        orders: Sequence[T],
    ) -> Generator[float | Done[R] | Lost, None, None]:
        """Carry out orders, in any order.

        Parameters
        ----------
        work : callable
            A function of a module, which other processes can import.
        orders : sequence
            What it is called with, one after another.

        Yields
        ------
        float, Done or Lost
            Results, and now and then the share done of a single order, where it is
            known; else 0.
        """


class Alone(Crew):
    """Works in this process, with the model as it is in memory."""

    def close(self) -> None:
        """Nobody helps."""

    def run(
        self,
        work: Callable[[Segmenter, T], Generator[float, None, R]],
        orders: Sequence[T],
    ) -> Generator[float | Done[R] | Lost, None, None]:
        """Carry out orders one after another, see `Crew.run`."""
        for index, order in enumerate(orders):
            result = yield from relay(work(self.segmenter, order), float)
            yield Done(index, result)


class Stopped(Exception):
    """The work was stopped; nobody waits for its result."""


def perform(
    segmenter: Segmenter,
    work: Callable[[Segmenter, T], Generator[float, None, R]],
    order: T,
    stop: Event | None = None,
) -> R:
    """Carry out one order to its end.

    Parameters
    ----------
    segmenter : Segmenter
        The model.
    work, order
        As for `Crew.run`.
    stop : Event, optional
        Asked at each step.

    Returns
    -------
    object
        The result.

    Raises
    ------
    Stopped
        If it was told to.
    """
    steps = work(segmenter, order)
    while stop is None or not stop.is_set():
        try:
            next(steps)
        except StopIteration as end:
            result: R = end.value
            return result
    steps.close()
    raise Stopped


def load_once(model: Path) -> Segmenter:
    """Load a model; a process does so once, however many threads it has."""
    with _LOADING:
        return _loaded(model)


_LOADING = Lock()
_loaded = lru_cache(maxsize=1)(load_segmenter)
