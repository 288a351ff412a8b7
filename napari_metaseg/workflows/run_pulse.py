"""The pulse of a run: its state, rewritten as long as its process lives."""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import psutil

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.files import atomic_file

from .run_state import STATE, RunState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

INTERVAL = 1.0
"""Seconds from one pulse to the next."""

RECENT = 20
"""Meta-steps over which the time left is estimated."""


class Pulse:
    """Writes ``state.json`` once a second, and at every change.

    A state that cannot be written is no reason to stop a run.

    Parameters
    ----------
    folder : Path
        Folder of the run.
    device : str
        Where it computes.
    processes : list of int, optional
        Numbers of the processes whose memory counts; by default of this one.
    steps : int or None
        Meta-steps to do.
    minutes : float or None
        How long it may take.
    seconds : float
        What earlier pieces of the run took.
    step : int
        Meta-steps done in them.
    """

    def __init__(
        self,
        folder: Path,
        *,
        device: str,
        processes: list[int] | None = None,
        steps: int | None,
        minutes: float | None,
        seconds: float = 0.0,
        step: int = 0,
    ) -> None:
        self._path = folder / STATE
        self._processes = list(map(psutil.Process, processes or [os.getpid()]))
        self._state = RunState(
            "starting",
            "Getting ready.",
            os.getpid(),
            platform.node(),
            step,
            steps or 0,
            seconds,
            minutes,
            None,
            0.0,
            device,
            "",
        )
        self._spent = seconds
        self._busy_since: float | None = None
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        """Start the pulse."""
        self.tell()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Stop the pulse and say why, if that was not said."""
        self._ended.set()
        self._thread.join()
        if isinstance(error, UserError):
            self.tell(state="failed", message=str(error))
        elif isinstance(error, Exception):
            self.tell(state="failed", message=f"{type(error).__name__}: {error}")
        elif kind is not None:
            self.tell(state="interrupted", message="The run was interrupted.")

    @property
    def seconds(self) -> float:
        """Time spent so far, over all pieces of the run."""
        since = self._busy_since
        return self._spent + (0.0 if since is None else time.perf_counter() - since)

    @contextmanager
    def busy(self) -> Iterator[list[float]]:
        """Count the time of what is done within.

        Yields
        ------
        list of float
            Holds the seconds at the end.
        """
        lap: list[float] = []
        start = self._busy_since = time.perf_counter()
        try:
            yield lap
        finally:
            lap.append(time.perf_counter() - start)
            self._busy_since = None
            self._spent += lap[0]

    def stepped(self, step: int, seconds: float) -> None:
        """Tell that a meta-step is done."""
        self._recent.append(seconds)
        self.tell(state="running", message=f"Meta-step {step}.", step=step)

    def tell(self, **changes: Any) -> None:
        """Change the state, and write it."""
        with self._lock:
            going = replace(self._state, **changes)
            self._state = replace(
                going,
                seconds=round(self.seconds, 3),
                seconds_left=self._left(going.step) if going.going else None,
                memory_mb=round(self._memory() / 1e6, 1),
                updated=datetime.now(UTC).isoformat(timespec="milliseconds"),
            )
            with suppress(UserError), atomic_file(self._path, overwrite=True) as file:
                file.write(json.dumps(asdict(self._state), indent=1).encode() + b"\n")

    def _beat(self) -> None:
        while not self._ended.wait(INTERVAL):
            self.tell()

    def _memory(self) -> int:
        """Return the resident memory (bytes) of all processes that live."""
        found = 0
        for process in self._processes:
            with suppress(psutil.NoSuchProcess):
                found += process.memory_info().rss
        return found

    def _left(self, step: int) -> float | None:
        """Estimate the time left from the budget that ends first."""
        left = []
        if self._state.steps and self._recent:
            mean = sum(self._recent) / len(self._recent)
            left.append((self._state.steps - step) * mean)
        if self._state.budget_minutes is not None:
            left.append(60 * self._state.budget_minutes - self.seconds)
        return max(0.0, round(min(left), 1)) if left else None
