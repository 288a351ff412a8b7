"""Classes as a person makes them: name, key and colour."""

from __future__ import annotations

from dataclasses import dataclass

from napari_metaseg.core.classes import MOST

# Told apart by colour-blind people (Okabe and Ito 2008), the best first; two greys.
COLOURS = (
    "#e69f00",
    "#56b4e9",
    "#009e73",
    "#f0e442",
    "#cc79a7",
    "#0072b2",
    "#d55e00",
    "#ffffff",
    "#999999",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A class.

    Attributes
    ----------
    key : int
        The digit that takes it, from 1; also says which colour it has.
    name : str
        What the person calls it.
    """

    key: int
    name: str

    @property
    def colour(self) -> str:
        """Its colour, as ``#rrggbb``."""
        return COLOURS[self.key - 1]


def new_entry(entries: tuple[Entry, ...]) -> Entry | None:
    """Return a class with the first free key; None where all are taken."""
    taken = {entry.key for entry in entries}
    free = (key for key in range(1, MOST + 1) if key not in taken)
    key = next(free, None)
    if key is None:
        return None
    names = {entry.name for entry in entries}
    numbers = range(key, key + len(entries) + 1)
    name = next(f"Class {n}" for n in numbers if f"Class {n}" not in names)
    return Entry(key, name)
