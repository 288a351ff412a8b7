"""How late the event loop of a window is."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer

if TYPE_CHECKING:
    from collections.abc import Callable

STEP = 2  # ms
TOLD = 4
LATE = 0.3  # s
DEPTH = 12


class Probe(QObject):
    """Notes how late the event loop is, and what is going on at the time.

    Parameters
    ----------
    stacks : bool
        Whether to print where the window's thread is whenever the loop is late.
    """

    def __init__(self, *, stacks: bool = False) -> None:
        super().__init__()
        self.doing = "idle"
        self.ticks = 0
        self.late: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
        self.napari = 0.0
        self._last = self._now()
        self._timer = QTimer(self)
        self._timer.setInterval(STEP)
        self._timer.timeout.connect(self._tick)
        self._timer.start()
        if stacks:
            threading.Thread(target=self._look, daemon=True).start()

    def watch(self, doing: str) -> None:
        """Look at what is done now."""
        self.doing, self._last = doing, self._now()
        self._timer.start()

    def rest(self) -> None:
        """Look no more, since looking takes time, too."""
        self._timer.stop()

    def note(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Count what a function of napari takes as napari's."""

        def counted(*arguments: Any, **further: Any) -> Any:
            start, known = time.thread_time(), self.napari
            result = function(*arguments, **further)
            # Calls within this one are part of it.
            self.napari = known + time.thread_time() - start
            return result

        return counted

    def _now(self) -> tuple[float, float, float]:
        return time.perf_counter(), time.thread_time(), self.napari

    def _tick(self) -> None:
        now = self._now()
        wall, own, theirs = (
            1000 * (b - a) for a, b in zip(self._last, now, strict=True)
        )
        self.late[self.doing].append((wall - STEP, own, own - theirs))
        self._last = now
        self.ticks += 1

    def _look(self) -> None:
        """Print the stack of the main thread, again and again while it is late."""
        main = threading.main_thread().ident or 0
        clock = time.pthread_getcpuclockid(main)
        while True:
            time.sleep(LATE / 3)
            wall, own, _ = self._last
            late, work = time.perf_counter() - wall, time.clock_gettime(clock) - own
            if late > LATE and self._timer.isActive():
                ms = f"{1000 * late:.0f} ms by the clock, {1000 * work:.0f} at work"
                print(f"late by {ms}, {self.doing}:", flush=True)
                stack = traceback.extract_stack(sys._current_frames()[main])
                print(*traceback.format_list(stack[-DEPTH:]), flush=True)

    def tell(self) -> None:
        """Print the longest gaps for each thing done."""
        print("| longest gaps, ms | by the clock | at work | not napari's |")
        print("| --- | --- | --- | --- |")
        for doing, late in self.late.items():
            columns = [
                sorted(column)[-TOLD:][::-1] for column in zip(*late, strict=True)
            ]
            told = (", ".join(f"{ms:.0f}" for ms in column) for column in columns)
            print(f"| {doing} | {' | '.join(told)} |", flush=True)
