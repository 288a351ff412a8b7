"""Cells that follow what is annotated on them, of one work after the other."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from . import decoding
from .worker import Runner

if TYPE_CHECKING:
    from .decoding import Decoded, Followed
    from .display import Display
    from .work import Work


class Following(QObject):
    """Shows the annotation as it is now, and cells linked; no network is run.

    Signals
    -------
    shown : object
        The `Work` whose cells are shown otherwise.
    due : object
        A `Work` that was put off for another one, whose turn it is.
    """

    shown = Signal(object)
    due = Signal(object)

    def __init__(self, display: Display, parent: QObject) -> None:
        super().__init__(parent)
        self._display = display
        self._now: tuple[Work, Decoded] | None = None
        self._put_off: list[Work] = []
        self._runner = Runner("Following", self)
        self._runner.returned.connect(self._on_returned)
        self._runner.failed.connect(self._on_failed)
        self._runner.idle.connect(self._on_idle)

    def start(self, work: Work) -> None:
        """Let the cells of a work follow; what is under way for another comes after."""
        if work.shown is None:
            return
        drawn = self._display.annotation_of(work)
        if drawn.shape != work.shown.annotation.shape:
            return
        if self._now is not None:
            self._put_off.append(self._now[0])
        self._put_off = [other for other in self._put_off if other is not work]
        self._now = work, work.shown
        self._runner.start(partial(decoding.follow, work.shown, drawn, work.link))

    def drop(self, work: Work) -> None:
        """Take no notice of what is under way for a work."""
        self._put_off = [other for other in self._put_off if other is not work]
        if self._now is not None and self._now[0] is work:
            self._now = None
            self._runner.drop()

    def leave(self) -> None:
        """Take no notice of anything any more."""
        self._now = None
        self._put_off.clear()
        self._runner.drop()

    def _on_returned(self, result: Followed | None) -> None:
        """Show what followed, unless something else was shown in the meantime."""
        now, self._now = self._now, None
        if result is None or now is None:
            return
        work, start = now
        if work.shown is start and self._display.follow(work, result):
            work.shown = result.decoded
            if work.last is not None and work.last.decoded is start:
                work.last = replace(work.last, decoded=result.decoded)
            self.shown.emit(work)

    def _on_failed(self, _error: Exception) -> None:
        self._now = None

    def _on_idle(self) -> None:
        if self._put_off:
            self.due.emit(self._put_off.pop(0))
