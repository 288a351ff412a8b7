"""Crops of cells: one for each, all at one scale, without the other cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import sliding_window_view

from .intensity import measure_range

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 32
"""Side of a crop (px)."""

DIAMETER = 16.0
"""Diameter (px) of a typical cell of the image in its crop."""

COLOURS = 3
"""Channels of a crop that show the image; one more shows the cell's own mask."""


@dataclass(frozen=True, slots=True)
class CellPlane:
    """A plane whose cells can be cut out.

    Attributes
    ----------
    numbers : (N,) array of int
        Number of each cell, ascending.
    centres : (N, 2) array of int
        Pixel (y, x) around which each is cut out.
    sizes : (N,) array of float32
        log2 of each cell's diameter over that of a typical one.
    pixels : (3, Y, X) array of float32
        The image; 0 is the ground between the cells.
    labels : (Y, X) array of int
        The cells.
    window : int
        Side (px) of the image's part that becomes a crop.
    """

    numbers: NDArray[np.int64]
    centres: NDArray[np.intp]
    sizes: NDArray[np.float32]
    pixels: NDArray[np.float32]
    labels: NDArray[np.integer]
    window: int

    def crops(self, chosen: slice | NDArray[np.intp]) -> torch.Tensor:
        """Cut cells out.

        Parameters
        ----------
        chosen : slice or array of int
            Which of them, by their place in `numbers`.

        Returns
        -------
        (n, 4, SIDE, SIDE) tensor of float32
            The image in three channels, with other cells and what is outside the image
            replaced by the ground, and the cell's own mask.
        """
        before = self.window // 2
        pad = ((before, self.window - before),) * 2
        shape = (self.window, self.window)
        y, x = self.centres[chosen].T
        labels = sliding_window_view(np.pad(self.labels, pad), shape)[y, x]
        padded = np.pad(self.pixels, ((0, 0), *pad))
        shown = sliding_window_view(padded, shape, (1, 2))[:, y, x].swapaxes(0, 1)
        own = labels == self.numbers[chosen, None, None]
        visible = own | (labels <= 0)
        masked = shown * visible[:, None]
        parts = np.concatenate([masked, own[:, None]], 1, dtype=np.float32)
        resized: torch.Tensor = F.interpolate(
            torch.from_numpy(parts),
            (SIDE, SIDE),
            mode="bilinear",
            align_corners=False,
            antialias=True,
        )
        return resized


def cell_areas(labels: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the area (px) of every cell, in ascending order of their numbers."""
    _, areas = np.unique(labels[labels > 0], return_counts=True)
    return np.asarray(areas)


def typical_diameter(areas: NDArray[np.integer]) -> float:
    """Return the diameter (px) of a disk as large as the median cell; 1 without any."""
    return float(np.sqrt(4 * np.median(areas) / np.pi)) if len(areas) else 1.0


def find_cells(
    image: NDArray[np.generic], labels: NDArray[np.integer], typical: float
) -> CellPlane:
    """Find the cells of a plane.

    Parameters
    ----------
    image : (C, Y, X) array
        Any real type.
    labels : (Y, X) array of int
        Positive numbers name cells.
    typical : float
        Diameter (px) of a typical cell, see `typical_diameter`.

    Returns
    -------
    CellPlane
    """
    rows, columns = np.nonzero(labels > 0)
    numbers, which, areas = np.unique(
        labels[rows, columns], return_inverse=True, return_counts=True
    )
    centres = np.stack(
        [np.bincount(which, at, len(numbers)) / areas for at in (rows, columns)], 1
    )
    return CellPlane(
        numbers.astype(np.int64),
        np.round(centres).astype(np.intp),
        np.log2(np.sqrt(4 * areas / np.pi) / typical).astype(np.float32),
        _three_channels(image, labels),
        labels,
        max(2, round(SIDE * typical / DIAMETER)),
    )


def _three_channels(
    image: NDArray[np.generic], labels: NDArray[np.integer]
) -> NDArray[np.float32]:
    """Normalise the channels and make them three, with 0 for the ground.

    One channel is shown three times and of two the mean is added; more are replaced by
    their first three principal components over the cells.
    """
    scaled = np.stack([measure_range(channel).apply(channel) for channel in image])
    ground = labels <= 0
    if ground.any():
        level = np.median(scaled[:, ground], axis=1)
        scaled -= level.astype(np.float32)[:, None, None]
    if len(scaled) == 2:
        return np.concatenate([scaled, scaled.mean(0, keepdims=True)])
    if len(scaled) > COLOURS:
        inside = scaled[:, ~ground]
        _, vectors = np.linalg.eigh(inside @ inside.T)
        main = vectors[:, : -COLOURS - 1 : -1].T
        # A component and its negative are the same to eigh, but not to the network.
        main *= np.where(main.sum(1, keepdims=True) < 0, -1, 1)
        return np.tensordot(main.astype(np.float32), scaled, 1)
    return np.broadcast_to(scaled, (COLOURS, *scaled.shape[1:]))
