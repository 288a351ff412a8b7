"""Who does the work on many images: this process, several, or a cluster.

Work is a generator function of a segmenter and an order that yields shares done and
returns a result, so that it can be stopped at each yield.
"""

from __future__ import annotations

import os
import signal
import sys
from abc import ABC, abstractmethod
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import torch

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import relay

from .segmenter import Segmenter, load_segmenter

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from multiprocessing.synchronize import Event
    from pathlib import Path
    from types import TracebackType
    from typing import Self

T = TypeVar("T")
R = TypeVar("R")

TICK = 0.2
"""Seconds between two looks at other processes."""


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


class Processes(Crew):
    """Shares the work among processes of this machine.

    Parameters
    ----------
    segmenter : Segmenter
        The model.
    model : Path
        Its folder, from which each process loads it once.
    jobs : int
        How many processes; each gets its share of the cores.

    Raises
    ------
    UserError
        If there are fewer than one.
    """

    def __init__(self, segmenter: Segmenter, model: Path, jobs: int) -> None:
        super().__init__(segmenter)
        if jobs < 1:
            raise UserError(f"{jobs} processes cannot work; choose 1 or more.")
        self._model = model
        self._jobs = jobs
        # Forked processes would inherit torch's threads in an unknown state.
        context = get_context("spawn")
        self._stop = context.Event()
        threads = max(1, (os.cpu_count() or 1) // jobs)
        self._pool = ProcessPoolExecutor(jobs, context, _begin, (threads, self._stop))

    def close(self) -> None:
        """Stop at the next step of whatever is under way."""
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)

    def run(
        self,
        work: Callable[[Segmenter, T], Generator[float, None, R]],
        orders: Sequence[T],
    ) -> Generator[float | Done[R] | Lost, None, None]:
        """Carry out orders side by side, see `Crew.run`.

        Raises
        ------
        UserError
            If a process is ended from outside.
        """
        following = iter(enumerate(orders))
        at_work: dict[Any, int] = {}
        try:
            while True:
                # Two for each process, so that none waits for its next.
                for index, order in following:
                    with _without_main():
                        future = self._pool.submit(_perform, self._model, work, order)
                    at_work[future] = index
                    if len(at_work) >= 2 * self._jobs:
                        break
                if not at_work:
                    return
                done, _ = wait(at_work, TICK, FIRST_COMPLETED)
                for future in done:
                    yield Done(at_work.pop(future), future.result())
                if not done:
                    yield 0.0
        except BrokenProcessPool as error:
            raise UserError(
                "A process was ended by the system, most likely for lack of memory; "
                "run again with fewer at a time, and what is finished is kept."
            ) from error


@contextmanager
def _without_main() -> Iterator[None]:
    """Hide the main module from processes that begin.

    They would import it anew, and with it the windows of the program that started it.
    """
    with _HIDING:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


_HIDING = Lock()


class Stopped(Exception):
    """The work was stopped; nobody waits for its result."""


class _Process:
    """What a process of `Processes` knows."""

    stop: Event | None = None


def _begin(threads: int, stop: Event) -> None:
    # Ctrl+C reaches all processes of a terminal; the first one tells the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
    _Process.stop = stop


def _perform(
    model: Path, work: Callable[[Segmenter, T], Generator[float, None, R]], order: T
) -> R:
    """Carry out one order in another process, unless it is told to stop."""
    return perform(load_once(model), work, order, _Process.stop)


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
