"""From a painted image at working scale to the crops the inner loop sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

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
"""Support crops beyond this number are left out, so that memory stays bounded."""


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

    Parameters
    ----------
    planes : list of ((C, Y, X) array of float32, (Y, X) array of int32)
        Normalised images at working scale, each with its annotation.

    Returns
    -------
    Support
        Crops of `CROP` px; where there are more than `MAX_CROPS`, an even choice
        of them.
    """
    crops: list[tuple[NDArray[np.float32], tuple[slice, slice]]] = []
    targets: list[SparseTarget] = []
    for image, annotation in planes:
        image = pad_to(image, CROP, STRIDE, "edge")
        annotation = pad_to(annotation, CROP, STRIDE, "constant")
        for y, x in crop_corners(annotation):
            window = slice(y, y + CROP), slice(x, x + CROP)
            crops.append((image, window))
            targets.append(_crop_target(annotation, window))
    if len(crops) > MAX_CROPS:
        chosen = np.linspace(0, len(crops) - 1, MAX_CROPS).astype(int)
        crops, targets = [crops[i] for i in chosen], [targets[i] for i in chosen]
    stacked = (np.stack(maps) for maps in zip(*targets, strict=True))
    target = Sparse(*map(torch.from_numpy, stacked))
    images = np.stack([image[(slice(None), *window)] for image, window in crops])
    responses = torch.stack([_responses(image, window) for image, window in crops])
    evidence, maps = fit_evidence(responses, target.painted, target.stroke, target.cue)
    return Support(network_input(torch.from_numpy(images), maps), target, evidence)


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
