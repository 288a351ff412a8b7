"""What a network draws of images: all at once, or of large ones some parts first."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from napari_metaseg.core.network import STRIDE
from napari_metaseg.core.plane_output import PlaneOutput
from napari_metaseg.core.scaling import resize_labels, scaled_shape
from napari_metaseg.core.support import pad_to
from napari_metaseg.core.tiles import TILE, draw_tile, tiles_within
from napari_metaseg.core.windows import Shape, Window, grown, meet, whole

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from numpy.typing import NDArray

    from napari_metaseg.core.axes import Planes
    from napari_metaseg.core.network import PrototypeUNet

    from .adapted import View
    from .lens import Lens
    from .state import State
    from .wanted import Wanted

Parts: TypeAlias = dict[int, Window]
"""Windows at working scale, by the number of their plane."""

AT_ONCE = 1024 * 1024
"""Pixels (at working scale) up to which a plane is drawn as a whole."""

AROUND = 4
"""How much around painted cells is looked at first, in working diameters."""


class Drawing:
    """What the network in one state draws of one plane, in whichever order.

    Parameters
    ----------
    module, state : PrototypeUNet, State
        The network.
    lens : Lens
        How the image is looked at.
    planes : Planes
        The image.
    index : int
        Which plane of it.
    where : (Y, X) array of bool, or None
        What of it is wanted, None for all; the rest stays blank.
    mirrors : int
        See `draw_tile`.
    """

    def __init__(
        self,
        module: PrototypeUNet,
        state: State,
        lens: Lens,
        planes: Planes,
        index: int,
        where: NDArray[np.bool_] | None = None,
        mirrors: int = 1,
    ) -> None:
        self._network = module, state
        self._mirrors = mirrors
        self._lens, self._planes, self._index = lens, planes, index
        self._shape = planes.data.shape[-2], planes.data.shape[-1]
        self._working = scaled_shape(self._shape, lens.zoom)
        height, width = (-(-n // STRIDE) * STRIDE for n in self._working)
        wanted = None if where is None else resize_labels(where, self._working)
        self._left = list(tiles_within((height, width), TILE, wanted))
        self._maps = np.zeros((2, height, width), np.float16)
        self._image: NDArray[np.float32] | None = None

    @property
    def output(self) -> PlaneOutput:
        """What has been drawn so far; 0 elsewhere."""
        maps = self._maps[:, : self._working[0], : self._working[1]]
        return PlaneOutput(maps, self._shape, self._lens.working_diameter)

    def left(self, part: Window | None = None) -> int:
        """Return how many tiles are still to be drawn, of all or in a part."""
        return sum(part is None or meet(tile.write, part) for tile in self._left)

    def draw(self, part: Window | None = None) -> Generator[None, None, None]:
        """Draw what is still to be drawn; yields after each tile."""
        due = [t for t in self._left if part is None or meet(t.write, part)]
        if due and self._image is None:
            image = self._lens.look(self._planes, self._index)
            self._image = pad_to(image, STRIDE, STRIDE, "edge")
        module, state = self._network
        for tile in due:
            assert self._image is not None
            drawn = draw_tile(
                module,
                state.params,
                self._image,
                state.context,
                tile,
                mirrors=self._mirrors,
            )
            self._maps[(slice(None), *tile.write)] = drawn
            self._left.remove(tile)
            yield
        if not self._left:
            self._image = None


class Drawings:
    """What the network in one state draws of several images.

    Parameters
    ----------
    module, state, lens
        As those of `Drawing`.
    views : sequence of View
        The images.
    wanted : sequence of (Wanted or None)
        Of each image, what is drawn, see `parts_to_draw`; None for all. The rest is
        blank.
    mirrors : int
        See `draw_tile`.
    """

    def __init__(
        self,
        module: PrototypeUNet,
        state: State,
        lens: Lens,
        views: Sequence[View],
        wanted: Sequence[Wanted | None],
        mirrors: int = 1,
    ) -> None:
        self._lens, self._views = lens, views
        self._drawings = [
            {
                index: Drawing(module, state, lens, view.planes, index, where, mirrors)
                for index, where in _each(parts, len(view.planes.data))
            }
            for view, parts in zip(views, wanted, strict=True)
        ]

    @property
    def outputs(self) -> list[list[PlaneOutput]]:
        """What has been drawn so far, of each plane of each image."""
        return [
            [
                drawn[index].output if index in drawn else self._blank(view.planes)
                for index in range(len(view.planes.data))
            ]
            for view, drawn in zip(self._views, self._drawings, strict=True)
        ]

    @property
    def complete(self) -> bool:
        """Whether nothing is left to be drawn."""
        return not any(d.left() for drawn in self._drawings for d in drawn.values())

    def draw(
        self, parts: Sequence[Parts] | None = None
    ) -> Generator[float, None, None]:
        """Draw what is still to be drawn, of everything or only in some parts.

        Parameters
        ----------
        parts : sequence of Parts, optional
            Of each image.

        Yields
        ------
        float
            Share of that which is done.
        """
        due = [
            (drawing, None if parts is None else parts[number][index])
            for number, drawn in enumerate(self._drawings)
            for index, drawing in drawn.items()
            if parts is None or index in parts[number]
        ]
        total = sum(drawing.left(part) for drawing, part in due)
        done = 0
        for drawing, part in due:
            for _ in drawing.draw(part):
                done += 1
                yield done / total

    def _blank(self, planes: Planes) -> PlaneOutput:
        shape = planes.data.shape[-2], planes.data.shape[-1]
        working = scaled_shape(shape, self._lens.zoom)
        return PlaneOutput.blank(working, shape, self._lens.working_diameter)


def _each(
    parts: Wanted | None, planes: int
) -> Iterable[tuple[int, NDArray[np.bool_] | None]]:
    return dict.fromkeys(range(planes)).items() if parts is None else parts.items()


def first_parts(view: View, lens: Lens) -> Parts:
    """Say what is to be drawn of an image before its cells can be judged.

    Parameters
    ----------
    view : View
        The image and what is annotated on it.
    lens : Lens
        How it is looked at.

    Returns
    -------
    Parts
        Everything; of a plane that is too large for that, what is around painted and
        held-out cells. It depends on nothing else, as the result must not.
    """
    data = view.planes.data
    working = scaled_shape((data.shape[-2], data.shape[-1]), lens.zoom)
    if working[0] * working[1] <= AT_ONCE:
        return dict.fromkeys(range(len(data)), whole(working))
    known = view.planes.split(view.annotation) > 0
    if view.held_out is not None:
        known = known | (view.planes.split(view.held_out) > 0)
    reach = round(AROUND * lens.working_diameter)
    boxes = {index: _box(plane) for index, plane in enumerate(known) if plane.any()}
    return {
        index: grown(window_at(box, lens.zoom, working), reach, working)
        for index, box in boxes.items()
    }


def window_at(window: Window, zoom: float, working: Shape) -> Window:
    """Bring a window of the image to working scale, see `to_working_scale`."""
    pairs = zip(window, working, strict=True)
    rows, columns = (to_working_scale(part, zoom, n) for part, n in pairs)
    return rows, columns


def to_working_scale(part: slice, zoom: float, length: int) -> slice:
    """Bring a slice of the image to working scale; it stays at least a pixel.

    Parameters
    ----------
    part : slice
        From a start to a stop, at image scale.
    zoom : float
        Factor to working scale.
    length : int
        Length of the axis at working scale.
    """
    start = min(round(part.start * zoom), length - 1)
    return slice(start, max(start + 1, min(round(part.stop * zoom), length)))


def _box(mask: NDArray[np.bool_]) -> Window:
    """Return the smallest window that holds all of a mask that is not empty."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return (
        slice(int(rows[0]), int(rows[-1]) + 1),
        slice(int(columns[0]), int(columns[-1]) + 1),
    )
