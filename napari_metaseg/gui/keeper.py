"""Keeps annotations aside while they are painted, and offers them back."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject, Signal

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.words import counted

from . import guidance, keeping, layers
from .guidance import Line
from .keeping import Kept, Looked
from .links import after_rest
from .teller import Teller
from .worker import Runner

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_metaseg.core.filling import Filling
    from napari_metaseg.io.recovery import Found

    from .desk import Desk
    from .keeping import Subject
    from .offer_row import OfferRow
    from .worker import Steps

PAUSE = 3000
"""Time in ms from an edit until it is kept, with all that came meanwhile."""


@dataclass
class _File:
    """The file of one annotation layer.

    Attributes
    ----------
    subject : Subject or None
        What it is called; None until the image was looked at.
    offers : tuple of Found
        What earlier sessions left, until the person has decided.
    restored : tuple of Found
        What was restored, until it is kept anew.
    digest : bytes or None
        Of what was kept last.
    due : Labels or None
        The layer, if it may hold more than the file.
    """

    subject: Subject | None = None
    offers: tuple[Found, ...] = ()
    restored: tuple[Found, ...] = ()
    digest: bytes | None = None
    due: Labels | None = None


class Keeper(Teller):
    """Writes what is painted to files, and finds what an earlier session left.

    All of that happens in a thread; the window's does not even copy the annotation.

    Signals
    -------
    changed :
        There is something else to offer.
    """

    changed = Signal()

    def __init__(self, desk: Desk, row: OfferRow, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._row = row
        self._files: dict[str, _File] = {}
        self._jobs: deque[Steps] = deque([keeping.tidy])
        self._runner = Runner("Keeping", self)
        self._runner.returned.connect(self._on_done)
        self._runner.refused.connect(self._on_refused)
        self._runner.idle.connect(self._go_on)
        self._restoring = Runner("Restoring", self)
        self._restoring.returned.connect(self._on_restored)
        self._restoring.refused.connect(self._on_refused)
        self._target: tuple[Labels, Found] | None = None
        self._refusal = ""
        self._pause = after_rest(self, PAUSE, self._keep_due)
        row.restored.connect(self.restore)
        row.discarded.connect(self.discard)
        desk.edited.connect(self._on_edited)
        desk.changed.connect(self._show)

    @property
    def offer(self) -> Found | None:
        """What can be restored to the annotation at hand."""
        file = self._file()
        offers = () if file is None else file.offers
        # Another panel may have restored or discarded it.
        return next((found for found in offers if found.path.exists()), None)

    @property
    def line(self) -> Line | None:
        """What to tell about the offer, as long as nothing is painted."""
        found, painted = self.offer, self._desk.painted
        if found is None or painted.cells or painted.background:
            return None
        cells = counted(found.header.cells, "cell")
        were = "was" if found.header.cells == 1 else "were"
        when = keeping.told_time(found.header.saved)
        return Line(f"{cells} of {when} {were} found for this image. Restore?")

    def restore(self) -> None:
        """Put what was found into the annotation, as one step for undo."""
        found, annotation = self.offer, self._desk.annotation
        if found is not None and annotation is not None:
            self._target = annotation, found
            self._restoring.start(partial(keeping.restore, found, annotation.data))

    def discard(self) -> None:
        """Remove what was found; an older one is offered next."""
        if self.offer is not None:
            self.offer.path.unlink(missing_ok=True)
            self._show()

    def leave(self) -> None:
        """Keep what is due at once, and end."""
        self._pause.stop()
        self._jobs.clear()
        self._restoring.drop()
        self._runner.drop()
        for steps in self._take_due():
            try:
                for _ in steps():
                    pass
            except UserError as error:
                show_warning(str(error))

    def _file(self) -> _File | None:
        annotation = self._desk.annotation
        return None if annotation is None else self._files.get(_writer(annotation))

    def _on_edited(self) -> None:
        image, annotation = self._desk.image, self._desk.annotation
        if image is None or annotation is None:
            return
        writer = _writer(annotation)
        if writer not in self._files:
            self._files[writer] = _File()
            shape = annotation.data.shape
            target = self._desk.target.name
            self._jobs.append(partial(keeping.look, image, target, writer, shape))
            self._go_on()
        self._files[writer].due = annotation
        # Not put off by further strokes, or long painting would never be kept.
        if not self._pause.isActive():
            self._pause.start()

    def _keep_due(self) -> None:
        self._jobs.extend(self._take_due())
        self._go_on()

    def _take_due(self) -> list[Steps]:
        """Return how to keep what is due."""
        steps: list[Steps] = []
        for file in self._files.values():
            if file.due is not None and file.subject is not None:
                drawn, file.due = file.due.data, None
                steps.append(
                    partial(
                        keeping.keep, file.subject, drawn, file.digest, file.restored
                    )
                )
        return steps

    def _go_on(self) -> None:
        if self._jobs and not self._runner.running:
            self._runner.start(self._jobs.popleft())

    def _on_done(self, result: Looked | Kept | None) -> None:
        if isinstance(result, Looked):
            self._on_looked(result)
        elif isinstance(result, Kept):
            file = self._files[result.subject.writer]
            file.digest, file.restored = result.digest, result.restored
            if result.restored:
                file.offers = result.restored
                self._show()

    def _on_looked(self, looked: Looked) -> None:
        file = self._files[looked.subject.writer]
        file.subject = looked.subject
        if file.due is None or not file.due.data.any():
            file.offers = looked.found
        for path in looked.broken:
            text = f"An unsaved annotation is damaged and was set aside as {path}."
            self.warn(text)
        self._show()

    def _on_restored(self, filling: Filling) -> None:
        target, self._target = self._target, None
        if target is None:
            return
        annotation, found = target
        file = self._files[_writer(annotation)]
        file.restored, file.offers = (found,), ()
        layers.fill(annotation, filling)
        self.told.emit(guidance.filled("restored", filling))
        self._show()

    def _on_refused(self, reason: str) -> None:
        """Say why something was not kept or found, but not every few seconds."""
        if reason != self._refusal:
            self._refusal = reason
            self.warn(reason)

    def _show(self) -> None:
        found = self.offer
        if found is not None:
            # The line above may have gone on to something else.
            cells = counted(found.header.cells, "cell")
            self._row.restore.setText(f"Restore {cells}")
        self._row.setVisible(found is not None)
        self.changed.emit()


def _writer(annotation: Labels) -> str:
    """Return a name that no other layer has, in any process."""
    return str(annotation.unique_id.hex)
