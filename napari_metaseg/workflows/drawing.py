"""What a network draws of images: all at once, or of large ones some parts first."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from napari_metaseg.core.network import STRIDE
from napari_metaseg.core.plane_output import PlaneOutput
from napari_metaseg.core.scaling import resize_labels, scaled_shape
from napari_metaseg.core.support import pad_to
from napari_metaseg.core.tiles import TILE, draw_tile, tile_windows, tiles_within
from napari_metaseg.core.windows import Shape, Window, meet, whole

from .around import judged_in

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from numpy.typing import NDArray

    from napari_metaseg.core.axes import Planes
    from napari_metaseg.core.network import PrototypeUNet
    from napari_metaseg.core.tiles import Tile

    from .adapted import View
    from .lens import Lens
    from .segmenter import Labels
    from .state import State
    from .wanted import Wanted


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
        self._blank: NDArray[np.bool_] | None = None
        if where is not None:
            self._blank = np.ones((height, width), bool)
            for tile in self._left:
                self._blank[tile.write] = False
        self._image: NDArray[np.float32] | None = None

    @property
    def output(self) -> PlaneOutput:
        """What has been drawn so far; 0 elsewhere."""
        maps = self._maps[:, : self._working[0], : self._working[1]]
        return PlaneOutput(maps, self._shape, self._lens.working_diameter)

    @property
    def left(self) -> tuple[Tile, ...]:
        """What is still to be drawn."""
        return tuple(self._left)

    def left_in(self, part: Window, first: Window) -> list[Tile]:
        """Return what is still to be drawn in a part.

        Parameters
        ----------
        part : Window
            At working scale.
        first : Window
            What the tiles begin with; they go on with what lies nearest.
        """

        def away(tile: Tile) -> float:
            pairs = zip(tile.write, first, strict=True)
            return float(
                np.hypot(*((a.start + a.stop - b.start - b.stop) for a, b in pairs))
            )

        return sorted((t for t in self._left if meet(t.write, part)), key=away)

    def around(self, annotations: Sequence[Labels]) -> list[Tile]:
        """Return what is to be drawn before cells can be judged, see `judged_in`.

        Of a large plane these are tiles of their own, which those that are `left` draw
        over: they fit what is painted, and the result does not depend on it.
        """
        working = self._lens.working_diameter
        windows = judged_in(annotations, self._working, working)
        if windows == [whole(self._shape)]:
            return self._left.copy()
        zoom, shape = self._lens.zoom, self._maps.shape[1:]
        scaled = (window_at(window, zoom, self._working) for window in windows)
        return [
            tile
            for part in scaled
            for tile in tile_windows((shape[0], shape[1]), TILE, part)
        ]

    def draw(self, tile: Tile) -> None:
        """Draw a tile."""
        if self._image is None:
            image = self._lens.look(self._planes, self._index)
            self._image = pad_to(image, STRIDE, STRIDE, "edge")
        module, state = self._network
        drawn = draw_tile(
            module,
            state.params,
            self._image,
            state.context,
            tile,
            mirrors=self._mirrors,
        )
        if self._blank is not None:
            drawn[:, self._blank[tile.write]] = 0
        self._maps[(slice(None), *tile.write)] = drawn
        if tile in self._left:
            self._left.remove(tile)
        if not self._left:
            self._image = None


Due: TypeAlias = tuple[Drawing, "Tile"]
"""What is to be drawn, and of which plane."""


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
        measured = (lens.on(view.planes) for view in views)
        self._drawings = [
            {
                index: Drawing(module, state, own, view.planes, index, where, mirrors)
                for index, where in _each(parts, len(view.planes.data))
            }
            for own, view, parts in zip(measured, views, wanted, strict=True)
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
        return not self.left()

    def left(self) -> list[Due]:
        """Return what is still to be drawn."""
        drawings = (d for drawn in self._drawings for d in drawn.values())
        return [(drawing, tile) for drawing in drawings for tile in drawing.left]

    def around(self) -> list[Due]:
        """Return what is to be drawn before cells can be judged."""
        due: list[Due] = []
        for view, drawn in zip(self._views, self._drawings, strict=True):
            for index, drawing in drawn.items():
                known = [view.planes.split(labels)[index] for labels in view.known]
                due += [(drawing, tile) for tile in drawing.around(known)]
        return due

    def plane(self, index: int) -> Drawing | None:
        """Return the drawing of a plane of the first image, if there is to be one."""
        return self._drawings[0].get(index)

    def draw(self, due: Sequence[Due]) -> Generator[float, None, None]:
        """Draw tiles.

        Yields
        ------
        float
            Share of them that is done.
        """
        for done, (drawing, tile) in enumerate(due, start=1):
            drawing.draw(tile)
            yield done / len(due)

    def _blank(self, planes: Planes) -> PlaneOutput:
        shape = planes.data.shape[-2], planes.data.shape[-1]
        working = scaled_shape(shape, self._lens.zoom)
        return PlaneOutput.blank(working, shape, self._lens.working_diameter)


def _each(
    parts: Wanted | None, planes: int
) -> Iterable[tuple[int, NDArray[np.bool_] | None]]:
    return dict.fromkeys(range(planes)).items() if parts is None else parts.items()


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
