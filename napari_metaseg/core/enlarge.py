"""Instances found at working scale, brought to image scale part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from skimage.segmentation import expand_labels

from .resample import labels_under, resize_part, source_window
from .windows import Shape, Window, grown, within

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def enlarge(
    read: Callable[[Window], tuple[NDArray[np.float32], NDArray[np.integer]]],
    working: Shape,
    shape: Shape,
    part: Window,
    outline: NDArray[np.float32],
) -> NDArray[np.integer]:
    """Do for a part of a plane what `PlaneOutput.instances` does for the whole.

    Parameters
    ----------
    read : callable
        Returns foreground and instances of a window at working scale.
    working, shape : (int, int)
        Shape of the whole plane at working scale and at image scale.
    part : pair of slices
        Part of the plane at image scale.
    outline : (n + 1,) array of float32
        Foreground probability at which each instance is outlined, by its number.

    Returns
    -------
    array of int
        Instances, of the shape of `part`.
    """
    if working == shape:
        return read(part)[1]
    needed = source_window(working, shape, part)
    # Instances are widened by a pixel, which what lies beside them may claim, too.
    at = grown(needed, 2, working)
    foreground, labels = read(at)
    if shape[0] * shape[1] <= working[0] * working[1]:
        return labels_under(labels, at, working, shape, part)
    wide = labels_under(expand_labels(labels, 1), at, working, shape, part)
    drawn = foreground[within(needed, at)].astype(np.float32)[None]
    inside = resize_part(drawn, working, shape, part)[0] > outline[wide]
    return np.where(inside, wide, 0)
