"""The first walk through the loop: five steps, ticked as they are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

if TYPE_CHECKING:
    from .bench import Bench
    from .desk import Desk
    from .tools import Tools

_CELLS = 2
_STEPS = (
    "Open the sample, or an image of your own.",
    "Paint two whole cells; N begins a new one.",
    "Adapt ({key}) finds all others.",
    "Take Accept (A) and click a cell that is right, or Reject (R) for a wrong one.",
    "Adapt again: it learns from all that you painted and corrected.",
)
_END = "That is the whole loop. Export…, below the sliders, saves what you see."
_TAKEN, _FOLLOWING, _TO_COME = "✓", "➜", "○"


class FirstSteps(QWidget):
    """Lists the steps and ticks them off, in whichever order they are taken.

    Parameters
    ----------
    adapt_key : str
        The key of Adapt, as the system writes it.

    Signals
    -------
    walked :
        The last step was taken.
    """

    walked = Signal()

    def __init__(self, adapt_key: str) -> None:
        super().__init__()
        self.setToolTip("A first walk through the loop; closing this part ends it.")
        self._done = [False] * len(_STEPS)
        # Marks aside, and nothing in bold: no line breaks, and no button below
        # moves, when a step is ticked.
        self._marks = [QLabel(_TO_COME) for _ in _STEPS]
        self._rows = [QLabel(step.format(key=adapt_key)) for step in _STEPS]
        self._desk: Desk | None = None
        self._end = QLabel(_END)
        layout = QGridLayout(self)
        layout.setContentsMargins(4, 0, 0, 0)
        layout.setHorizontalSpacing(8)
        layout.setColumnStretch(1, 1)
        for number, mark in enumerate(self._marks):
            layout.addWidget(mark, number, 0, Qt.AlignmentFlag.AlignTop)
        for number, row in enumerate((*self._rows, self._end)):
            row.setWordWrap(True)
            row.setAlignment(Qt.AlignmentFlag.AlignTop)
            layout.addWidget(row, number, 1)
        self._show()

    def follow(self, desk: Desk, tools: Tools, bench: Bench) -> None:
        """Take notice of images and painted cells, corrections and rounds."""
        self._desk = desk
        desk.changed.connect(self._look)
        tools.edited.connect(self._on_corrected)
        bench.adapted.connect(self._on_adapted)
        self._look()

    @property
    def done(self) -> int:
        """Number of steps taken."""
        return sum(self._done)

    def _look(self) -> None:
        assert self._desk is not None
        self._tick(0, self._desk.image is not None)
        self._tick(1, self._desk.painted.cells >= _CELLS)
        self._show()

    def _on_corrected(self) -> None:
        self._tick(3, self._done[2])
        self._show()

    def _on_adapted(self) -> None:
        self._tick(4, self._done[3])
        self._tick(2, True)
        self._show()

    def _tick(self, step: int, taken: bool) -> None:
        """Tick a step off; one that was taken stays so."""
        ended = all(self._done)
        self._done[step] = self._done[step] or taken
        if all(self._done) and not ended:
            self.walked.emit()

    def _show(self) -> None:
        following = self._done.index(False) if not all(self._done) else None
        for number, (mark, row) in enumerate(zip(self._marks, self._rows, strict=True)):
            done = self._done[number]
            waits = _FOLLOWING if number == following else _TO_COME
            mark.setText(_TAKEN if done else waits)
            mark.setEnabled(not done)
            row.setEnabled(not done)
        self._end.setVisible(all(self._done))
