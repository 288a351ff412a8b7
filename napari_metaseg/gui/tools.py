"""Correcting with the mouse: accept, reject, split, join, and finish a region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_metaseg.core.errors import UserError

from . import layers
from .corrections import Plane, Tool, correction, done
from .guidance import Line, Tone
from .hold import Hold
from .links import after_rest
from .pieces import labels_of
from .trace import trace_over

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari.components import ViewerModel
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_metaseg.core.edits import Edit

    from .desk import Desk

_CLICK = 4  # px of the canvas within which a drag is still a click
_MOVING = "pan_zoom"  # where napari goes while the space bar is held


class Tools(QObject):
    """Holds one tool at a time, on the annotation of the chosen image.

    The mouse works on that layer only while a tool is held; Escape, a mode of
    napari's own, another layer or another image puts it down.

    Signals
    -------
    told :
        There is a new line, or another tool in hand.
    edited :
        Something was corrected.
    """

    told = Signal()
    edited = Signal()

    def __init__(self, viewer: ViewerModel, desk: Desk, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._desk = desk
        self._hold: Hold | None = None
        self._said: Line | None = None
        self._last: tuple[Labels, tuple[int, ...], int] | None = None
        self._soon = after_rest(self, 0, self._check)
        desk.image_changed.connect(self.put_down)
        desk.edited.connect(self._notice_undo)

    @property
    def tool(self) -> Tool | None:
        """The tool in hand."""
        return None if self._hold is None else self._hold.tool

    @property
    def line(self) -> Line | None:
        """What to tell about it; None without one, and with nothing to tell."""
        if self._hold is not None and self._hold.layer.mode == _MOVING:
            return Line("The mouse moves the image now; choose the tool to go on.")
        return self._said

    def take(self, tool: Tool) -> None:
        """Take a tool; the one in hand is put down again."""
        held = self.tool
        self.put_down()
        annotation = None if tool is held else self._desk.annotation_at_hand()
        if annotation is None:
            return
        for callback in list(annotation.mouse_drag_callbacks):
            other = getattr(callback, "__self__", None)
            if isinstance(other, Tools):  # of a second panel
                other.put_down()
        layers.point_at(self._viewer.layers, annotation)
        escape = annotation.bind_key("Escape", self._on_escape, overwrite=True)
        self._hold = hold = Hold(annotation, tool, escape)
        # Before the picker, which changes the label of the brush.
        annotation.mouse_drag_callbacks.insert(0, self._gesture)
        hold.links.connect(annotation.events.mode, self._on_mode)
        hold.links.connect(self._viewer.layers.selection.events.active, self._on_active)
        self._explain(tool)

    def put_down(self) -> None:
        """Give the brush back."""
        hold, self._hold = self._hold, None
        if hold is not None:
            hold.let_go()
            hold.links.cut()
            hold.layer.mouse_drag_callbacks.remove(self._gesture)
            hold.layer.bind_key("Escape", hold.escape, overwrite=True)
            if hold.layer.mode in (layers.POINTING, _MOVING):
                hold.layer.mode = "paint"
            self._say(None)

    def leave(self) -> None:
        """Put everything down for good."""
        self.put_down()
        self._soon.stop()

    def accept_visible(self) -> Line | None:
        """Accept all cells that lie wholly in what the window shows.

        Returns
        -------
        Line or None
            What came of it.
        """
        annotation = self._desk.annotation
        if annotation is None:
            return None
        place = annotation.world_to_data(self._viewer.dims.point)
        corners = annotation.corner_pixels[:, -2:].astype(float)
        path = np.stack([[*place[:-2], *corner] for corner in corners])
        return self._apply(annotation, Tool.ACCEPT, path, dragged=True)

    def judge(self, tool: Tool, place: tuple[int, ...]) -> Line | None:
        """Accept or reject the cell at a pixel, as a click with the tool would.

        Returns
        -------
        Line or None
            What came of it.
        """
        annotation = self._desk.annotation
        if annotation is None:
            return None
        path = np.array([place], float)
        return self._apply(annotation, tool, path, dragged=False)

    def _apply(
        self, layer: Labels, tool: Tool, path: NDArray[np.floating], *, dragged: bool
    ) -> Line | None:
        """Correct without a tool in hand, which has then nothing more to tell."""
        self._correct(layer, tool, path, dragged=dragged)
        said = self._said
        if self._hold is None:
            self._said = None
        return said

    def _on_escape(self, _layer: Labels) -> None:
        self.put_down()

    def _on_mode(self, _event: object) -> None:
        """See that napari's own buttons or keys chose another mode."""
        hold = self._hold
        if hold is None or hold.layer.mode in (layers.POINTING, _MOVING):
            self.told.emit()
        else:
            self.put_down()

    def _on_active(self, _event: object) -> None:
        self._soon.start()

    def _check(self) -> None:
        """Put the tool down if the person has turned to another layer."""
        if self._hold is not None:
            active = self._viewer.layers.selection.active
            if active is None or active != self._hold.layer:
                self.put_down()

    def _notice_undo(self) -> None:
        """Stop telling of a correction that was taken back."""
        if self._last is not None:
            layer, pixel, label = self._last
            if layer.data[pixel] != label:
                self._last = None
                self._explain(self.tool)

    def _explain(self, tool: Tool | None) -> None:
        self._say(None if tool is None else Line(f"{tool.value} Esc ends."))

    def _say(self, line: Line | None) -> None:
        self._said = line
        self.told.emit()

    def _gesture(self, layer: Labels, event: Any) -> Generator[None, None, None]:
        """Follow a click or a drag, and act when the button is let go."""
        hold = self._hold
        if hold is None or event.button != 1 or layer.mode != layers.POINTING:
            return
        start, path = np.array(event.pos), [layer.world_to_data(event.position)]
        hold.brush = layer.selected_label
        if hold.tool is not Tool.JOIN:
            hold.trace = trace_over(event, box=hold.tool is not Tool.SPLIT)
        yield
        while event.type == "mouse_move":
            path.append(layer.world_to_data(event.position))
            if hold.trace is not None:
                hold.trace.follow(event)
            yield
        hold.let_go()
        if self._hold is hold:
            path.append(layer.world_to_data(event.position))
            dragged = bool(np.abs(np.array(event.pos) - start).max() > _CLICK)
            self._correct(layer, hold.tool, np.array(path), dragged=dragged)

    def _correct(
        self, layer: Labels, tool: Tool, path: NDArray[np.floating], *, dragged: bool
    ) -> None:
        try:
            plane = self._plane(layer, path[0])
            edit = self._edit(plane, tool, path[:, -2:], dragged=dragged)
        except UserError as error:
            self._say(Line(str(error), Tone.WARNING))
            return
        if edit is not None:
            layers.write(layer, plane.index, edit)
            _spare_brush(layer, edit)
            pixel = (*plane.index, int(edit.rows[0]), int(edit.columns[0]))
            self._last = layer, pixel, int(edit.labels[0])
            self._say(Line(f"{done(tool, edit)} Ctrl+Z takes it back.", Tone.DONE))
            self.edited.emit()

    def _edit(
        self,
        plane: Plane,
        tool: Tool,
        path: NDArray[np.floating],
        *,
        dragged: bool,
    ) -> Edit | None:
        """Say what to change; None if a second click must come first."""
        hold = self._hold
        if tool is not Tool.JOIN or dragged or hold is None:
            return correction(plane, tool, path, dragged=dragged)
        first, hold.first = hold.first, None
        if first is not None and first[0] == plane.index:
            both = np.stack([first[1], path[-1]])
            return correction(plane, tool, both, dragged=True)
        plane.check_cell(path[0])
        hold.first = plane.index, path[0]
        self._say(Line("Now click the part that belongs to it. Esc ends."))
        return None

    def _plane(self, layer: Labels, place: NDArray[np.floating]) -> Plane:
        """Return the plane in view."""
        dims, image, reading = self._viewer.dims, self._desk.image, self._desk.reading
        if sorted(dims.displayed) != [dims.ndim - 2, dims.ndim - 1]:
            raise UserError("Show a single plane, in 2D, to correct its cells.")
        index = tuple(int(i) for i in np.round(place[:-2]))
        sizes = layer.data.shape[:-2]
        if not all(0 <= i < n for i, n in zip(index, sizes, strict=True)):
            raise UserError("This plane is not part of the image; go to one that is.")
        annotation = layer.data[index]
        if image is None or reading is None:
            return Plane(index, annotation, np.zeros_like(annotation))
        shown = layers.shown_cells(self._viewer.layers, image, reading)
        cells = np.zeros_like(annotation) if shown is None else labels_of(shown)[index]
        return Plane(index, annotation, cells)


def _spare_brush(layer: Labels, edit: Edit) -> None:
    """Load the brush with a new label if a corrected cell took the one it has."""
    if layer.selected_label > 0 and layer.selected_label in edit.labels:
        layer.selected_label = layers.next_label(layer)
