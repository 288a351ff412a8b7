"""Sessions are saved, opened, and taken on when they are dropped into napari."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from napari.layers import Labels, Layer

from napari_metaseg.core.painting import Painting

from . import file_layers, images, layers, readers, session_files, target_layers
from .asking import ask_file, ask_path
from .classes import table
from .display import snapshot_of
from .guidance import Tone
from .images import CELLS, Target
from .large_form import Scope
from .links import Links, after_rest
from .readers import SESSION, SessionLayer
from .teller import Teller
from .worker import Runner

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari.components import LayerList
    from napari.layers import Image
    from qtpy.QtWidgets import QWidget

    from .bench import Bench
    from .desk import Desk
    from .images import Reading
    from .panel_view import PanelView
    from .saving import Saver
    from .work import Work
    from .worker import Tick

_KIND = "Session (*.metaseg)"
_OPENED_MODEL = (
    "What this model was adapted to is not known here; press Adapt before saving a "
    "session."
)


class Sessions(Teller):
    """Writes sessions, and makes the layers of one the panel's own.

    Parameters
    ----------
    layer_list : LayerList
        The viewer's layers; a dropped session becomes some of them.
    desk, bench : Desk, Bench
        The chosen image, and what shows results.
    view : PanelView
        Its buttons; channel, object size and start, which a session brings back.
    saver : Saver
        Proposes a name.
    parent : QWidget
        Owner, and the dialogs' parent.
    """

    def __init__(
        self,
        layer_list: LayerList,
        desk: Desk,
        bench: Bench,
        view: PanelView,
        saver: Saver,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._layers, self._desk, self._bench = layer_list, desk, bench
        self._view, self._form, self._saver = view, view.session, saver
        form = self._form
        self._window = parent
        self._ready: tuple[Image, Reading, SessionLayer] | None = None
        self._reopening: Work | None = None
        self._lost: list[Labels] = []
        self._candidates: list[Image] = []
        self._links = Links()
        self._links.connect(layer_list.events.inserted, self._on_inserted)
        self._begin_soon = after_rest(self, 0, self._begin)
        self._search_soon = after_rest(self, 0, self._search)
        self._saving = Runner("Saving the session", self)
        self._saving.returned.connect(self._on_saved)
        self._opening = Runner("Opening the session", self)
        self._opening.returned.connect(self._on_opened)
        self._searching = Runner("Looking for the image", self)
        self._searching.returned.connect(self._on_found)
        for runner in (self._saving, self._opening, self._searching):
            runner.refused.connect(self.warn)
            runner.idle.connect(self._refresh)
        bench.adapted.connect(self._on_reopened)
        for signal in (desk.image_changed, desk.changed, bench.changed):
            signal.connect(self._refresh)
        form.save.clicked.connect(self.save)
        form.open.clicked.connect(self.open)
        for layer in list(layer_list):
            self._take(layer)
        self._refresh()

    def save(self) -> None:
        """Ask for a file and write the session of the chosen image and target."""
        image, reading = self._desk.image, self._desk.reading
        annotation = self._desk.annotation
        if image is None or reading is None or annotation is None:
            return
        work = self._bench.works.on(image, reading)
        last = work.last
        cells = layers.find_cells(self._layers, image, reading)
        if last is None or cells is None:
            return
        if last.request is None or last.model.report is None:
            self.warn(_OPENED_MODEL)
            return
        start = self._saver.beside(image, f"{reading.target.name}.metaseg")
        path = ask_path(self._window, "Save session", start, _KIND)
        if path is None:
            return
        job = session_files.ToSave(
            path=path,
            model=last.model,
            request=replace(last.request, axes=reading.axes),
            painted=Painting.of(annotation.data),
            decoded=last.decoded,
            seen=snapshot_of(work, cells),
            current=work.shown is last.decoded,
            target=reading.target.name,
            classes=table.read_classes(cells),
            link=work.link,
        )
        self._saving.start(partial(session_files.save, job))
        self._refresh()

    def open(self) -> None:
        """Ask for a session and open it."""
        path = ask_file(self._window, "Open session", None, _KIND)
        if path is not None:
            self._opening.start(partial(_read, path))
            self._refresh()

    def leave(self) -> None:
        """Take on nothing any more."""
        self._links.cut()
        for timer in (self._begin_soon, self._search_soon):
            timer.stop()
        for runner in (self._saving, self._opening, self._searching):
            runner.drop()

    def _refresh(self) -> None:
        work = self._bench.works.of(self._desk)
        result = work is not None and work.last is not None
        quiet = not self._bench.running
        self._form.save.setEnabled(result and quiet and not self._saving.running)
        self._form.open.setEnabled(quiet and not self._opening.running)

    def _on_saved(self, text: str) -> None:
        self.say(text, Tone.DONE)

    def _on_opened(self, found: list[readers.LayerData]) -> None:
        self._layers.extend([Layer.create(*each) for each in found])

    def _on_inserted(self, event: Any) -> None:
        self._take(event.value)

    def _take(self, layer: Layer) -> None:
        """Take on a layer that a session brought along, once its image is there."""
        known = layer.metadata.get(SESSION)
        if not isinstance(layer, Labels) or not isinstance(known, SessionLayer):
            return
        wanted = replace(known, role="image")
        every = layers.image_layers(self._layers)
        same = (i for i in every if i.metadata.get(SESSION) == wanted)
        image = next(same, None)
        if image is not None:
            self._adopt(layer, image, known)
        else:
            self._lost.append(layer)
            self._search_soon.start()

    def _adopt(self, layer: Labels, image: Image, known: SessionLayer) -> None:
        reading = session_files.reading_of(image, known)
        if reading is None or layer.data.shape != images.annotation_shape(
            image, reading
        ):
            text = f"'{image.name}' cannot be read as in the session; open its file."
            self.warn(text)
            return
        reading = replace(reading, target=self._target(image, known.target))
        layer.metadata = {k: v for k, v in layer.metadata.items() if k != SESSION}
        file_layers.adopt(layer, image, reading, cells=known.role == "cells")
        if known.role == "annotation" and known.number == 0:
            self._ready = image, reading, known
            self._begin_soon.start()

    def _target(self, image: Image, name: str) -> Target:
        """Return the target of this name, of which an image may have layers."""
        every = (CELLS, *target_layers.targets(self._layers, image))
        same = (t for t in every if t.name.casefold() == name.casefold())
        return next(same, None) or Target(token_hex(8), name)

    def _begin(self) -> None:
        """Bring back what was chosen, and the result."""
        ready, self._ready = self._ready, None
        if ready is None or ready[0] not in self._layers:
            return
        image, reading, known = ready
        source = self._view.source
        source.choose_image(image)
        source.channels.choose(replace(reading, target=CELLS))
        self._desk.choose_target(reading.target)
        if known.init in source.inits.values:
            source.prefer_init(known.init)
        if known.diameter is not None:
            self._view.object_size.set_by_hand(round(known.diameter))
        self._view.large.links.choose(known.link)
        self._view.large.scope.choose(Scope.of(known.planes, known.part))
        annotation = layers.find_annotation(self._layers, image, reading)
        if annotation is None:
            return
        painted = Painting.of(annotation.data)
        steps = partial(
            session_files.reopen, known, images.pixels(image), painted, source.device
        )
        self._reopening = self._bench.works.on(image, reading)
        self._bench.run(self._reopening, steps, painted)

    def _on_reopened(self, work: Work) -> None:
        """Bring back the boxes, too: the next Adapt does what the last one did."""
        reopening, self._reopening = self._reopening, None
        if work is not reopening or work.last is None:
            return
        recipe = work.last.model.segmenter.card.get("recipe", {})
        chosen = work.last.decoded.settings.is_chosen(recipe)
        self._view.decode.fitted.setChecked(chosen)
        self._view.source.mirrors.setChecked(recipe.get("mirrors", 1) > 1)
        self._view.source.scales.setChecked(recipe.get("scales", 1) > 1)

    def _search(self) -> None:
        """Look for the image of a session among those that are open."""
        self._lost = [layer for layer in self._lost if layer in self._layers]
        if not self._lost or self._searching.running:
            return
        known = self._lost[0].metadata[SESSION]
        self._candidates = [
            image
            for image in layers.image_layers(self._layers)
            if images.pixels(image).shape == known.shape and self._is_free(image, known)
        ]
        pixels = [images.pixels(image) for image in self._candidates]
        find = partial(session_files.find_image, known.sha256, pixels)
        self._searching.start(find)

    def _is_free(self, image: Image, known: SessionLayer) -> bool:
        """Whether nothing is painted that would be mistaken for the session's."""
        reading = session_files.reading_of(image, known)
        if reading is None:
            return False
        reading = replace(reading, target=self._target(image, known.target))
        annotation = layers.find_annotation(self._layers, image, reading)
        return annotation is None or not annotation.data.any()

    def _on_found(self, index: int | None) -> None:
        known = self._lost[0].metadata[SESSION]
        mine = [x for x in self._lost if x.metadata[SESSION].same_image(known)]
        self._lost = [layer for layer in self._lost if layer not in mine]
        image = None if index is None else self._candidates[index]
        if image is None or image not in self._layers:
            what = "was no file" if known.file is None else f"was {known.file}"
            text = (
                f"The image of the session {what} and is not there as it was: open the "
                "right one, then the session again."
            )
            self.warn(text)
        else:
            self._make_room(image, known)
            for layer in mine:
                self._adopt(layer, image, layer.metadata[SESSION])
        self._search_soon.start()

    def _make_room(self, image: Image, known: SessionLayer) -> None:
        """Remove the empty annotation that every image is given."""
        reading = session_files.reading_of(image, known)
        if reading is not None:
            reading = replace(reading, target=self._target(image, known.target))
            empty = layers.find_annotation(self._layers, image, reading)
            if empty is not None:
                self._layers.remove(empty)
            layers.hide_cells(self._layers, image, reading)


def _read(path: Path) -> Generator[Tick, None, list[readers.LayerData]]:
    yield from ()
    return readers.session_layers(path)
