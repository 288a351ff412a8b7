"""Cells held out as a test: painted, but never learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from napari_metaseg.core.cut_out import cell_at
from napari_metaseg.core.errors import UserError

from . import layers, side_layers
from .guidance import Tone
from .teller import Teller

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import LayerList, ViewerModel
    from napari.layers import Image, Labels
    from numpy.typing import ArrayLike, NDArray
    from qtpy.QtCore import QObject

    from napari_metaseg.core.cut_out import Cell

    from .desk import Desk
    from .images import Reading

Index = tuple[int, ...]


class HeldOut(Teller):
    """Marks painted cells of the chosen image as a test.

    A mark is a point in a layer of its own: whichever cell is painted there is held
    out. So a mark survives undo, redo and other numbers; the person sees it, and may
    move or delete it as any point.
    """

    def __init__(self, viewer: ViewerModel, desk: Desk, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer, self._desk = viewer, desk

    def toggle(self) -> None:
        """Hold the cell under the mouse out, or take it back from the test.

        With the mouse elsewhere it is the cell of the brush's label.
        """
        image, reading = self._desk.image, self._desk.reading
        annotation = self._desk.annotation
        if image is None or reading is None or annotation is None:
            return
        try:
            index = self._target(annotation)
            held = self._switch(image, reading, annotation.data, index)
        except UserError as error:
            self.warn(str(error))
            return
        number = annotation.data[index]
        text = f"Cell {number} is learned from again."
        if held:
            text = (
                f"Cell {number} is held out: it is not learned from, and each Adapt "
                "tells how well it is found."
            )
        self.say(text, Tone.DONE)

    def _switch(
        self, image: Image, reading: Reading, drawn: NDArray[np.int32], index: Index
    ) -> bool:
        """Mark a cell or remove its marks, and return whether it is held out now."""
        tests = side_layers.find_tests(self._viewer.layers, image, reading)
        if tests is None:
            tests = side_layers.make_tests(self._viewer.layers, image, reading)
        marked = np.array([_in_cell(drawn, index, mark) for mark in tests.data], bool)
        if marked.any():
            tests.data = tests.data[~marked]
        else:
            tests.data = np.vstack([tests.data, _middle(drawn, index)])
        return not marked.any()

    def _target(self, annotation: Labels) -> Index:
        """Find a pixel of the cell that is meant."""
        drawn = annotation.data
        place = annotation.world_to_data(self._viewer.dims.point[-annotation.ndim :])
        if self._viewer.mouse_over_canvas:
            place = annotation.world_to_data(
                self._viewer.cursor.position[-annotation.ndim :]
            )
            index = _rounded(place)
            if _inside(index, drawn.shape) and drawn[index] > 0:
                return index
        label, plane = annotation.selected_label, _rounded(place)[:-2]
        if label > 0 and _inside(plane, drawn.shape[:-2]):
            pixels = np.argwhere(drawn[plane] == label)
            if len(pixels):
                return (*plane, *map(int, pixels[0]))
        raise UserError(
            "There is no painted cell under the mouse; point at one that is painted "
            "or accepted, and press H."
        )


def held_out_cells(
    layer_list: LayerList, image: Image, reading: Reading
) -> NDArray[np.int32] | None:
    """Return a copy of an image's held-out cells, or None without any."""
    annotation = layers.find_annotation(layer_list, image, reading)
    tests = side_layers.find_tests(layer_list, image, reading)
    if annotation is None or tests is None:
        return None
    found = cells_at(annotation.data, tests.data)
    return found if found.any() else None


def cells_at(
    annotation: NDArray[np.int32], places: Sequence[ArrayLike] | NDArray[np.floating]
) -> NDArray[np.int32]:
    """Copy the painted cells that lie under some places.

    Parameters
    ----------
    annotation : (..., Y, X) array of int32
        0 = unknown, k > 0 = one whole cell, -1 = background stroke.
    places : (N, ndim) array of float
        In px.

    Returns
    -------
    (..., Y, X) array of int32
        0 where none of these cells is.
    """
    result = np.zeros_like(annotation)
    for place in places:
        index = _rounded(place)
        if _inside(index, annotation.shape) and annotation[index] > 0:
            cell = _cell(annotation, index)
            result[index[:-2]][cell.box.slices][cell.mask] = cell.number
    return result


def _cell(annotation: NDArray[np.int32], index: Index) -> Cell:
    plane = annotation[index[:-2]]
    return cell_at(plane, np.zeros_like(plane), (index[-2], index[-1]))


def _middle(annotation: NDArray[np.int32], index: Index) -> Index:
    """Return the pixel of a cell that is farthest from its edge."""
    cell = _cell(annotation, index)
    depth = ndi.distance_transform_edt(np.pad(cell.mask, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    return (*index[:-2], cell.box.top + int(y), cell.box.left + int(x))


def _in_cell(annotation: NDArray[np.int32], index: Index, mark: ArrayLike) -> bool:
    """Whether a mark lies in the cell at a pixel."""
    at = _rounded(mark)
    same = at[:-2] == index[:-2]
    return same and bool(_cell(annotation, index).covers([(at[-2], at[-1])])[0])


def _rounded(place: ArrayLike) -> Index:
    return tuple(int(i) for i in np.round(np.asarray(place, float)))


def _inside(index: Index, shape: tuple[int, ...]) -> bool:
    return all(0 <= i < n for i, n in zip(index, shape, strict=True))
