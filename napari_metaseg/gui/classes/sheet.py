"""What is known of the classes of one layer of cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from napari_metaseg.core.classes import MOST, CellClass, find_again

from . import class_layer, table
from .palette import Entry, new_entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from napari.layers import Image, Labels
    from numpy.typing import NDArray

    from napari_metaseg.core.classes import Classes
    from napari_metaseg.workflows.classify import CellFeatures

    _Guesses: TypeAlias = dict[int, tuple[int, float]]
    _Settled: TypeAlias = tuple[NDArray[np.integer], dict[int, int], _Guesses]

_FIRST = (Entry(1, "Class 1"), Entry(2, "Class 2"))


@dataclass
class Sheet:
    """Classes of the cells of one layer.

    Attributes
    ----------
    cells : Labels
        The layer of cells.
    entries : tuple of Entry
        The classes.
    examples : dict of int to int
        Key of the class of each example, by the cell's number.
    guessed : dict of int to (int, float)
        Key and probability of the class of every cell, once classified.
    taken : int or None
        Key of the class in hand.
    layer : Labels or None
        The layer that shows them. Its data are the cells as they were last seen.
    described : (Image, CellFeatures) or None
        What was computed of these cells in an image.
    settled : (array of int, dict, dict) or None
        Cells, examples and guesses as they were before the cells were first drawn anew
        since the person last gave or took back an example. Cells are found again from
        there, for a preview, or a look at another result, may lack some of them.
    """

    cells: Labels
    entries: tuple[Entry, ...] = _FIRST
    examples: dict[int, int] = field(default_factory=dict)
    guessed: dict[int, tuple[int, float]] = field(default_factory=dict)
    taken: int | None = None
    layer: Labels | None = None
    described: tuple[Image, CellFeatures] | None = None
    settled: _Settled | None = None

    @classmethod
    def of(cls, cells: Labels) -> Sheet:
        """Open the sheet of a layer, with the classes that its table tells of."""
        sheet = cls(cells)
        there = table.read_classes(cells)
        names = list(dict.fromkeys(cell.name for cell in there.values()))[:MOST]
        if names:
            keys = {name: key for key, name in enumerate(names, start=1)}
            sheet.entries = tuple(Entry(key, name) for name, key in keys.items())
            while len(sheet.entries) < len(_FIRST):
                sheet.add()
            sheet.taken = None
            for number, cell in there.items():
                if cell.example and cell.name in keys:
                    sheet.examples[number] = keys[cell.name]
                elif cell.name in keys:
                    sheet.guessed[number] = keys[cell.name], cell.probability
        return sheet

    @property
    def names(self) -> dict[int, str]:
        """Name of each class, by its key."""
        return {entry.key: entry.name for entry in self.entries}

    @property
    def given(self) -> dict[int, str]:
        """Name of the class of each example, by the cell's number, in order of keys."""
        ordered = sorted(self.examples.items(), key=lambda item: item[1])
        return {number: self.names[key] for number, key in ordered}

    @property
    def ready(self) -> bool:
        """Whether there are examples of two classes."""
        return len(set(self.examples.values())) > 1

    def give(self, number: int) -> bool:
        """Make a cell an example of the class in hand, or take it back if it is one.

        Returns
        -------
        bool
            Whether it is one now.
        """
        assert self.taken is not None
        self.settled = None
        if self.examples.get(number) == self.taken:
            del self.examples[number]
            return False
        self.examples[number] = self.taken
        return True

    def add(self) -> bool:
        """Add a class and take it; whether there was room for one."""
        entry = new_entry(self.entries)
        if entry is None:
            return False
        self.entries = tuple(sorted((*self.entries, entry), key=lambda e: e.key))
        self.taken = entry.key
        return True

    def remove(self, key: int) -> None:
        """Remove a class with its examples."""
        self.entries = tuple(e for e in self.entries if e.key != key)
        self.examples = {n: k for n, k in self.examples.items() if k != key}
        self.guessed = {n: p for n, p in self.guessed.items() if p[0] != key}
        self.taken = self.settled = None

    def clear(self) -> None:
        """Take back all examples, and what came of them."""
        self.examples, self.guessed, self.settled = {}, {}, None

    def rename(self, key: int, name: str) -> bool:
        """Give a class another name; whether it is one that no other has."""
        if not name or name in (n for k, n in self.names.items() if k != key):
            return False
        self.entries = tuple(
            Entry(key, name) if e.key == key else e for e in self.entries
        )
        return True

    def learn(self, classes: Classes, names: Mapping[int, str]) -> None:
        """Keep what was found.

        Parameters
        ----------
        classes : Classes
            Under the names that classes had when they were asked for.
        names : mapping of int to str
            Those names, by the classes' keys.
        """
        keys = {name: key for key, name in names.items() if key in self.names}
        self.guessed = {
            number: (keys[cell.name], cell.probability)
            for number, cell in classes.by_number().items()
            if cell.name in keys
        }

    def carry(self, now: NDArray[np.integer]) -> None:
        """Follow the cells to another segmentation."""
        assert self.layer is not None
        if self.settled is None:
            self.settled = self.layer.data, self.examples, self.guessed
        before, examples, guessed = self.settled
        if before.shape != now.shape:
            self.examples, self.guessed = {}, {}
            return
        old = find_again(before, now, {*examples, *guessed})
        self.examples = {n: examples[k] for n, k in old.items() if k in examples}
        self.guessed = {n: guessed[k] for n, k in old.items() if k in guessed}

    def classes(self) -> dict[int, CellClass]:
        """Return the class of every cell that has one, by number, in order of keys."""
        names, keys = self.names, self.keys()
        return {
            n: CellClass(names[keys[n]], 1.0, example=True)
            if n in self.examples
            else CellClass(names[keys[n]], self.guessed[n][1])
            for n in sorted(keys, key=lambda n: keys[n])
        }

    def keys(self) -> dict[int, int]:
        """Return the key of the class of every cell that has one, by its number."""
        return {n: key for n, (key, _) in self.guessed.items()} | self.examples

    def show(self) -> None:
        """Bring colours and tables of both layers in line with what is known."""
        keys = self.keys()
        classes = self.classes()
        table.write_classes(self.cells, classes)
        if self.layer is not None:
            colours = {e.key: e.colour for e in self.entries}
            shown = {number: colours[key] for number, key in keys.items()}
            class_layer.paint(self.layer, shown, self.examples)
            table.write_classes(self.layer, classes)
