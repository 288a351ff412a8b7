"""Whether a saved model fits an image: a sentence for the person if it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.core.confidence import confidences
from napari_metaseg.core.intensity import BLANK, measure_range
from napari_metaseg.core.objects import object_diameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_metaseg.core.axes import Planes
    from napari_metaseg.core.plane_output import PlaneOutput

    from .lens import Lens

SIZE_FACTOR = 2.0
"""Cells this many times larger or smaller than the model's are others."""

RANGE_FACTOR = 20.0
"""An image whose intensities span this many times the model's is another kind."""

LEAST_CONFIDENCE = 0.7
"""Median confidence of the cells found, below which the model only guesses."""

_FEW = 3  # cells, below which their median size and confidence say little
_CURE = "to be sure, paint a cell of this image and press Adapt."


def fit_warning(
    lens: Lens,
    planes: Planes,
    outputs: Sequence[PlaneOutput],
    labels: NDArray[np.int32],
) -> str:
    """Say what speaks against a model's result on an image it was not adapted to.

    Another number of channels is refused before, by the lens itself.

    Parameters
    ----------
    lens : Lens
        How the model looks at images.
    planes : Planes
        The image.
    outputs : sequence of PlaneOutput
        What the network drew of each plane.
    labels : (P, Y, X) array of int32
        Instances of each plane.

    Returns
    -------
    str
        One sentence, of the gravest reason; empty if nothing speaks against it.
    """
    return (
        _intensities(lens, planes)
        or _sizes(lens, labels)
        or _confidence(outputs, labels)
    )


def _intensities(lens: Lens, planes: Planes) -> str:
    for channel, known in enumerate(lens.ranges):
        found = measure_range(planes.data[:, channel])
        width, usual = found.high - found.low, known.high - known.low
        named = f"Channel {channel + 1} of this" if len(lens.ranges) > 1 else "This"
        spans = (
            f"{named} image spans intensities of {found.low:.4g} to {found.high:.4g}, "
            f"the model's image {known.low:.4g} to {known.high:.4g}"
        )
        if width <= 0 or width < BLANK * usual:
            return f"{spans}, so it counts as nearly blank; {_CURE}"
        apart = found.low > known.high or found.high < known.low
        if apart or width > RANGE_FACTOR * usual:
            return f"{spans}; {_CURE}"
    return ""


def _sizes(lens: Lens, labels: NDArray[np.int32]) -> str:
    diameters = [d for plane in labels for d in object_diameters(plane).values()]
    if not diameters:
        return f"The model finds no cell in this image; {_CURE}"
    median = float(np.median(diameters))
    ratio = median / lens.diameter
    if len(diameters) >= _FEW and not 1 / SIZE_FACTOR <= ratio <= SIZE_FACTOR:
        return (
            f"The cells found are about {median:.0f} px wide, those that the model "
            f"knows {lens.diameter:.0f} px; {_CURE}"
        )
    return ""


def _confidence(outputs: Sequence[PlaneOutput], labels: NDArray[np.int32]) -> str:
    pairs = zip(outputs, labels, strict=True)
    sure = np.concatenate([confidences(*pair)[np.unique(pair[1])] for pair in pairs])
    sure = sure[sure > 0]
    if len(sure) >= _FEW and float(np.median(sure)) < LEAST_CONFIDENCE:
        return (
            f"The model is unsure of the cells in this image (median confidence "
            f"{np.median(sure):.2f}); {_CURE}"
        )
    return ""
