"""What is seen of a run: how far it is, its curves, its pictures and its outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_metaseg.gui.choosers import Chooser
from napari_metaseg.gui.form import Form, caption

from . import words
from .curves import Plot
from .gallery import Gallery

if TYPE_CHECKING:
    from .watch import Glimpse

_MEAN = "Mean of all"


class RunView(QWidget):
    """One run, laid out."""

    def __init__(self) -> None:
        super().__init__()
        self._glimpse: Glimpse | None = None
        self.facts = QLabel()
        self.facts.setWordWrap(True)
        self.facts.setToolTip("How far the run is, and what it takes.")
        self.outcome = QLabel()
        self.outcome.setWordWrap(True)
        self.outcome.setToolTip("What the card of the start says of it.")
        self.loss = Plot(
            "Meta-loss",
            "How wrong the network is on images it has not been painted on, before "
            "and after the inner loop; smoothed over neighbouring steps.",
        )
        self.score = Plot(
            "AP@0.5",
            "Validation: share of cells found and outlined well enough (1 is perfect), "
            "before and after adapting to three cells, on tasks never trained on.",
            share=True,
        )
        self.tasks = Chooser("Which validation task the curves show.")
        self.tasks.offer([(_MEAN, None)])
        self.gallery = Gallery()
        self._which = _with_label("Task", self.tasks)
        self._which.hide()
        self._judging = self._group(self.score, self._which, self.gallery)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for part in (self.outcome, self.facts, self.loss, self._judging):
            layout.addWidget(part)
        self.tasks.currentIndexChanged.connect(self._draw_scores)

    def show_glimpse(self, glimpse: Glimpse | None) -> None:
        """Show how a run is now; None for one of which nothing is known yet."""
        self._glimpse = glimpse
        self.facts.setText("" if glimpse is None else words.facts(glimpse))
        outcome = "" if glimpse is None else words.outcome(glimpse)
        self.outcome.setText(outcome)
        self.outcome.setVisible(bool(outcome))
        self._judging.setVisible(glimpse is not None and bool(glimpse.scores))
        if glimpse is None:
            return
        self.loss.show_curve(glimpse.loss)
        titles = [_MEAN, *glimpse.validation_tasks]
        # Not every second: that would shut an open list.
        if titles != self.tasks.titles:
            names = [None, *glimpse.validation_tasks]
            self.tasks.offer(zip(titles, names, strict=True), self.tasks.value)
            # Of a single task, the mean says all.
            self._which.setVisible(len(glimpse.validation_tasks) > 1)
        self._draw_scores()
        self.gallery.show_pictures(glimpse.gallery, words.captions(glimpse))

    def _draw_scores(self) -> None:
        if self._glimpse is not None:
            self.score.show_curve(self._glimpse.score_curve(self.tasks.value))

    def _group(self, *parts: QWidget) -> QWidget:
        group = QWidget()
        layout = QVBoxLayout(group)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in parts[:-1]:
            layout.addWidget(part)
        layout.addWidget(caption("Adapting to three cells, now"))
        layout.addWidget(parts[-1])
        return group


def _with_label(text: str, field: QWidget) -> Form:
    form = Form()
    form.add(text, field)
    return form
