"""The workbench: adapts to one image at a time and shows what comes of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject, Signal

from . import decoding, guidance, past, rounds
from .display import Display
from .following import Following
from .guidance import CANCELLED, IMAGE_GONE, Line, Tone
from .work import Decoding, Seen, Work, Works
from .worker import Runner

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_metaseg.core.painting import Painting
    from napari_metaseg.core.settings import DecodeSettings
    from napari_metaseg.workflows.adapt import AdaptedModel
    from napari_metaseg.workflows.results import Progress

    from .decoding import Decoded
    from .images import Target
    from .past import Past
    from .rounds import Round
    from .worker import Steps


class Bench(QObject):
    """Runs adaptations and decodings, and shows their results as layers.

    An image that is renamed, resized or removed meanwhile is no error: results
    go to the image they were computed for, if it still has their shape.

    Signals
    -------
    changed :
        Something that the panel shows has changed.
    begun :
        A run has begun.
    progressed : object
        A `Progress` of the run.
    compared : object, object
        The `Work`, and the rounds that were run to be compared; none is current.
    adapted : object
        The `Work` whose `last` is a new round.
    shown : object
        The `Work` whose cells are shown otherwise: after a round, other settings, a
        correction or linking, back from a preview, or none instead of another's.
    """

    changed = Signal()
    begun = Signal()
    progressed = Signal(object)
    compared = Signal(object, object)
    adapted = Signal(object)
    shown = Signal(object)

    def __init__(self, viewer: ViewerModel, parent: QObject) -> None:
        super().__init__(parent)
        self.works = Works(viewer.layers)
        self._display = Display(viewer, self)
        self._adapting_on: Work | None = None
        self._decoding_of: Decoding | None = None
        self.progress = (0, 1)
        self._adapting = Runner("Adapting", self)
        self._adapting.progressed.connect(self._on_progress)
        self._adapting.returned.connect(self._on_returned)
        self._adapting.refused.connect(self._on_refused)
        self._adapting.failed.connect(self._on_failed)
        self._adapting.cancelled.connect(self._on_cancelled)
        self._adapting.idle.connect(self.changed)
        self._decoding = Runner("Decoding", self)
        self._decoding.returned.connect(self._on_decoded)
        self._following = Following(self._display, self)
        self._following.shown.connect(self.shown)
        self._following.due.connect(self.follow)

    @property
    def running(self) -> bool:
        """Whether an adaptation is at work."""
        return self._adapting.running

    @property
    def stopping(self) -> bool:
        """Whether it has been cancelled and is about to end."""
        return self._adapting.stopping

    @property
    def adapting_on(self) -> Work | None:
        """What a run is at work on."""
        return self._adapting_on

    def run(self, work: Work, steps: Steps, asked: Painting | None = None) -> None:
        """Show what a generator returns, a `Round` or several, on an image.

        Parameters
        ----------
        work : Work
            The image's.
        steps : callable
            Returns the generator.
        asked : Painting, optional
            The annotation that it was given to learn from.
        """
        if self._adapting_on is not None and self._adapting_on is not work:
            self._go_back(CANCELLED)
        self._decoding.drop()
        self._following.drop(work)
        self._adapting_on, self.progress = work, (0, 1)
        self._display.begin()
        work.line, work.asked, work.wanted = Line("Getting ready…"), asked, None
        self._adapting.start(steps)
        self.begun.emit()
        self.changed.emit()

    def cancel(self) -> None:
        """End the adaptation at its next step."""
        self._adapting.cancel()
        self.changed.emit()

    def leave(self) -> None:
        """End whatever runs, and take no notice of it any more."""
        self._adapting.drop()
        self._decoding.drop()
        self._go_back(CANCELLED)
        self._following.leave()
        self._display.finish()

    def forget_removed(self) -> None:
        """Let go of the work on images that are gone, and of what runs on one."""
        self.works.forget_removed()
        self._end_forgotten()

    def forget_target(self, image: Image, target: Target) -> None:
        """Let go of the work on a target that is gone, and of what runs on it."""
        self.works.forget_target(image, target)
        self._end_forgotten()

    def decode(self, work: Work, settings: DecodeSettings, *, adapted: bool) -> None:
        """Decode the output of the round that is seen again.

        What is wanted while another round is under way holds for that one, too.
        """
        if work is self._adapting_on:
            work.wanted = settings
        if work.seen is not None and work.shown is not None:
            model, drawn = work.seen, self._display.annotation_of(work)
            labels = work.shown.labels
            self._decoding_of = Decoding(work, model)
            steps = partial(decoding.decode, model, settings, drawn, labels)
            self._decoding.start(partial(steps, adapted=adapted))

    def look(self, work: Work, earlier: Past, *, take: bool = False) -> None:
        """Show an earlier round as it was decoded last.

        Parameters
        ----------
        work : Work
            The work that it belongs to.
        earlier : Past
            The round.
        take : bool
            Whether it becomes the current result.
        """
        self._decoding_of = Decoding(work, earlier.model, earlier, take)
        drawn = self._display.annotation_of(work)
        self._decoding.start(partial(past.recall, earlier, drawn))

    def follow(self, work: Work) -> None:
        """Show the annotation as it is now, and cells linked as the work says.

        No network is run. While an adaptation to this very work runs, and shows
        previews, it waits for the end of that.
        """
        if work is not self._adapting_on:
            self._following.start(work)

    def turn_to(self, work: Work) -> None:
        """Show a work's cells, or none, where those of another reading stand."""
        back, running = self.works.turn_to(work), self._adapting_on
        if work.shown is None or work.seen is None:
            if running is not None and running.covered:
                self._display.withdraw(running)
            if self.works.shares_cells(work):
                self._display.clear(work)
                self.shown.emit(work)
        elif back:
            self._show_decoded(work, work.shown, work.seen)

    def show_again(self, seen: Seen) -> None:
        """Show what was seen before, with what was annotated since."""
        self._decoding.drop()
        if self._show_decoded(seen.work, seen.decoded, seen.model):
            seen.work.line = seen.line
            self.changed.emit()

    def _end_forgotten(self) -> None:
        work, done = self._adapting_on, self._decoding_of
        if done is not None and not self.works.hold(done.work):
            self._decoding_of = None
            self._decoding.drop()
        if work is not None and not self.works.hold(work):
            self._adapting_on = None
            self._adapting.drop()
            self.changed.emit()

    def _on_progress(self, progress: Progress) -> None:
        work = self._adapting_on
        if work is not None:
            work.line = Line(progress.message)
            self.progress = progress.step, progress.total
            if progress.preview is not None:
                self._display.preview(work, progress.preview)
            if progress.part is not None:
                self._display.part(work, progress.part)
            self.progressed.emit(progress)
            self.changed.emit()

    def _on_returned(self, result: Round | tuple[Round, ...]) -> None:
        work = self._adapting_on
        if work is None:
            return
        if isinstance(result, tuple):
            self._go_back(guidance.compared(result))
            self.compared.emit(work, result)
        else:
            self._on_adapted(work, result)

    def _on_adapted(self, work: Work, result: Round) -> None:
        settings, work.wanted = rounds.with_moved(result, work.wanted), None
        if settings != result.decoded.settings:
            self._adapting.start(partial(rounds.decode_again, result, settings))
            return
        self._adapting_on = None
        if not self._show_decoded(work, result.decoded, result.model):
            work.line = IMAGE_GONE
            return
        work.last, work.line = result, guidance.adapted(result)
        self.adapted.emit(work)

    def _on_refused(self, reason: str) -> None:
        show_warning(reason)
        self._go_back(Line(reason, Tone.WARNING))

    def _on_failed(self, error: Exception) -> None:
        self._go_back(guidance.failed(error))

    def _on_cancelled(self) -> None:
        self._go_back(CANCELLED)

    def _go_back(self, line: Line) -> None:
        """Show the last round again, in case a preview stands there."""
        work, self._adapting_on = self._adapting_on, None
        if work is None:
            return
        work.line = line
        if work.last is not None:
            self._show_decoded(work, work.last.decoded, work.last.model)
        else:
            self._display.withdraw(work)

    def _on_decoded(self, result: Decoded) -> None:
        done, self._decoding_of = self._decoding_of, None
        if done is None or not self._show_decoded(done.work, result, done.model):
            return
        done.end(result)
        self.shown.emit(done.work)
        self.changed.emit()

    def _show_decoded(self, work: Work, decoded: Decoded, model: AdaptedModel) -> bool:
        """Show a result of a model, and what was annotated since."""
        shown = self._display.show(work, decoded.labels)
        if shown:
            work.shown, work.seen = decoded, model
            self.shown.emit(work)
            self.follow(work)
        return shown
