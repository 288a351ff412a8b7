"""The dock "MetaSeg: Classes": give examples, classify, correct, export."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.gui import images
from napari_metaseg.gui.dock import Dock
from napari_metaseg.gui.guidance import Line, Tone
from napari_metaseg.gui.links import Links, after_rest
from napari_metaseg.gui.pieces import labels_of
from napari_metaseg.gui.worker import Runner

from . import class_layer, jobs, words
from .classes_view import ClassesView
from .clicks import Clicks
from .export import Export
from .sheet import Sheet

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Labels

    from napari_metaseg.workflows.classify import Described

_REST = 300  # ms without a change of the cells, after which classes follow them


class ClassesPanel(Dock):
    """The dock widget.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it belongs to.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__()
        self._layers = napari_viewer.layers
        self._sheets: list[Sheet] = []
        self._asked: tuple[Sheet, Image, dict[int, str]] | None = None
        self._news: Line | None = None
        self._links, self._lasting = Links(), Links()
        self.view = ClassesView()
        self.fill(self.view)
        self.clicks = Clicks(self._layers, self)
        self.runner = Runner("Classifying", self)
        self.export = Export(self)
        self._soon = after_rest(self, _REST, self._follow)
        self._connect()
        self._offer()

    @property
    def sheet(self) -> Sheet | None:
        """The classes of the chosen cells."""
        cells = self.view.cells.value
        return next((s for s in self._sheets if s.cells is cells), None)

    def take(self, key: int) -> None:
        """Take a class: clicks on the canvas give examples of it."""
        sheet = self.sheet
        if sheet is None or key not in sheet.names:
            return
        sheet.taken, self._news = key, None
        self.clicks.follow(self._shown(sheet))
        self._refresh()

    def give(self, number: int) -> None:
        """Make a cell an example of the class in hand, or take it back."""
        sheet = self.sheet
        if sheet is None or sheet.taken is None:
            text = "Choose a class first, by its row or its key."
            self._tell(Line(text, Tone.WARNING))
        elif not number:
            self._tell(Line("There is no cell; click inside one.", Tone.WARNING))
        else:
            sheet.give(number)
            self._news = words.given(sheet, number)
            self._update(sheet)

    def classify(self) -> None:
        """Give every cell a class."""
        sheet = self.sheet
        image: Image | None = self.view.image.value
        if sheet is None or image is None or not sheet.ready:
            return
        reading = class_layer.reading_of(image, sheet.cells)
        if reading is None:
            return
        layer = self._shown(sheet)
        known = None
        if sheet.described is not None and sheet.described[0] is image:
            known = sheet.described[1]
        self._asked = sheet, image, sheet.names
        # The layer's own copy: the cells may be drawn anew meanwhile.
        self.runner.start(
            partial(
                jobs.run, images.pixels(image), reading, layer.data, known, sheet.given
            )
        )
        self._refresh()

    def leave(self) -> None:
        """Leave the layers alone and end whatever runs."""
        self._soon.stop()
        self._links.cut()
        self._lasting.cut()
        self.clicks.leave()
        self.runner.drop()

    def _connect(self) -> None:
        view = self.view
        self._lasting.connect(self._layers.events.inserted, self._offer)
        self._lasting.connect(self._layers.events.removed, self._offer)
        view.cells.currentIndexChanged.connect(self._choose_cells)
        view.image.currentIndexChanged.connect(self._refresh)
        view.table.taken.connect(self._on_row)
        view.table.renamed.connect(self._on_renamed)
        view.add.clicked.connect(self._add)
        view.remove.clicked.connect(self._remove)
        view.clear.clicked.connect(self._clear)
        view.classify.clicked.connect(self.classify)
        view.export.clicked.connect(self._export)
        self.press_by_keys(self.classify)
        self.clicks.turned.connect(self._turn_to)
        self.clicks.clicked.connect(self.give)
        self.clicks.pressed.connect(self.take)
        self.clicks.confirmed.connect(self.classify)
        self.runner.progressed.connect(self._on_progress)
        self.runner.returned.connect(self._on_classified)
        self.runner.refused.connect(self._on_refused)
        self.runner.idle.connect(self._refresh)
        self.export.told.connect(self._tell)

    def _offer(self, _event: object = None) -> None:
        """Offer the layers that there are now."""
        cells = class_layer.cell_layers(self._layers)
        self._sheets = [s for s in self._sheets if s.cells in cells]
        for sheet in self._sheets:
            if sheet.layer is not None and sheet.layer not in self._layers:
                sheet.layer = None
        before = self.view.cells.value
        self.view.cells.offer([(layer.name, layer) for layer in cells], before)
        self._choose_cells()

    def _choose_cells(self) -> None:
        """Turn to the chosen cells, and offer the images that they fit."""
        cells: Labels | None = self.view.cells.value
        self._links.cut()
        chosen, fitting = None, []
        if cells is not None:
            if self.sheet is None:
                self._open(cells)
            self._links.connect(cells.events.data, self._on_cells)
            self._links.connect(cells.events.labels_update, self._on_cells)
            every = (x for x in self._layers if class_layer.is_image(x))
            fitting = [i for i in every if class_layer.reading_of(i, cells)]
            before = self.view.image.value
            own = class_layer.image_of(self._layers, cells)
            chosen = before if before in fitting else own
            self._soon.start()
        self.view.image.offer([(i.name, i) for i in fitting], chosen)
        self._refresh()

    def _open(self, cells: Labels) -> None:
        sheet = Sheet.of(cells)
        sheet.layer = class_layer.find(self._layers, cells)
        self._sheets.append(sheet)

    def _shown(self, sheet: Sheet) -> Labels:
        """Return the layer of the classes, which is made when it is first needed."""
        if sheet.layer is None:
            sheet.layer = class_layer.make(self._layers, sheet.cells)
            sheet.show()
        return sheet.layer

    def _turn_to(self, layer: Labels) -> None:
        """Choose the cells whose classes a layer shows."""
        sheet = next((s for s in self._sheets if s.layer is layer), None)
        if sheet is not None and sheet is not self.sheet:
            self.view.cells.choose(sheet.cells)

    def _on_row(self, row: int) -> None:
        if self.sheet is not None:
            self.take(self.sheet.entries[row].key)

    def _on_renamed(self, row: int, name: str) -> None:
        sheet = self.sheet
        if sheet is not None:
            entry = sheet.entries[row]
            if not sheet.rename(entry.key, name):
                text = f"Another class is called '{name}'." if name else "No name."
                self._news = Line(f"{text} Give each a name of its own.", Tone.WARNING)
            sheet.show()
            self._refresh()

    def _add(self) -> None:
        sheet = self.sheet
        if sheet is not None and sheet.add() and sheet.taken is not None:
            self.take(sheet.taken)

    def _remove(self) -> None:
        sheet = self.sheet
        if sheet is not None and sheet.taken is not None:
            sheet.remove(sheet.taken)
            self._update(sheet)

    def _clear(self) -> None:
        sheet = self.sheet
        if sheet is not None:
            sheet.clear()
            self._news = None
            self._update(sheet)

    def _update(self, sheet: Sheet) -> None:
        """Show other examples, and classify again where that was done before."""
        sheet.show()
        if sheet.guessed and sheet.ready:
            self.classify()
        self._refresh()

    def _on_cells(self, _event: object) -> None:
        self._soon.start()

    def _follow(self) -> None:
        """Let the classes follow the cells, which were drawn anew."""
        sheet = self.sheet
        if sheet is None:
            return
        if sheet.layer is None:
            # Classes that a session brought along are shown at once.
            if sheet.keys():
                self._shown(sheet)
            self._refresh()
            return
        now = labels_of(sheet.cells)
        if np.array_equal(now, sheet.layer.data):
            return
        again = self._give_up(sheet) or bool(sheet.guessed)
        sheet.carry(now)
        sheet.described = None
        sheet.layer.data = now.copy()
        sheet.show()
        if again and sheet.ready:
            self.classify()
        self._refresh()

    def _give_up(self, sheet: Sheet) -> bool:
        """Take no notice of a run on cells as they were; return whether there was one.

        Its classes would come under numbers that other cells may bear by now.
        """
        asked = self._asked if self.runner.running else None
        if asked is None or asked[0] is not sheet:
            return False
        self.runner.drop()
        self._asked = None
        return True

    def _on_progress(self, tick: Described) -> None:
        self.view.progress.show_progress(tick.step, tick.total, busy=True)

    def _on_classified(self, result: jobs.Classified) -> None:
        asked, self._asked = self._asked, None
        if asked is None or asked[0] not in self._sheets:
            return
        # Another image may have been chosen meanwhile.
        sheet, image, names = asked
        sheet.described = (image, result.features)
        sheet.learn(result.classes, names)
        sheet.show()
        self._tell(words.classified(result.classes))

    def _on_refused(self, reason: str) -> None:
        self._tell(Line(reason, Tone.WARNING))

    def _export(self) -> None:
        if self.sheet is not None:
            self.export.ask(self.sheet, self.view.image.value)

    def _tell(self, line: Line) -> None:
        self._news = line
        self._refresh()

    def _refresh(self) -> None:
        """Bring every part of the view in line with what is there."""
        sheet, busy = self.sheet, self.runner.running
        image = self.view.image.value is not None
        self.view.show_sheet(sheet, image=image, busy=busy)
        line = words.next_step(sheet, image=image, busy=busy)
        first = busy and sheet is not None and not sheet.guessed
        if self._news is not None and sheet is not None and image and not first:
            line = self._news
        self.view.status.show_line(line)
