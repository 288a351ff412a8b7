"""Intensity normalisation: one affine map for a whole image, never for a tile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOW, HIGH = 1.0, 99.8
"""Percentiles that are mapped to 0 and 1."""

BLANK = 0.3
"""An image whose range is below this share of the reference range is (nearly)
blank: it is not stretched, or its noise would look like cells."""


@dataclass(frozen=True, slots=True)
class Range:
    """Intensities that are mapped to 0 and 1.

    Attributes
    ----------
    low, high : float
        In the image's own units.
    """

    low: float
    high: float

    def unless_blank(self, reference: Range) -> Range:
        """Return this range or, for a (nearly) blank image, the reference.

        So an empty field looks as the ground between the cells of the reference
        does. Where its level lies outside, the reference is shifted to it.
        """
        width = reference.high - reference.low
        if self.high - self.low >= BLANK * width:
            return self
        level = (self.low + self.high) / 2
        low = min(max(reference.low, level - width), level)
        return Range(low, low + width)

    def apply(self, image: NDArray[np.generic]) -> NDArray[np.float32]:
        """Map an image, limited to [-0.5, 2]; a constant image becomes 0."""
        width = self.high - self.low
        if width <= 0:
            return np.zeros(image.shape, np.float32)
        # 64 bits only where 32 would drop digits or overflow.
        exact = image.astype(np.result_type(image.dtype, np.float32), copy=False)
        # In place, for these are the largest arrays that there are of an image.
        scaled = exact - self.low
        scaled /= width
        np.clip(scaled, -0.5, 2.0, out=scaled)
        return scaled.astype(np.float32, copy=False)


def measure_range(image: NDArray[np.generic], *, at_most: int = 1_000_000) -> Range:
    """Measure the range of an image.

    Parameters
    ----------
    image : array of numbers
        Any shape; pixels spread over it are used where there are more than twice
        ``at_most``.
    at_most : int
        Number of pixels.

    Returns
    -------
    Range
        The `LOW` and `HIGH` percentiles; the extremes where these coincide.
    """
    flat = image.reshape(-1)
    sample = flat
    if flat.size >= 2 * at_most:
        # Whole steps would meet the same few columns in every row.
        sample = flat[np.linspace(0, flat.size - 1, at_most).astype(np.intp)]
    low, high = np.percentile(sample.astype(np.float64), [LOW, HIGH])
    if high <= low:
        low, high = float(flat.min()), float(flat.max())
    return Range(float(low), float(high))
