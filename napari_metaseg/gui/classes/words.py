"""What the dock says: news first, then the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_metaseg.core.words import counted
from napari_metaseg.gui.guidance import Line, Tone
from napari_metaseg.gui.look import ADAPT_KEY

if TYPE_CHECKING:
    from napari_metaseg.core.classes import Classes

    from .sheet import Sheet

SURE = 0.75
"""Probability below which a cell is worth a look."""


def next_step(sheet: Sheet | None, *, image: bool, busy: bool) -> Line:
    """Say what to do next.

    Parameters
    ----------
    sheet : Sheet or None
        The classes of the chosen cells.
    image : bool
        Whether an image is chosen in which they lie.
    busy : bool
        Whether cells are being classified.
    """
    if sheet is None:
        return Line("Segment an image first, or open a layer of labels.")
    if not image:
        return Line(
            f"No image fits '{sheet.cells.name}'; open the one it was made from.",
            Tone.WARNING,
        )
    if busy and not sheet.guessed:
        return Line("Looking at all cells…")
    if sheet.taken is None:
        return Line("Choose a class, by row or key, then click cells of it.")
    name = sheet.names[sheet.taken]
    if not sheet.ready:
        return Line(f"Click one to five cells of '{name}', then choose the next class.")
    return Line(f"Click more cells of '{name}', or press {ADAPT_KEY} to classify.")


def given(sheet: Sheet, number: int) -> Line:
    """Say what a click on a cell did."""
    if number in sheet.examples:
        name = sheet.names[sheet.examples[number]]
        return Line(f"Cell {number} is now an example of '{name}'.", Tone.DONE)
    return Line(f"Cell {number} is no example now.", Tone.DONE)


def classified(classes: Classes) -> Line:
    """Say what came of it, and what to do with it."""
    unsure = int((classes.certainty < SURE).sum())
    cells = counted(len(classes.numbers), "cell")
    hint = f"; {unsure} below {SURE:.0%}" if unsure else ""
    return Line(
        f"{cells} classified{hint}. Point at a cell to read its class in the status "
        "bar; click one with another class to correct it.",
        Tone.DONE,
    )
