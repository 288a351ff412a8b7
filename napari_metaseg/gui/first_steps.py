"""The first walk through the loop: five steps, ticked as they are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from .bench import Bench
    from .desk import Desk
    from .tools import Tools

_CELLS = 2
_STEPS = (
    "Open the sample, or an image of your own.",
    "Paint two whole cells; N begins a new one.",
    "Adapt ({key}) finds all the others.",
    "Take Accept (A) and click a cell that is right, or Reject (R) for a wrong one.",
    "Adapt again: it learns from all that you painted and corrected.",
)
_END = "That is the whole loop. Export… saves what you see."
_TICK = {True: "✓", False: "○"}


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
        self._texts = [step.format(key=adapt_key) for step in _STEPS]
        self._done = [False] * len(_STEPS)
        self._rows = [QLabel() for _ in _STEPS]
        self._desk: Desk | None = None
        self._end = QLabel(_END)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 0, 0, 0)
        for row in (*self._rows, self._end):
            row.setWordWrap(True)
            layout.addWidget(row)
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
        for number, (row, text) in enumerate(zip(self._rows, self._texts, strict=True)):
            row.setText(f"{_TICK[self._done[number]]}  {text}")
            row.setEnabled(not self._done[number])
            font = row.font()
            font.setBold(number == following)
            row.setFont(font)
        self._end.setVisible(all(self._done))
