"""What was annotated goes into the person's own library of tasks, at one click."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_metaseg.core.words import counted
from napari_metaseg.io.sources.found import task_name
from napari_metaseg.io.sources.history import (
    add_to_library,
    held_tasks,
    task_library,
)

from . import images, layers
from .guidance import Tone
from .images import CELLS
from .news import LIBRARY
from .pieces import labels_of
from .teller import Teller
from .worker import Runner

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy as np
    from napari.components import LayerList
    from napari.layers import Image, Labels
    from numpy.typing import NDArray
    from qtpy.QtCore import QObject

    from napari_metaseg.io.sources.history import Added, Held

    from .bench import Bench
    from .desk import Desk
    from .images import Reading
    from .library_form import LibraryForm
    from .worker import Tick

_NO_NAMES = {"images", "image", "img", "imgs", "raw", "data", "tif", "tiff"}
"""Folders whose name says nothing of what is in them."""


class Library(Teller):
    """Adds the cells of the chosen image to a task of the library.

    Parameters
    ----------
    layer_list : LayerList
        The viewer's layers.
    desk, bench : Desk, Bench
        The chosen image, and what is shown of it.
    form : LibraryForm
        Name of the task, what is added, and the button.
    parent : QObject
        Owner.
    """

    def __init__(
        self,
        layer_list: LayerList,
        desk: Desk,
        bench: Bench,
        form: LibraryForm,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._layers, self._desk, self._bench = layer_list, desk, bench
        self._form = form
        self._proposed = ""
        self._adding = Runner("Adding to the library", self)
        self._adding.returned.connect(self._on_added)
        self._adding.refused.connect(self.warn)
        self._adding.idle.connect(self.refresh)
        self._surveying = Runner("Reading the library", self)
        self._surveying.returned.connect(form.offer)
        form.add_button.clicked.connect(self.add)
        for signal in (desk.image_changed, desk.changed, bench.changed, bench.shown):
            signal.connect(self.refresh)
        # What was said of one result is not said of another one.
        for signal in (desk.image_changed, bench.adapted):
            signal.connect(form.untick)
        LIBRARY.changed.connect(self.survey)
        self.survey()
        self.refresh()

    def add(self) -> None:
        """Add what is annotated, or the cells shown if all of them are right."""
        image, reading = self._desk.image, self._desk.reading
        if image is None or reading is None or self._adding.running:
            return
        why_not = images.why_not_whole(image, reading)
        layer = self._source(image, reading)
        if why_not or layer is None:
            self.warn(why_not or "There is no cell yet; paint one first.")
            return
        given = _Given(
            self._form.task,
            images.pixels(image),
            labels_of(layer).copy(),
            reading.axes,
            reading.channel,
            self._form.complete,
        )
        self._adding.start(partial(_add, given))
        self.refresh()

    def survey(self) -> None:
        """Read again which tasks there are."""
        self._surveying.start(_survey)

    def leave(self) -> None:
        """Take no notice any more of what is being added or read."""
        self._adding.drop()
        self._surveying.drop()

    def refresh(self) -> None:
        """Propose a name for the task, and offer what is possible now."""
        image, reading = self._desk.image, self._desk.reading
        shown, running = False, self._bench.running
        if image is not None and reading is not None:
            proposed = propose(image, reading)
            if proposed != self._proposed:
                self._proposed = self._form.task = proposed
            work = self._bench.works.of(self._desk)
            # While a run is at work a preview may stand there, which is no result.
            shown = work is not None and work.last is not None and not running
        # A tick that cannot be honoured now is not passed over in silence either.
        waits = self._adding.running or (running and self._form.all_right.isChecked())
        self._form.show_possible(
            adding=(shown or self._desk.painted.cells > 0) and not waits,
            complete=shown,
        )

    def _source(self, image: Image, reading: Reading) -> Labels | None:
        if self._form.complete:
            return layers.find_cells(self._layers, image, reading)
        return self._desk.annotation

    def _on_added(self, added: Added) -> None:
        LIBRARY.changed.emit()
        done = "Replaced in" if added.replaced and not added.added else "Added to"
        images_held = counted(added.images, "image")
        text = (
            f"{done} your task “{added.task.name}”, which now holds {images_held} with "
            f"{counted(added.objects, 'cell')}. MetaSeg: Meta-train offers it under My "
            "task library."
        )
        self.say(text, Tone.DONE)


def propose(image: Image, reading: Reading) -> str:
    """Propose the name of a task: that of the folder in which the image lies."""
    path = images.file_of(image)
    base = image.name
    if path is not None:
        names = [folder.name for folder in path.parents]
        base = next((n for n in names if n.lower() not in _NO_NAMES), "") or base
    target = "" if reading.target == CELLS else f"-{reading.target.name}"
    return task_name(f"{base}{target}")


class _Given(NamedTuple):
    """What is added: a snapshot of the moment of the click."""

    task: str
    image: Any
    labels: NDArray[np.int32]
    axes: str
    channel: int | None
    complete: bool


def _add(given: _Given) -> Generator[Tick, None, Added]:
    yield from ()
    return add_to_library(
        task_library(),
        given.task,
        [(given.image, given.labels)],
        complete=given.complete,
        axes=given.axes,
        channel=given.channel,
    )


def _survey() -> Generator[Tick, None, Held]:
    yield from ()
    return held_tasks(task_library())
