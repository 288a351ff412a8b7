"""Between image scale and the working scale, at which every cell looks alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from numpy.typing import NDArray

N = TypeVar("N", bound=np.generic)

WORKING_DIAMETER = 24.0
"""Diameter (px) to which the painted cells are brought."""


def scaled_shape(shape: tuple[int, int], zoom: float) -> tuple[int, int]:
    """Shape after rescaling, at least 1 px a side."""
    return max(1, round(shape[0] * zoom)), max(1, round(shape[1] * zoom))


def resize_image(
    image: NDArray[np.float32], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Resize bilinearly, averaging first where the image shrinks.

    Parameters
    ----------
    image : (Y, X) or (C, Y, X) array of float32
        Image.
    shape : (int, int)
        New (Y, X).

    Returns
    -------
    array of float32
        With as many axes as ``image``.
    """
    if image.shape[-2:] == shape:
        return image
    tensor = torch.from_numpy(np.ascontiguousarray(image, np.float32))
    batch = tensor.reshape(1, -1, *image.shape[-2:])
    resized = F.interpolate(
        batch, shape, mode="bilinear", align_corners=False, antialias=True
    )
    return resized.reshape(*image.shape[:-2], *shape).numpy()


def resize_labels(labels: NDArray[N], shape: tuple[int, int]) -> NDArray[N]:
    """Resize by taking, for each new pixel, the label under its centre.

    Parameters
    ----------
    labels : (Y, X) array
        Labels, or a mask.
    shape : (int, int)
        New (Y, X).

    Returns
    -------
    (Y, X) array
        Of the same type.
    """
    rows, columns = (
        ((np.arange(new) + 0.5) * (old / new)).astype(np.intp)
        for old, new in zip(labels.shape, shape, strict=True)
    )
    resized: NDArray[N] = labels[rows[:, None], columns]
    return resized
