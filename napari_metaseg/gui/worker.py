"""One generator at a time in a thread, with progress and Cancel."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from napari.qt.threading import create_worker
from napari.utils import progress
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QObject, Signal

from napari_metaseg.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Steps = Callable[[], Generator["Tick", None, Any]]


class Tick(Protocol):
    """What a generator yields: how far it is."""

    @property
    def step(self) -> int:
        """Steps done."""

    @property
    def total(self) -> int:
        """Steps in all."""


class _Yielded(NamedTuple):
    generation: int
    tick: Tick


@dataclass(frozen=True, slots=True)
class _Done:
    value: Any


@dataclass(frozen=True, slots=True)
class _Refused:
    reason: str


@dataclass(frozen=True, slots=True)
class _Failed:
    error: Exception


_Outcome: TypeAlias = _Done | _Refused | _Failed | None


class Runner(QObject):
    """Runs generators in a thread, one at a time; signals tell the GUI thread.

    Each run has a generation number, and whatever still arrives from a run that
    was dropped is ignored.

    Signals
    -------
    progressed : object
        Each value that the generator yields.
    returned : object
        What the generator returned.
    refused : str
        The sentence of the `UserError` that ended the run.
    failed : object
        Any other exception, which napari's notifications show as well.
    cancelled :
        The run ended early, by `cancel` or because napari asked it to.
    idle :
        The thread is free; after each of the four above, and at the end of a
        run that was dropped.
    """

    progressed = Signal(object)
    returned = Signal(object)
    refused = Signal(str)
    failed = Signal(object)
    cancelled = Signal()
    idle = Signal()

    def __init__(self, title: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self._generation = 0
        self._run: Generator[_Yielded, None, _Outcome] | None = None
        self._outcome: _Outcome = None
        self._dropped = False
        self._waiting: Steps | None = None
        self._stop = Event()
        self._bar: Any = None
        self._drawing = False
        self.destroyed.connect(self._stop.set)

    @property
    def running(self) -> bool:
        """Whether the thread is taken, if only by a run that is about to end."""
        return self._run is not None

    @property
    def stopping(self) -> bool:
        """Whether the run was cancelled or dropped and has not ended yet."""
        ending = self.running and self._stop.is_set()
        return ending and self._waiting is None

    def start(self, steps: Steps) -> None:
        """Run a generator; if one is at work, drop it and start when it ends.

        Parameters
        ----------
        steps : callable
            Returns the generator. It is called in the thread and must touch
            neither widgets nor layers.
        """
        if self.running:
            self.drop()
            self._waiting = steps
        else:
            self._begin(steps)

    def cancel(self) -> None:
        """Ask the run to end at its next step."""
        if self._waiting is not None:
            # The run that is ending already tells of the end of the one that waits.
            self._waiting, self._dropped = None, False
        self._stop.set()

    def drop(self) -> None:
        """Ask the run to end, and take no notice of it any more."""
        self._generation += 1
        self._waiting = None
        self._dropped = self.running
        self._stop.set()
        self._close_bar()

    def _begin(self, steps: Steps) -> None:
        self._generation += 1
        self._outcome, self._dropped = None, False
        self._stop.clear()
        self._run = _drive(steps, self._generation, self._stop)
        worker = create_worker(_delegate, self._run)
        worker.yielded.connect(self._on_yielded)
        worker.returned.connect(self._on_returned)
        # Not a method of this object, which napari's closing may delete first.
        worker.finished.connect(partial(_close, self._run))
        worker.finished.connect(self._on_finished)
        worker.start()

    def _on_yielded(self, message: _Yielded) -> None:
        if message.generation == self._generation and not self.stopping:
            self.progressed.emit(message.tick)
            self._show(message.tick)

    def _on_returned(self, outcome: _Outcome) -> None:
        self._outcome = outcome

    def _on_finished(self) -> None:
        self._run = None
        self._close_bar()
        if not self._dropped:
            self._tell(self._outcome)
        if self._waiting is not None:
            steps, self._waiting = self._waiting, None
            self._begin(steps)
        elif not self.running:
            self.idle.emit()

    def _tell(self, outcome: _Outcome) -> None:
        match outcome:
            case _Done(value):
                self.returned.emit(value)
            case _Refused(reason):
                self.refused.emit(reason)
            case _Failed(error):
                trace = error.__traceback__
                notification_manager.receive_error(type(error), error, trace)
                self.failed.emit(error)
            case None:
                self.cancelled.emit()

    def _show(self, tick: Tick) -> None:
        """Move the bar in napari's activity dock; in a terminal it is silent.

        napari lets Qt work while it draws the bar: further ticks may come meanwhile,
        which need not be drawn, and the run may be over in the end.
        """
        if self._drawing:
            return
        self._drawing = True
        if self._bar is None:
            self._bar = progress(total=tick.total, desc=self._title, file=io.StringIO())
        bar = self._bar
        if bar.total != tick.total:
            bar.total = tick.total
        bar.update(tick.step - bar.n)
        self._drawing = False
        if not self.running:
            self._close_bar()

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _close(run: Generator[Any, None, Any]) -> None:
    """Close a generator that napari's worker left where it was."""
    run.close()


def _delegate(run: Generator[Any, None, Any]) -> Generator[Any, None, Any]:
    """Give napari, which wants a generator function, a generator that exists."""
    return (yield from run)


def _drive(
    steps: Steps, generation: int, stop: Event
) -> Generator[_Yielded, None, _Outcome]:
    """Step through a generator until it ends or is asked to; then close it.

    Errors are values here: napari's worker would end without a word after a
    RuntimeError, which is what torch raises.
    """
    work = steps()
    try:
        while not stop.is_set():
            yield _Yielded(generation, next(work))
    except StopIteration as end:
        return _Done(end.value)
    except UserError as error:
        return _Refused(str(error))
    except Exception as error:
        return _Failed(error)
    finally:
        work.close()
    return None
