"""From a painted image at working scale to the crops the inner loop sees."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage as ndi
from torch import Tensor

from .evidence import fit_evidence, network_input
from .filters import REACH, filter_bank
from .inner_loop import Support
from .instances import off_the_border
from .losses import Sparse
from .network import STRIDE
from .rejected import rejected_objects
from .scaling import WORKING_DIAMETER
from .targets import SparseTarget, sparse_target

if TYPE_CHECKING:
    from numpy.typing import NDArray

N = TypeVar("N", bound=np.generic)

CROP = 96
"""Side (px at working scale) of a support crop: four cells wide."""

MARGIN = 16
"""Context (px) around an annotated piece of up to ``CROP - 2 * MARGIN`` px inside its
crop, unless the image ends there; larger pieces are covered by several crops."""

USUAL_AREA = math.pi / 4 * WORKING_DIAMETER**2
"""Area (px at working scale) of a cell of the working diameter. A painted cell counts
at most as much as this one, whatever its area: giants that are painted as corrections
would else outweigh the cells that are usual. In ten corrections they took the AP@0.5 of
nerve cells in electron microscopy from 0.59 to 0.37; now 0.52 remains."""

MAX_CROPS = 32
"""Crops with cells, and crops without, beyond this number are left out, so that memory
stays bounded."""


def crop_corners(annotation: NDArray[np.integer]) -> list[tuple[int, int]]:
    """Place square crops so that every annotated pixel lies in one.

    Parameters
    ----------
    annotation : (Y, X) array of int
        At least `CROP` px a side; 0 = unknown.

    Returns
    -------
    list of (int, int)
        Upper left corners (y, x). Each crop is centred on what is still
        uncovered of one cell or stroke, as far as the image allows.
    """
    pieces, n = ndi.label(annotation != 0, np.ones((3, 3)))
    left = annotation != 0
    corners: list[tuple[int, int]] = []
    for piece in range(1, n + 1):
        while (rest := np.argwhere((pieces == piece) & left)).size:
            anchor = rest[0]
            near = rest[(np.abs(rest - anchor) < CROP - 2 * MARGIN).all(1)]
            centre = (near.min(0) + near.max(0) + 1) // 2
            y, x = (
                int(np.clip(c - CROP // 2, 0, n_px - CROP))
                for c, n_px in zip(centre, annotation.shape, strict=True)
            )
            corners.append((y, x))
            left[y : y + CROP, x : x + CROP] = False
    return corners


def pad_to(
    array: NDArray[N], least: int, multiple: int, mode: Literal["edge", "constant"]
) -> NDArray[N]:
    """Pad the last two axes at their ends.

    Parameters
    ----------
    array : (..., Y, X) array
        Image or labels.
    least : int
        Smallest side (px) after padding.
    multiple : int
        Sides become multiples of this.
    mode : str
        Mode of `numpy.pad`: ``"edge"`` for images, ``"constant"`` for labels.

    Returns
    -------
    array
    """
    ends = [max(least, -(-n // multiple) * multiple) - n for n in array.shape[-2:]]
    if not any(ends):
        return array
    widths = [(0, 0)] * (array.ndim - 2) + [(0, end) for end in ends]
    return np.pad(array, widths, mode=mode)


class Crops(NamedTuple):
    """What was painted, before it is said what each channel counts.

    Attributes
    ----------
    images : (N, C, Y, X) tensor
        Normalised crops around painted cells and strokes.
    responses : (N, F, Y, X) tensor
        Their `filter_bank`, from filters that see beyond the crops' edges.
    target : Sparse
        Their sparse targets.
    cells : (N, Y, X) tensor of int32
        Numbers of the painted cells, those that a crop's edge may cut off left out.
    """

    images: Tensor
    responses: Tensor
    target: Sparse
    cells: Tensor

    def to(self, device: torch.device | str) -> Crops:
        """Copy to a device."""
        target = Sparse(*(t.to(device) for t in self.target))
        images, responses, cells = (
            t.to(device) for t in (self.images, self.responses, self.cells)
        )
        return Crops(images, responses, target, cells)

    def chosen(self, which: Tensor) -> Crops:
        """Return some of the crops, by number."""
        target = Sparse(*(t[which] for t in self.target))
        cells = self.cells[which]
        return Crops(self.images[which], self.responses[which], target, cells)

    def apart(self) -> Crops:
        """Give cells that all lie in one crop a crop each, so that one can be left out.

        In each of these only one cell is known. They are for rehearsals: what is there
        of the others counts as what its surroundings are, and does so twice.

        Returns
        -------
        Crops
            The same crops, where cells lie in several, or where there is but one cell.
        """
        painted = self.target.painted.flatten(1).any(1)
        numbers = torch.unique(self.cells[self.cells > 0])
        if int(painted.sum()) != 1 or len(numbers) < 2:
            return self
        (at,) = painted.nonzero()[:, 0].tolist()
        count = len(numbers)
        order = [at] * count + [k for k in range(len(self.cells)) if k != at]
        crops = self.chosen(torch.tensor(order, device=self.cells.device))
        target, own = crops.target, torch.zeros_like(crops.cells, dtype=torch.bool)
        own[:count] = crops.cells[:count] == numbers[:, None, None]
        alone = target.painted * own
        # A neighbour that touches the cell ends it, as what is unknown does.
        ring = F.max_pool2d(alone[:, None], 3, 1, 1)[:, 0] * ~own
        target = Sparse(alone, target.stroke, ring, target.cue * own)
        return crops._replace(target=target, cells=crops.cells * own)

    def support(self, mix: Tensor | None = None) -> Support:
        """Fit the evidence and join the network's input.

        Crops of strokes far from any cell, and of rejected objects, serve the evidence
        alone: among the network's own they would shift the moments by which its
        features are normalised.

        Parameters
        ----------
        mix : (C,) tensor, optional
            What each channel counts, in the evidence and in the gray image.
        """
        painted, stroke, cue = self.target.painted, self.target.stroke, self.target.cue
        evidence, maps = fit_evidence(self.responses, painted, stroke, cue, mix)
        cells = painted.flatten(1).any(1)
        inputs = network_input(self.images[cells], maps[cells], mix)
        return Support(inputs, Sparse(*(t[cells] for t in self.target)), evidence, mix)


def make_support(
    planes: list[tuple[NDArray[np.float32], NDArray[np.int32]]],
) -> Support:
    """Cut the crops around everything that was painted, see `cut_crops`."""
    return cut_crops(planes).support()


def cut_crops(planes: list[tuple[NDArray[np.float32], NDArray[np.int32]]]) -> Crops:
    """Cut the crops around everything that was painted.

    What was rejected has crops of its own, without cells, wherever it lies.

    Parameters
    ----------
    planes : list of ((C, Y, X) array of float32, (Y, X) array of int32)
        Normalised images at working scale, each with its annotation.

    Returns
    -------
    Crops
        Of `CROP` px; of those with cells and of those without, an even choice where
        there are more than `MAX_CROPS`.
    """
    cells: list[_Cut] = []
    strokes: list[_Cut] = []
    for image, annotation in planes:
        image = pad_to(image, CROP, STRIDE, "edge")
        annotation = pad_to(annotation, CROP, STRIDE, "constant")
        rejected = rejected_objects(annotation)
        counts = weigh_cells(annotation)
        for drawn in np.where([~rejected, rejected], annotation, 0):
            for y, x in crop_corners(drawn):
                window = slice(y, y + CROP), slice(x, x + CROP)
                whole = off_the_border(np.maximum(drawn[window], 0))
                taught = _crop_target(drawn, window, counts)
                cut = _Cut(image, window, taught, whole)
                (cells if cut.target.painted.any() else strokes).append(cut)
    cuts = _some(cells) + _some(strokes)
    stacked = (np.stack(m) for m in zip(*(c.target for c in cuts), strict=True))
    target = Sparse(*map(torch.from_numpy, stacked))
    images = np.stack([cut.image[(slice(None), *cut.window)] for cut in cuts])
    responses = torch.stack([_responses(cut.image, cut.window) for cut in cuts])
    known = torch.from_numpy(np.stack([cut.cells for cut in cuts]))
    return Crops(torch.from_numpy(images), responses, target, known)


def weigh_cells(annotation: NDArray[np.int32]) -> NDArray[np.float32]:
    """Say what a pixel of each painted cell counts, see `USUAL_AREA`.

    Parameters
    ----------
    annotation : (Y, X) array of int32
        At working scale.

    Returns
    -------
    (K + 1,) array of float32
        In (0, 1], by the cell's number.
    """
    areas = np.bincount(np.maximum(annotation, 0).ravel())
    return np.minimum(1, USUAL_AREA / np.maximum(areas, 1)).astype(np.float32)


class _Cut(NamedTuple):
    """A window of a padded image, with what is known there."""

    image: NDArray[np.float32]
    window: tuple[slice, slice]
    target: SparseTarget
    cells: NDArray[np.int32]


def _some(cuts: list[_Cut]) -> list[_Cut]:
    """Choose `MAX_CROPS` evenly, where there are more."""
    if len(cuts) <= MAX_CROPS:
        return cuts
    chosen = np.linspace(0, len(cuts) - 1, MAX_CROPS).astype(int)
    return [cuts[i] for i in chosen]


def _responses(image: NDArray[np.float32], window: tuple[slice, slice]) -> Tensor:
    """Filter responses of one crop, from filters that see beyond its edge."""
    outer, inner = _with_context(window, image.shape[1:], REACH)
    context = np.ascontiguousarray(image[(slice(None), *outer)])
    return filter_bank(torch.from_numpy(context)[None])[0][(slice(None), *inner)]


def _with_context(
    window: tuple[slice, slice], shape: tuple[int, ...], margin: int
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Widen a window as far as the image allows, and place it in what results."""
    outer = tuple(
        slice(max(0, s.start - margin), min(n, s.stop + margin))
        for s, n in zip(window, shape, strict=True)
    )
    inner = tuple(
        slice(s.start - o.start, s.stop - o.start)
        for s, o in zip(window, outer, strict=True)
    )
    return outer, inner


def _crop_target(
    annotation: NDArray[np.int32],
    window: tuple[slice, slice],
    counts: NDArray[np.float32],
) -> SparseTarget:
    """Targets of one crop, with distances that see beyond its edge."""
    outer, inner = _with_context(window, annotation.shape, MARGIN)
    whole = sparse_target(annotation[outer], counts)
    return SparseTarget(*(np.ascontiguousarray(m[inner]) for m in whole))
