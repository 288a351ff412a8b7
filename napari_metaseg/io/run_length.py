"""Run lengths of masks as COCO counts them: down the columns, zeros first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Runs:
    """One instance of a plane.

    Attributes
    ----------
    label : int
        Its number.
    counts : list of int
        Lengths of runs in turn outside and inside, over the whole plane.
    area : int
        In px.
    box : tuple of int
        Left, top, width and height, in px.
    """

    label: int
    counts: list[int]
    area: int
    box: tuple[int, int, int, int]


def find_runs(labels: NDArray[Any]) -> Iterator[Runs]:
    """Encode every instance of a plane (Y, X), in the order of their numbers."""
    height = labels.shape[0]
    flat = labels.T.ravel()
    places = np.flatnonzero(flat)
    if len(places) == 0:
        return
    order = np.argsort(flat[places], kind="stable")
    places = places[order]
    numbers, starts = np.unique(flat[places], return_index=True)
    for number, inside in zip(numbers, np.split(places, starts[1:]), strict=True):
        x, y = np.divmod(inside, height)
        left, top = int(x.min()), int(y.min())
        yield Runs(
            int(number),
            _counts(inside, flat.size),
            len(inside),
            (left, top, int(x.max()) - left + 1, int(y.max()) - top + 1),
        )


def _counts(inside: NDArray[np.int64], size: int) -> list[int]:
    breaks = np.flatnonzero(np.diff(inside) > 1)
    firsts = inside[np.append(0, breaks + 1)]
    lasts = inside[np.append(breaks, len(inside) - 1)] + 1
    edges = np.stack([firsts, lasts], axis=1).ravel()
    counts = np.diff(edges, prepend=0, append=size)
    return counts[: len(counts) - (counts[-1] == 0)].tolist()  # type: ignore[no-any-return]


def decode_runs(
    counts: object, height: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pixels of an instance.

    Parameters
    ----------
    counts : list of int or str
        Plain, or compressed as pycocotools writes them.
    height, width : int
        Size of the plane.

    Returns
    -------
    y, x : arrays of int

    Raises
    ------
    ValueError
        If these are no counts of such a plane.
    """
    lengths = np.asarray(_unpacked(counts) if isinstance(counts, str) else counts)
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu":
        raise ValueError("no whole numbers")
    if lengths.size and (lengths.min() < 0 or lengths.max() > height * width):
        raise ValueError("runs longer than the plane")
    ends = np.cumsum(lengths)
    if ends.size and ends[-1] > height * width:
        raise ValueError("runs longer than the plane")
    firsts, sizes = ends[0::2][: len(ends) // 2], lengths[1::2]
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    x, y = np.divmod(np.repeat(firsts, sizes) + within, height)
    return y, x


def _unpacked(text: str) -> list[int]:
    """Decode base-32 digits of differences to the last count but one."""
    counts: list[int] = []
    value = shift = 0
    for digit in (ord(letter) - 48 for letter in text):
        if not 0 <= digit < 64 or shift > 50:
            raise ValueError("no compressed counts")
        value |= (digit & 31) << shift
        shift += 5
        if digit & 32:
            continue
        if digit & 16:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("no compressed counts")
    return counts
