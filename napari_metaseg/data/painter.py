"""A painter: simulates which cells people paint, and how."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

Labels = NDArray[np.int32]


def choose_cells(
    labels: Labels,
    diameters: dict[int, float],
    rng: np.random.Generator,
    *,
    number: int | None = None,
) -> list[int]:
    """Choose cells as people do: whole, and rather large than tiny.

    Parameters
    ----------
    labels : (Y, X) array of int32
        The target objects.
    diameters : dict
        Diameter (px) of every object.
    rng : numpy.random.Generator
        Source of chance.
    number : int, optional
        How many; by default one to five.

    Returns
    -------
    list of int
        Fewer where there are not so many; empty if no object is whole.
    """
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    present = np.setdiff1d(np.unique(labels), np.append(edge, 0))
    if not len(present):
        return []
    size = np.array([diameters[int(k)] for k in present])
    appeal = np.clip(size / np.median(size), 0.05, 1.6) ** 1.5
    appeal[size < 0.35 * np.median(size)] = 1e-3
    if number is None:
        number = int(rng.choice([1, 2, 3, 4, 5], p=[0.3, 0.2, 0.3, 0.1, 0.1]))
    number = min(number, len(size))
    chosen = rng.choice(present, number, replace=False, p=appeal / appeal.sum())
    return [int(k) for k in chosen]


def paint_cells(labels: Labels, cells: list[int], rng: np.random.Generator) -> Labels:
    """Paint the chosen cells with the imprecision of a hand.

    Parameters
    ----------
    labels : (Y, X) array of int32
        Instances at working scale.
    cells : list of int
        Those to paint.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    (Y, X) array of int32
        Annotation: cells as they are, or a pixel too large, too small or
        displaced; never over another painted cell, nor in more pieces than the cell.
    """
    field = np.pad(np.zeros_like(labels), 2)
    boxes = ndi.find_objects(labels, max(cells, default=0))
    for k in cells:
        way = str(
            rng.choice(["exact", "large", "small", "moved"], p=[0.5, 0.2, 0.15, 0.15])
        )
        shift = rng.integers(-1, 2, 2) if way == "moved" else (0, 0)
        box = boxes[k - 1]
        if box is None:
            continue
        drawn = _drawn(labels[box] == k, way)
        window = field[
            tuple(
                slice(s.start + 1 + d, s.stop + 3 + d)
                for s, d in zip(box, shift, strict=True)
            )
        ]
        window[drawn & (window == 0)] = k
    return np.ascontiguousarray(field[2:-2, 2:-2])


def _drawn(cell: NDArray[np.bool_], way: str) -> NDArray[np.bool_]:
    """Return a cell, with a margin of 1 px, as large or as small as it is drawn."""
    own = np.pad(cell, 1)
    if way == "large":
        return np.asarray(ndi.binary_dilation(own))
    if way == "small":
        smaller = ndi.binary_erosion(own)
        # Nobody tears a thin cell, or the rim of one, into pieces.
        if 0 < _pieces(smaller) <= _pieces(own):
            return np.asarray(smaller)
    return own


def _pieces(mask: NDArray[np.bool_]) -> int:
    return int(ndi.label(mask, np.ones((3, 3)))[1])


def add_strokes(
    annotation: Labels,
    everything: Labels,
    rng: np.random.Generator,
    *,
    number: int | None = None,
    scale: float = 1.0,
) -> Labels:
    """Draw short background strokes near the painted cells.

    Parameters
    ----------
    annotation : (Y, X) array of int32
        Painted cells at working scale.
    everything : (Y, X) array of int32
        All objects; strokes stay off them.
    rng : numpy.random.Generator
        Source of chance.
    number : int, optional
        How many; by default one to three.
    scale : float
        Size of the strokes, in units of those at working scale.

    Returns
    -------
    (Y, X) array of int32
    """
    free = ndi.binary_erosion(everything == 0, iterations=2) & (annotation == 0)
    painted = np.argwhere(annotation > 0)
    annotation = annotation.copy()
    for _ in range(int(rng.integers(1, 4)) if number is None else number):
        start = painted[rng.integers(len(painted))] + rng.normal(0, 20 * scale, 2)
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(8, 30) * scale
        along = np.arange(0, length, 0.5)[:, None]
        line = np.round(start + along * [np.sin(angle), np.cos(angle)]).astype(int)
        line = line[((line >= 0) & (line < annotation.shape)).all(1)]
        drawn = np.zeros(annotation.shape, bool)
        drawn[tuple(line.T)] = True
        annotation[ndi.binary_dilation(drawn, np.ones((3, 3))) & free] = -1
    return annotation


def reject_objects(
    annotation: Labels,
    objects: Labels,
    others: Labels,
    rng: np.random.Generator,
    *,
    number: int | None = None,
) -> Labels:
    """Reject what looks like an object and is none, anywhere in the image.

    Whoever rejects a false cell calls its whole shape background, mostly far from
    what is painted.

    Parameters
    ----------
    annotation : (Y, X) array of int32
        What is painted at working scale.
    objects : (Y, X) array of int32
        The target objects, which nobody rejects and whose shapes are borrowed.
    others : (Y, X) array of int32
        Objects of other kinds: the first to be rejected.
    rng : numpy.random.Generator
        Source of chance.
    number : int, optional
        How many; by default one to three.

    Returns
    -------
    (Y, X) array of int32
        The annotation, with -1 on what is rejected; fewer where there is no room.
    """
    annotation = annotation.copy()
    number = int(rng.integers(1, 4)) if number is None else number
    lookalikes = rng.permutation(np.unique(others[others > 0]))[:number]
    annotation[np.isin(others, lookalikes) & (annotation == 0)] = -1
    free = (annotation == 0) & (objects == 0) & (others == 0)
    boxes = [(k, box) for k, box in enumerate(ndi.find_objects(objects), 1) if box]
    for _ in range(number - len(lookalikes)):
        for _try in range(10):
            k, box = boxes[rng.integers(len(boxes))]
            shape = objects[box] == k
            y, x = (
                int(rng.integers(n - side + 1))
                for n, side in zip(objects.shape, shape.shape, strict=True)
            )
            window = slice(y, y + shape.shape[0]), slice(x, x + shape.shape[1])
            if free[window][shape].all():
                annotation[window][shape] = -1
                free[window][shape] = False
                break
    return annotation
