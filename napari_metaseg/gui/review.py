"""The review: from the least certain cell on, with one key a decision."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.core.words import counted

from . import judged
from .camera import in_view, look_at
from .corrections import Tool
from .guidance import Line, Tone
from .teller import Teller
from .worker import Runner

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel
    from qtpy.QtCore import QObject

    from napari_metaseg.core.confidence import Place

    from .bench import Bench
    from .desk import Desk
    from .judged import Doubt, Judged
    from .review_part import ReviewPart
    from .tools import Tools
    from .work import Work

_ENDED = Line("No cell is left to look at; adapt again, or export.", Tone.DONE)
_SUGGESTED = Line(
    "One more annotation is likely to help most here, in the middle of the view: "
    "accept or reject the cell, or paint it."
)
_NOTHING = Line("Everything is annotated already; press Adapt.", Tone.DONE)


class Review(Teller):
    """Leads through the cells of the chosen image that are still to be judged.

    A cell is no longer in the queue once something is annotated in its middle, by
    whichever tool, or once the person has looked at it and gone on. Another result
    begins the queue anew.

    Parameters
    ----------
    viewer : ViewerModel
        Its camera is moved.
    desk, bench, tools : Desk, Bench, Tools
        The image, its result, and what corrects it.
    part : ReviewPart
        Buttons and check boxes.
    keys : dict of str to callable
        What the keys A and R do while no cell is under review.
    parent : QObject
        Owner.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        desk: Desk,
        bench: Bench,
        tools: Tools,
        part: ReviewPart,
        keys: dict[str, Callable[[], None]],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._desk, self._bench = viewer, desk, bench
        self._tools, self.part, self._tool_keys = tools, part, keys
        self._judged: Judged | None = None
        self._seen: list[Doubt] = []
        self._current: Doubt | None = None
        self._asked: Work | None = None
        self._judging = Runner("Judging cells", self)
        self._judging.returned.connect(self._on_judged)
        self._suggesting = Runner("Looking for a place", self)
        self._suggesting.returned.connect(self._on_suggested)
        self._connect()
        self._refresh()

    @property
    def keys(self) -> dict[str, Callable[[], None]]:
        """What each key does, on the annotation layer."""
        part = self.part
        presses = {b.key: b.press for b in part.buttons}
        return presses | {"A": self.accept, "R": self.reject}

    def next(self) -> None:
        """Move to the least certain cell that is still to be looked at."""
        work = self._work
        if work is None or work.seen is None or work.shown is None:
            return
        if self._judged is None:
            self._asked = work
            steps = partial(judged.judge, work.seen, work.shown)
            self._judging.start(steps)
        else:
            self._go_on()

    def previous(self) -> None:
        """Go back to the cell that was looked at before."""
        before = self._before()
        if before:
            # The one left comes back as the next.
            self._seen = before
            self._visit(before[-1])

    def accept(self) -> None:
        """Accept the cell under review; without one, take the tool."""
        self._decide(Tool.ACCEPT, "A")

    def reject(self) -> None:
        """Reject the cell under review; without one, take the tool."""
        self._decide(Tool.REJECT, "R")

    def suggest(self) -> None:
        """Move to where an annotation is likely to help most."""
        work, annotation = self._work, self._desk.annotation
        if work is None or work.seen is None or work.shown is None:
            return
        drawn = work.shown.annotation if annotation is None else annotation.data
        self._asked = work
        self._suggesting.start(partial(judged.suggest, work.seen, work.shown, drawn))

    def leave(self) -> None:
        """End whatever runs."""
        for runner in (self._judging, self._suggesting):
            runner.drop()

    @property
    def _work(self) -> Work | None:
        """The work on the chosen image, if it has a result."""
        work = self._bench.works.of(self._desk)
        return work if work is not None and work.shown is not None else None

    def _connect(self) -> None:
        part = self.part
        part.next.clicked.connect(self.next)
        part.previous.clicked.connect(self.previous)
        part.suggest.clicked.connect(self.suggest)
        self._desk.image_changed.connect(self._on_image)
        self._desk.stroked.connect(self._turn_away)
        self._desk.changed.connect(self._refresh)
        self._desk.edited.connect(self._refresh)
        self._bench.changed.connect(self._refresh)
        self._bench.shown.connect(self._on_shown)
        self._tools.told.connect(self._on_tool)

    def _on_judged(self, result: Judged) -> None:
        work = self._work
        if work is self._asked and work is not None and work.shown is not None:
            if work.shown.planes is result.planes:
                self._judged = result
                self._go_on()

    def _go_on(self, said: str = "") -> None:
        left = self._left()
        if left:
            self._visit(left[0], said)
        else:
            self._current = None
            self.told.emit(_ENDED)
            self._refresh()

    def _visit(self, doubt: Doubt, said: str = "") -> None:
        work, annotation = self._work, self._desk.annotation_at_hand()
        if work is None or work.shown is None or annotation is None:
            return
        self._tools.put_down()
        self._viewer.layers.selection.active = annotation
        look_at(self._viewer, annotation, doubt.place, doubt.diameter)
        self._current = doubt
        if doubt not in self._seen:
            self._seen.append(doubt)
        text = (
            f"Cell {int(work.shown.labels[doubt.place])}, in the middle of the view, "
            f"confidence {doubt.confidence:.2f}: Accept (A), Reject (R), or go on (.)."
        )
        if annotation.data[doubt.place] != 0:
            text = "This cell is judged already: Ctrl+Z takes it back, or go on (.)."
        self.say(f"{said} {text}" if said else text)
        self._refresh()

    def _decide(self, tool: Tool, key: str) -> None:
        doubt, annotation = self._current, self._desk.annotation
        if (
            doubt is None
            or annotation is None
            or not in_view(self._viewer, annotation, doubt.place)
        ):
            self._tool_keys[key]()
            return
        line = self._tools.judge(tool, doubt.place)
        if line is not None and line.tone is Tone.DONE:
            self._go_on(line.text)
        elif line is not None:
            self.told.emit(line)

    def _left(self) -> list[Doubt]:
        """List the cells that are still to be looked at."""
        annotation = self._desk.annotation
        if self._judged is None:
            return []
        seen = set(self._seen)
        drawn = None if annotation is None else annotation.data
        return [
            d
            for d in self._judged.doubts
            if d not in seen and (drawn is None or drawn[d.place] == 0)
        ]

    def _on_suggested(self, place: Place | None) -> None:
        work, annotation = self._work, self._desk.annotation_at_hand()
        if work is not self._asked or work is None or annotation is None:
            return
        self._current = None
        if place is None:
            self.told.emit(_NOTHING)
            return
        leading = np.unravel_index(place.plane, annotation.data.shape[:-2] or (1,))
        index = tuple(int(i) for i in leading)[: annotation.ndim - 2]
        self._viewer.layers.selection.active = annotation
        look_at(self._viewer, annotation, (*index, place.y, place.x), _size(work))
        self.told.emit(_SUGGESTED)

    def _on_image(self) -> None:
        self._begin_anew()
        self._refresh()

    def _on_tool(self) -> None:
        if self._tools.tool is not None:
            self._turn_away()

    def _turn_away(self) -> None:
        """See that the person does something else than review."""
        self._current = None

    def _begin_anew(self) -> None:
        self._judged = self._current = self._asked = None
        self._seen.clear()

    def _on_shown(self, work: Work) -> None:
        """Begin anew if these are other cells, and not only edited ones."""
        known = self._judged
        if work is self._work and known is not None and work.shown is not None:
            if work.shown.planes is not known.planes:
                self._begin_anew()
        self._refresh()

    def _refresh(self) -> None:
        work, text = self._work, "No cells yet: adapt first."
        if work is not None and self._judged is None:
            text = "Walks from the least certain cell on."
        elif work is not None:
            text = f"{counted(len(self._left()), 'cell')} left to look at."
        self.part.show_state(
            text,
            painted=self._desk.painted.cells > 0,
            result=work is not None and not self._bench.running,
            back=bool(self._before()),
        )

    def _before(self) -> list[Doubt]:
        """List the cells that one can go back to, the last one last."""
        return [doubt for doubt in self._seen if doubt != self._current]


def _size(work: Work) -> float:
    """Return the size of the cells in px; 0 if it is not known."""
    report = None if work.seen is None else work.seen.report
    return 0.0 if report is None else report.diameter
