"""A crew of processes of this machine."""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.orphans import end_with

from .crews import TICK, Crew, Done, Lost, load_once, perform

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from multiprocessing.synchronize import Event
    from pathlib import Path

    from .segmenter import Segmenter

T = TypeVar("T")
R = TypeVar("R")


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
        threads = share_cores(jobs)
        self._model = model
        self._jobs = jobs
        # Forked processes would inherit torch's threads in an unknown state.
        context = get_context("spawn")
        self._stop = context.Event()
        given = threads, self._stop, os.getpid()
        self._pool = ProcessPoolExecutor(jobs, context, _begin, given)

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
        with deaths_told():
            while True:
                # Two for each process, so that none waits for its next.
                while (
                    len(at_work) < 2 * self._jobs
                    and (pair := next(following, None)) is not None
                ):
                    index, order = pair
                    with _without_main():
                        future = self._pool.submit(_perform, self._model, work, order)
                    at_work[future] = index
                if not at_work:
                    return
                done, _ = wait(at_work, TICK, FIRST_COMPLETED)
                for future in done:
                    yield Done(at_work.pop(future), future.result())
                if not done:
                    yield 0.0


def share_cores(jobs: int) -> int:
    """Return how many threads each of some processes may have.

    Raises
    ------
    UserError
        If there are fewer than one process.
    """
    if jobs < 1:
        raise UserError(f"{jobs} processes cannot work; choose 1 or more.")
    return max(1, (os.cpu_count() or 1) // jobs)


@contextmanager
def deaths_told() -> Iterator[None]:
    """Tell what to do where a process of a pool is ended from outside.

    Raises
    ------
    UserError
        In the place of the pool's own error.
    """
    try:
        yield
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


class _Process:
    """What a process of `Processes` knows."""

    stop: Event | None = None


def _begin(threads: int, stop: Event, parent: int) -> None:
    end_with(parent)
    # Ctrl+C reaches all processes of a terminal; the first one tells the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
    _Process.stop = stop


def _perform(
    model: Path, work: Callable[[Segmenter, T], Generator[float, None, R]], order: T
) -> R:
    """Carry out one order in another process, unless it is told to stop."""
    return perform(load_once(model), work, order, _Process.stop)
