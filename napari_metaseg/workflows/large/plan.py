"""What is to be segmented, and how it is divided."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.network import STRIDE
from napari_metaseg.core.scaling import scaled_shape
from napari_metaseg.core.stitch import BLOCK
from napari_metaseg.core.tiles import TILE, Tile, tile_windows
from napari_metaseg.core.windows import Shape, Window, grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_metaseg.core.plane_source import PlaneSource
    from napari_metaseg.core.settings import DecodeSettings
    from napari_metaseg.workflows.segmenter import Segmenter

CHUNK = 1024
"""Side (px) of the chunks of labels."""


@dataclass(frozen=True)
class Plan:
    """One image, one segmenter, and the rules.

    Attributes
    ----------
    segmenter : Segmenter
        Network and lens.
    source : PlaneSource
        The image.
    coarser : tuple of PlaneSource
        The same at lower resolutions.
    settings : DecodeSettings
        Threshold, splitting and rules.
    adapted : bool
        False: as the segmenter was before adaptation.
    link : str
        Axes along which cells keep their numbers, of T and Z; empty for none.
    tile, block, chunk : int
        Side (px) of what the network draws at once and of what is searched for cells
        at once, at working scale, and of a chunk of the labels.
    """

    segmenter: Segmenter
    source: PlaneSource
    coarser: tuple[PlaneSource, ...]
    settings: DecodeSettings
    adapted: bool = True
    link: str = ""
    tile: int = TILE
    block: int = BLOCK
    chunk: int = CHUNK

    @property
    def diameter(self) -> float:
        """Object size (px) at working scale."""
        return self.segmenter.lens.working_diameter

    @property
    def working(self) -> Shape:
        """Shape of each plane at working scale."""
        return scaled_shape(self.source.shape, self.segmenter.lens.zoom)

    @property
    def drawn_from(self) -> PlaneSource:
        """The coarsest image that is no coarser than the working scale."""
        height, width = self.working
        enough = [
            image
            for image in (self.source, *self.coarser)
            if image.shape[0] >= height and image.shape[1] >= width
        ]
        return min(enough, key=lambda image: image.shape[0], default=self.source)

    @cached_property
    def tiles(self) -> list[Tile]:
        """Tiles of the network: those that a whole plane is drawn in, too."""
        height, width = (-(-n // STRIDE) * STRIDE for n in self.working)
        return [
            Tile(_limited(read, self.working), keep, _limited(write, self.working))
            for read, keep, write in tile_windows((height, width), self.tile)
        ]

    @cached_property
    def blocks(self) -> list[Window]:
        """Blocks in which instances are found, at working scale."""
        return grid(self.working, self.block)

    @cached_property
    def levels(self) -> list[Shape]:
        """Shape of the planes of each level of the pyramid; the last fits a chunk."""
        levels = [self.source.shape]
        while max(levels[-1]) > self.chunk:
            height, width = levels[-1]
            levels.append((-(-height // 2), -(-width // 2)))
        return levels

    def chunks(self, level: int) -> list[Window]:
        """Chunks of each plane of a level."""
        return grid(self.levels[level], self.chunk)

    def identity(self, sample: NDArray[Any]) -> dict[str, Any]:
        """Describe image, model and rules, to know them again.

        Parameters
        ----------
        sample : array
            From `PlaneSource.sample`.

        Returns
        -------
        dict
            JSON-ready.
        """
        return {
            "shape": list(self.source.array.shape),
            "axes": self.source.axes,
            "channels": list(self.source.channels),
            "sample": _digest(sample),
            "model": self.segmenter.digest(),
            "adapted": self.adapted,
            "settings": asdict(self.settings),
            "link": self.link,
            "sides": [self.tile, self.block, self.chunk],
        }


def _limited(window: Window, shape: Shape) -> Window:
    y, x = (slice(s.start, min(s.stop, n)) for s, n in zip(window, shape, strict=True))
    return y, x


def _digest(array: NDArray[Any]) -> str:
    digest = hashlib.sha256(json.dumps([array.dtype.str, array.shape]).encode())
    digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
