"""Outlines of instances: exact rings along the edges of pixels.

A pixel in row y and column x is the square from (x, y) to (x + 1, y + 1), as in
ImageJ, QuPath and COCO. Rings have their corners on this grid, so that filling them
gives back every pixel, holes and touching cells included.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from skimage.measure import label as connected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Ring = NDArray[Any]
    Polygon = tuple[Ring, ...]

# Directions of an edge, each a left turn from the one before it.
_RIGHT, _DOWN, _LEFT, _UP = range(4)


@dataclass(frozen=True, slots=True)
class Outline:
    """One instance in one plane.

    Attributes
    ----------
    label : int
        Its number; 0 where a file gives none.
    plane : tuple of int
        Index of its plane along the axes before Y and X.
    polygons : tuple of tuple of (N, 2) array
        Connected parts. Of each, the outer ring and then those of its holes, as
        (x, y) in px, not closed. Outer rings have a positive area, holes a negative
        one; no ring meets itself, and no two share an edge.
    """

    label: int
    plane: tuple[int, ...]
    polygons: tuple[Polygon, ...]


def find_outlines(labels: NDArray[Any]) -> Iterator[Outline]:
    """Trace all instances, plane by plane, in the order of their numbers.

    Parameters
    ----------
    labels : (..., Y, X) array of int
        Instances; 0 is no cell.

    Yields
    ------
    Outline
        One for each instance and plane. Parts that touch only at a corner are
        polygons of their own.
    """
    for plane in np.ndindex(labels.shape[:-2]):
        polygons = _trace(labels[plane])
        for number in sorted(polygons):
            yield Outline(number, plane, tuple(polygons[number]))


@dataclass(frozen=True, slots=True)
class _Edges:
    """Straight edges, each with its part on the left when y points up.

    All arrays have one entry an edge; `direction` is one of the four above.
    """

    part: NDArray[np.int64]
    x: NDArray[np.int64]
    y: NDArray[np.int64]
    end_x: NDArray[np.int64]
    end_y: NDArray[np.int64]
    direction: NDArray[np.int64]


def _trace(labels: NDArray[Any]) -> dict[int, list[Polygon]]:
    """Return the polygons of each number in a plane."""
    parts, n = connected(labels, background=0, connectivity=1, return_num=True)
    if n == 0:
        return {}
    number = np.zeros(n + 1, np.int64)
    number[parts] = labels
    rings: defaultdict[int, list[Ring]] = defaultdict(list)
    for part, ring in _rings(_edges(parts), parts.shape):
        rings[part].append(ring)
    polygons: defaultdict[int, list[Polygon]] = defaultdict(list)
    for part in sorted(rings):
        outer_first = sorted(rings[part], key=signed_area, reverse=True)
        polygons[int(number[part])].append(tuple(outer_first))
    return dict(polygons)


def _edges(parts: NDArray[Any]) -> _Edges:
    horizontal, vertical = _runs(parts), _runs(parts.T)
    sides = []
    for after, (part, line, start, stop) in horizontal:
        x, end_x, way = (start, stop, _RIGHT) if after else (stop, start, _LEFT)
        sides.append((part, x, line, end_x, line, np.full(len(part), way)))
    for after, (part, line, start, stop) in vertical:
        y, end_y, way = (stop, start, _UP) if after else (start, stop, _DOWN)
        sides.append((part, line, y, line, end_y, np.full(len(part), way)))
    columns = (np.concatenate(c).astype(np.int64) for c in zip(*sides, strict=True))
    return _Edges(*columns)


def _runs(parts: NDArray[Any]) -> Iterator[tuple[bool, tuple[NDArray[Any], ...]]]:
    """Find the straight edges along the lines between rows.

    Yields
    ------
    bool, (part, line, start, stop)
        First those of parts that lie after (below) their line, then before it.
    """
    empty = np.zeros((1, parts.shape[1]), parts.dtype)
    before, after = np.vstack([empty, parts]), np.vstack([parts, empty])
    differ = before != after
    for is_after, side in ((True, after), (False, before)):
        edge = np.pad(np.where(differ, side, 0), ((0, 0), (1, 1)))
        line, at = np.nonzero(edge[:, 1:] != edge[:, :-1])
        starts, stops = edge[line, at + 1] != 0, edge[line, at] != 0
        first, last = at[starts], at[stops]
        part = edge[line[starts], first + 1]
        yield is_after, (part, line[starts], first, last)


def _rings(edges: _Edges, shape: tuple[int, ...]) -> Iterator[tuple[int, Ring]]:
    """Chain edges to rings that do not meet themselves."""
    height, width = shape[0] + 1, shape[1] + 1

    def corner(x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.int64]:
        return (edges.part * height + y) * width + x

    here = corner(edges.x, edges.y)
    successor = _successors(here, corner(edges.end_x, edges.end_y), edges.direction)
    _, inverse, counts = np.unique(here, return_inverse=True, return_counts=True)
    # A part meets itself where two of its pixels touch at a corner only.
    crowded = counts[inverse] > 1
    following, seen = successor.tolist(), bytearray(len(successor))
    for first in range(len(following)):
        if seen[first]:
            continue
        chain = []
        edge = first
        while not seen[edge]:
            seen[edge] = 1
            chain.append(edge)
            edge = following[edge]
        loops = [chain]
        if crowded[chain].any():
            loops = _split(chain, here[chain].tolist())
        for loop in loops:
            ring = np.stack([edges.x[loop], edges.y[loop]], axis=1)
            yield int(edges.part[first]), ring


def _successors(
    here: NDArray[np.int64], there: NDArray[np.int64], direction: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Find the edge that follows each; it turns inwards where there are two."""
    keys = here * 4 + direction
    order = np.argsort(keys)
    ordered = keys[order]

    def find(turn: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        wanted = there * 4 + (direction + turn) % 4
        place = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
        return order[place], ordered[place] == wanted

    inwards, exists = find(1)
    outwards, _ = find(3)
    return np.where(exists, inwards, outwards)


def _split(chain: list[int], corners: list[int]) -> list[list[int]]:
    """Cut a closed chain wherever it returns to a corner."""
    loops: list[list[int]] = []
    path: list[int] = []
    passed: dict[int, int] = {}
    on_path: list[int] = []
    for edge, corner in zip(chain, corners, strict=True):
        if corner in passed:
            back = passed[corner]
            loops.append(path[back:])
            for left in on_path[back:]:
                del passed[left]
            del path[back:], on_path[back:]
        passed[corner] = len(path)
        path.append(edge)
        on_path.append(corner)
    return [*loops, path]


def signed_area(ring: Ring) -> float:
    """Return the area of a ring in px²; negative for one that runs backwards."""
    x, y = np.asarray(ring, float).T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)
