"""How large the painted cells are: the ruler that sets the working scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray


def object_diameter(mask: NDArray[np.bool_]) -> float:
    """Measure one object.

    The geometric mean of the diameter of the disk of equal area and of the
    width (twice the largest inscribed radius). It equals the diameter of a disk;
    for rods and ramified cells it lies between the width, which touching
    neighbours must be told apart by, and the extent, which the network must see.

    Parameters
    ----------
    mask : (Y, X) array of bool
        The object's pixels.

    Returns
    -------
    float
        Diameter in px; 0 for an empty mask.
    """
    area = int(np.count_nonzero(mask))
    if area == 0:
        return 0.0
    width = 2.0 * float(ndi.distance_transform_edt(np.pad(mask, 1)).max())
    return float(np.sqrt(np.sqrt(4 * area / np.pi) * width))


def object_diameters(labels: NDArray[np.integer]) -> dict[int, float]:
    """Measure every object of a label image.

    Parameters
    ----------
    labels : (Y, X) array of int
        Positive numbers name objects; everything else is ignored.

    Returns
    -------
    dict of int to float
        Diameter in px of each object, see `object_diameter`.
    """
    positive = np.maximum(labels, 0)
    boxes = ndi.find_objects(positive)
    return {
        k: object_diameter(positive[box] == k)
        for k, box in enumerate(boxes, start=1)
        if box is not None
    }


SPECK = 0.5
"""Share of the usual diameter below which something painted is a speck."""


def typical_diameter(diameters: Collection[float]) -> float:
    """Sum up how large several objects are, whatever specks are among them.

    People correct by painting what was missed, and much of that is specks and slivers.
    In a plain median each of them counts as much as a cell; the scale would follow
    them, more would be missed, and so on.

    Parameters
    ----------
    diameters : collection of float
        Diameters (px), one at least, in any order.

    Returns
    -------
    float
        Median (px) of those that are at least `SPECK` of the diameter above and below
        which half of the painted area lies.
    """
    ordered = np.sort(np.asarray(list(diameters), float))
    area = ordered**2
    rank = (np.cumsum(area) - area / 2) / area.sum()
    usual = np.interp(0.5, rank, ordered)
    return float(np.median(ordered[ordered >= SPECK * usual]))
