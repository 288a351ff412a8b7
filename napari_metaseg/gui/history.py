"""The history of rounds: each is a row, can be seen again and gone back to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_metaseg.core.words import counted

from .course import Course
from .past import Past
from .round_table import Row
from .rounds import init_title

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_metaseg.workflows.adapt import AdaptedModel
    from napari_metaseg.workflows.results import Progress, Report

    from .bench import Bench
    from .course import Point
    from .desk import Desk
    from .round_table import RoundTable
    from .rounds import Round
    from .work import Work

KEPT = 20
"""Rounds of an image whose results are kept."""

MEMORY = 2**30
"""Bytes that the kept results of an image may take; the newest always stays."""


@dataclass
class Entry:
    """A round in the history.

    Attributes
    ----------
    number : int
        Of the round, from 1.
    init : str
        Name of the initialization.
    continued : bool
        Whether it began with the model of an earlier round.
    report : Report or None
        What the adaptation did; None of a model that was opened.
    seconds : float
        From the click to the result.
    course : tuple of Point
        How it went, step by step.
    past : Past or None
        What it takes to show it again; None once it is too long ago.
    best : bool
        Whether it is the best of those that were compared.
    """

    number: int
    init: str
    continued: bool
    report: Report | None
    seconds: float
    course: tuple[Point, ...]
    past: Past | None
    best: bool = False


class History(QObject):
    """Keeps the rounds of each image, and the table in line with the chosen one.

    Signals
    -------
    turned : object
        Another round is seen, if only because another image is chosen; these are its
        `DecodeSettings`.
    looking :
        A person asked to see a round.
    """

    turned = Signal(object)
    looking = Signal()

    def __init__(
        self, bench: Bench, desk: Desk, table: RoundTable, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._bench, self._desk, self._table = bench, desk, table
        self._course = Course()
        self._seen: AdaptedModel | None = None
        table.chosen.connect(self._look)
        table.back.clicked.connect(self._go_back)
        desk.image_changed.connect(self._on_image)
        bench.begun.connect(self._on_begun)
        bench.progressed.connect(self._on_progressed)
        bench.adapted.connect(self._on_adapted)
        bench.compared.connect(self._on_compared)
        bench.shown.connect(self._on_shown)
        bench.changed.connect(self._enable)
        desk.changed.connect(self._enable)
        self._refresh()

    def _on_image(self) -> None:
        """Turn to what is seen of the image that is chosen now."""
        work = self._bench.works.of(self._desk)
        self._seen = None if work is None else work.seen
        if work is not None and work.shown is not None:
            self.turned.emit(work.shown.settings)
        self._refresh()

    def _on_begun(self) -> None:
        self._course = Course()
        self._table.curve.show_points(())

    def _on_progressed(self, progress: Progress) -> None:
        self._course.note(progress)
        if progress.stage == "adapt":
            self._table.curve.show_points(self._course.points)

    def _on_adapted(self, work: Work) -> None:
        if work.last is not None:
            self._add(work, work.last)
            # At once: the sliders may be moved before anything else is shown.
            self._on_shown(work)

    def _on_compared(self, work: Work, results: tuple[Round, ...]) -> None:
        entries = [self._add(work, result) for result in results]
        best = max(map(_own_iou, entries))
        for entry in entries:
            entry.best = len(entries) > 1 and _own_iou(entry) == best
        self._refresh()

    def _add(self, work: Work, result: Round) -> Entry:
        number = len(work.rounds) + 1
        entry = Entry(
            number=number,
            init=result.init,
            continued=result.continued,
            report=result.model.report,
            seconds=result.seconds,
            course=result.course,
            past=Past.of(number, result),
        )
        work.rounds.append(entry)
        _forget_old(self._bench.works.on_image_of(work))
        return entry

    def _on_shown(self, work: Work) -> None:
        """Remember how a round was decoded last, and mark it as the one seen."""
        entry = _seen(work)
        if entry is not None and entry.past is not None and work.shown is not None:
            if work.shown.adapted:
                entry.past = entry.past.now(work.shown)
            if work is self._bench.works.of(self._desk) and work.seen is not self._seen:
                self._seen = work.seen
                self.turned.emit(work.shown.settings)
        self._refresh()

    def _look(self, row: int) -> None:
        work = self._bench.works.of(self._desk)
        if work is not None and not self._bench.running and row < len(work.rounds):
            past = work.rounds[row].past
            seen = work.shown is not None and work.shown.adapted
            if past is not None and not (seen and work.seen is past.model):
                self.looking.emit()
                self._bench.look(work, past)

    def _go_back(self) -> None:
        work = self._bench.works.of(self._desk)
        entry = None if work is None else _seen(work)
        if work is not None and entry is not None and entry.past is not None:
            self.looking.emit()
            self._bench.look(work, entry.past, take=True)

    def _refresh(self) -> None:
        work = self._bench.works.of(self._desk)
        entries = [] if work is None else work.rounds
        entry = None if work is None else _seen(work)
        rows = [_row(e, work) for e in entries if work is not None]
        self._table.show_rows(rows, None if entry is None else entries.index(entry))
        if not self._bench.running:
            self._table.curve.show_points(() if entry is None else entry.course)
        self._enable()

    def _enable(self) -> None:
        work, running = self._bench.works.of(self._desk), self._bench.running
        entry = None if work is None else _seen(work)
        current = work is not None and entry is not None and _is_current(entry, work)
        self._table.table.setEnabled(not running)
        self._table.back.setEnabled(entry is not None and not current and not running)
        self._table.compare.setEnabled(self._desk.painted.cells > 0 and not running)


def _seen(work: Work) -> Entry | None:
    known = (e for e in work.rounds if e.past is not None)
    return next((e for e in known if e.past and e.past.model is work.seen), None)


def _is_current(entry: Entry, work: Work) -> bool:
    last, past = work.last, entry.past
    return last is not None and past is not None and last.model is past.model


def _forget_old(works: Iterable[Work]) -> None:
    """Let go of the results of rounds long ago; the current ones stay.

    Parameters
    ----------
    works : iterable of Work
        Those on one image, the one that had a round just now first.
    """
    kept = taken = 0
    for work in works:
        for entry in reversed(work.rounds):
            if entry.past is None:
                continue
            taken += entry.past.model.memory
            fits = kept < KEPT and taken <= MEMORY
            if kept == 0 or fits or _is_current(entry, work):
                kept += 1
            else:
                entry.past = None


def _own_iou(entry: Entry) -> float:
    """Return the score as the table shows it: what looks the same is as good."""
    return 0.0 if entry.report is None else round(entry.report.own_iou_after, 2)


def _row(entry: Entry, work: Work) -> Row:
    report, title = entry.report, init_title(entry.init) or "opened model"
    start = f"{title} +" if entry.continued else title
    seconds = f"{entry.seconds:.1f} s"
    current, kept = _is_current(entry, work), entry.past is not None
    tip = f"Round {entry.number}, {'from' if entry.init else 'an'} {title}"
    tip += ", continued from the model before." if entry.continued else "."
    if current:
        tip += " This is the current result."
    if report is None:
        return Row((str(entry.number), "", start, seconds), tip, kept, current)
    if not report.kept:
        tip += f" {report.reason}"
    star = " ★" if entry.best else ""
    scores = f"{report.own_iou_before:.2f} → {report.own_iou_after:.2f}{star}"
    painted = counted(report.n_cells, "cell")
    if report.n_strokes:
        painted += f" + {report.n_strokes}"
    texts = (
        str(entry.number),
        f"{scores}\n{'kept' if report.kept else 'reverted'}",
        f"{start}\n{painted}",
        f"{seconds}\n{counted(report.steps, 'step')}",
    )
    return Row(texts, tip, kept, current)
