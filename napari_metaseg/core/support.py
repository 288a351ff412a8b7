"""From a painted image at working scale to the crops the inner loop sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

import numpy as np
import torch
from scipy import ndimage as ndi

from .evidence import fit_evidence, network_input
from .filters import REACH, filter_bank
from .inner_loop import Support
from .losses import Sparse
from .network import STRIDE
from .targets import SparseTarget, sparse_target

if TYPE_CHECKING:
    from numpy.typing import NDArray

N = TypeVar("N", bound=np.generic)

CROP = 96
"""Side (px at working scale) of a support crop: four cells wide."""

MARGIN = 16
"""Context (px) around an annotated piece of up to ``CROP - 2 * MARGIN`` px inside its
crop, unless the image ends there; larger pieces are covered by several crops."""

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


def make_support(
    planes: list[tuple[NDArray[np.float32], NDArray[np.int32]]],
) -> Support:
    """Cut the crops around everything that was painted.

    Crops of strokes far from any cell serve the evidence alone: among the network's
    own they would shift the moments by which its features are normalised.

    Parameters
    ----------
    planes : list of ((C, Y, X) array of float32, (Y, X) array of int32)
        Normalised images at working scale, each with its annotation.

    Returns
    -------
    Support
        Crops of `CROP` px with painted cells; where there are more than `MAX_CROPS`,
        with or without cells, an even choice of them.
    """
    cells: list[_Crop] = []
    strokes: list[_Crop] = []
    for image, annotation in planes:
        image = pad_to(image, CROP, STRIDE, "edge")
        annotation = pad_to(annotation, CROP, STRIDE, "constant")
        for y, x in crop_corners(annotation):
            window = slice(y, y + CROP), slice(x, x + CROP)
            crop = _Crop(image, window, _crop_target(annotation, window))
            (cells if crop.target.painted.any() else strokes).append(crop)
    cells = _some(cells)
    crops = cells + _some(strokes)
    stacked = (np.stack(m) for m in zip(*(c.target for c in crops), strict=True))
    target = Sparse(*map(torch.from_numpy, stacked))
    responses = torch.stack([_responses(crop.image, crop.window) for crop in crops])
    evidence, maps = fit_evidence(responses, target.painted, target.stroke, target.cue)
    images = np.stack([crop.image[(slice(None), *crop.window)] for crop in cells])
    shown = network_input(torch.from_numpy(images), maps[: len(cells)])
    return Support(shown, Sparse(*(t[: len(cells)] for t in target)), evidence)


class _Crop(NamedTuple):
    """A window of a padded image, with what is known there."""

    image: NDArray[np.float32]
    window: tuple[slice, slice]
    target: SparseTarget


def _some(crops: list[_Crop]) -> list[_Crop]:
    """Choose `MAX_CROPS` evenly, where there are more."""
    if len(crops) <= MAX_CROPS:
        return crops
    chosen = np.linspace(0, len(crops) - 1, MAX_CROPS).astype(int)
    return [crops[i] for i in chosen]


def _responses(image: NDArray[np.float32], window: tuple[slice, slice]) -> torch.Tensor:
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
    annotation: NDArray[np.int32], window: tuple[slice, slice]
) -> SparseTarget:
    """Targets of one crop, with distances that see beyond its edge."""
    outer, inner = _with_context(window, annotation.shape, MARGIN)
    whole = sparse_target(annotation[outer])
    return SparseTarget(*(np.ascontiguousarray(m[inner]) for m in whole))
