"""What a click or a drag with a tool does to the annotation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.core import edits, reshape
from napari_metaseg.core.cut_out import Box, cell_at
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.words import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_metaseg.core.cut_out import Point
    from napari_metaseg.core.edits import Edit


class Tool(Enum):
    """A way to correct; its value tells what to do with it."""

    ACCEPT = "Click cells that are right, or drag a rectangle around several."
    REJECT = "Click what is no cell, or drag a rectangle around several."
    SPLIT = "Drag a line right across a cell to cut it in two."
    JOIN = "Click two parts of a cell, one after the other, to join them."
    FINISH = (
        "Drag a rectangle in which all cells are painted or accepted; "
        "the rest of it becomes background."
    )


@dataclass(frozen=True, slots=True)
class Plane:
    """What is corrected.

    Attributes
    ----------
    index : tuple of int
        Which plane of the annotation it is; empty for a single one.
    annotation : (Y, X) array of int32
        The plane as it is painted.
    shown : (Y, X) array of int32
        The instances shown of it.
    """

    index: tuple[int, ...]
    annotation: NDArray[np.int32]
    shown: NDArray[np.int32]

    def check_cell(self, place: NDArray[np.floating]) -> None:
        """Raise a `UserError` if there is no cell, predicted or painted."""
        cell_at(self.annotation, self.shown, _pixel(place))


def correction(
    plane: Plane, tool: Tool, path: NDArray[np.floating], *, dragged: bool
) -> Edit:
    """Return the edit that a gesture asks for.

    Parameters
    ----------
    plane : Plane
        What is corrected.
    tool : Tool
        The tool used.
    path : (N, 2) array of float
        Where the mouse was, (y, x) in px.
    dragged : bool
        Whether it moved; else it is a click.

    Returns
    -------
    Edit

    Raises
    ------
    UserError
        If there is nothing to correct, or the tool wants another gesture.
    """
    annotation, shown = plane.annotation, plane.shown
    height, width = annotation.shape
    box = Box.between(path[0], path[-1], (height, width))
    match tool, dragged:
        case Tool.ACCEPT, False:
            return edits.accept(annotation, shown, _pixel(path[0]))
        case Tool.ACCEPT, True:
            return edits.accept_within(annotation, shown, box)
        case Tool.REJECT, False:
            return edits.reject(annotation, shown, _pixel(path[0]))
        case Tool.REJECT, True:
            return edits.reject_within(annotation, shown, box)
        case Tool.SPLIT, True:
            return reshape.split(annotation, shown, [_pixel(place) for place in path])
        case Tool.JOIN, True:
            ends = _pixel(path[0]), _pixel(path[-1])
            return reshape.join(annotation, shown, *ends)
        case Tool.FINISH, True:
            return edits.complete(annotation, shown, box)
    raise UserError(tool.value)


def done(tool: Tool, edit: Edit) -> str:
    """Say what a correction has done."""
    cells = counted(edit.cells, "cell")
    match tool:
        case Tool.ACCEPT:
            return f"{cells} accepted, for the next Adapt to learn from."
        case Tool.REJECT:
            return f"{cells} rejected."
        case Tool.SPLIT:
            return f"Cut into {cells}."
        case Tool.JOIN:
            return "Joined into one cell."
    text = "Region finished: what is unpainted in it counts as background"
    if edit.cells:
        text += f", {cells} that you had not accepted too (Ctrl+Z takes it back)"
    return f"{text}."


def _pixel(place: NDArray[np.floating]) -> Point:
    y, x = np.round(place)
    return int(y), int(x)
