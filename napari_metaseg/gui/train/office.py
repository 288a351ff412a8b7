"""Starts runs, asks them to pause or to stop, and keeps what comes of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_metaseg.core.errors import UserError
from napari_metaseg.gui.guidance import Line, Tone
from napari_metaseg.gui.news import STARTS
from napari_metaseg.gui.worker import Runner

from . import jobs, words
from .keeping import keep
from .launch import launch
from .monitor import Monitor
from .watch import Launched

if TYPE_CHECKING:
    from pathlib import Path

    from napari_metaseg.io.sources.check import SourceProgress
    from napari_metaseg.workflows.run_state import Request

    from .jobs import Order, Preview
    from .plan import Plan
    from .watch import Glimpse


class Office(QObject):
    """Deals with runs; the one that is shown is followed by its `Monitor`.

    Signals
    -------
    changed :
        Something that the panel shows has changed.
    opened : object
        Folder of a run whose process was started.
    """

    changed = Signal()
    opened = Signal(object)

    def __init__(self, history: Path, parent: QObject) -> None:
        super().__init__(parent)
        self.monitor = Monitor(self)
        self.progress = (0, 0)
        self._history = history
        self._line: Line | None = None
        self._asked: Request | None = None
        self._settled: set[Path] = set()
        self._starting = Runner("Preparing a run", self)
        self._asking = Runner("Asking a run", self)
        self._keeping = Runner("Installing", self)
        self._starting.progressed.connect(self._on_progress)
        self._starting.returned.connect(self._on_ordered)
        self._keeping.returned.connect(self._on_kept)
        for runner in (self._starting, self._asking, self._keeping):
            runner.refused.connect(self._on_refused)
            runner.failed.connect(self._on_failed)
        self._starting.idle.connect(self.changed)
        self.monitor.seen.connect(self._on_seen)

    @property
    def busy(self) -> bool:
        """Whether a run is being prepared, or is about to obey."""
        return self._starting.running or self._asked is not None

    @property
    def preparing(self) -> bool:
        """Whether a run is being prepared."""
        return self._starting.running

    @property
    def glimpse(self) -> Glimpse | None:
        """The run that is shown, as it was seen last."""
        return self.monitor.glimpse

    @property
    def going(self) -> bool:
        """Whether a process is at work on the run that is shown."""
        glimpse = self.glimpse
        if glimpse is None or glimpse.complaint:
            return False
        return glimpse.state is None or glimpse.state.going

    @property
    def line(self) -> Line | None:
        """What to tell of the run that is shown, or of what was tried last."""
        if self._line is not None:
            return self._line
        if self.glimpse is not None:
            return words.line(self.glimpse, self._asked)
        return None if self.monitor.folder is None else Line("Looking…")

    def tell(self, line: Line) -> None:
        """Show a line until something else is done."""
        self._line = line
        self.changed.emit()

    def show(self, folder: Path | None) -> None:
        """Follow another run; None for none."""
        self._line, self._asked = None, None
        self.monitor.watch(folder)
        self.changed.emit()

    def start(self, plan: Plan, seen: Preview) -> None:
        """Start a run."""
        self._prepare(partial(jobs.get_ready, plan, seen, self._history))

    def resume(self) -> None:
        """Go on with the run that is shown."""
        if self.monitor.folder is not None:
            self._prepare(partial(jobs.go_on, self.monitor.folder, keep=False))

    def stop(self) -> None:
        """Stop the run that is shown, and keep what it has learned."""
        if self.going:
            self._ask("stop")
        elif self.monitor.folder is not None:
            self._prepare(partial(jobs.go_on, self.monitor.folder, keep=True))

    def pause(self) -> None:
        """Let the run that is shown end at its next step; it can be resumed."""
        self._ask("pause")

    def leave(self) -> None:
        """Take no notice of anything any more; runs go on."""
        self.monitor.watch(None)
        for runner in (self._starting, self._asking, self._keeping):
            runner.drop()

    def _ask(self, request: Request) -> None:
        if self.monitor.folder is not None:
            self._asked, self._line = request, None
            self._asking.start(partial(jobs.tell, self.monitor.folder, request))
            self.changed.emit()

    def _prepare(self, steps: jobs.Orders) -> None:
        self._line, self.progress = Line("Getting ready…"), (0, 0)
        self._starting.start(steps)
        self.changed.emit()

    def _on_progress(self, progress: SourceProgress) -> None:
        self.progress = progress.step, progress.total
        self._line = Line(f"Reading the data: {progress.message}.")
        self.changed.emit()

    def _on_ordered(self, order: Order) -> None:
        try:
            number = launch(order.folder, order.arguments)
        except UserError as error:
            self._on_refused(str(error))
            return
        self._line, self._asked = None, None
        self._settled.discard(order.folder)
        self.monitor.watch(order.folder, Launched(number, order.before))
        self.opened.emit(order.folder)
        self.changed.emit()

    def _on_seen(self, glimpse: Glimpse) -> None:
        if not self.going:
            self._asked = None
        state = glimpse.state
        if state is not None and state.state == "finished":
            if glimpse.folder not in self._settled:
                self._settled.add(glimpse.folder)
                self._keeping.start(partial(keep, glimpse.folder))
        self.changed.emit()

    def _on_kept(self, installed: bool) -> None:
        if installed:
            STARTS.changed.emit()

    def _on_refused(self, reason: str) -> None:
        self._asked, self._line = None, Line(reason, Tone.WARNING)
        self.changed.emit()

    def _on_failed(self, error: Exception) -> None:
        self._on_refused(f"That failed ({error}); nothing was changed.")
