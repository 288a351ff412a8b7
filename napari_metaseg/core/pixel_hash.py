"""Hashes of pixels, by which an image is known again in whatever file it is."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def pixel_hash(array: NDArray[Any]) -> str:
    """Hash values and shape; whole numbers alike in whatever type they fit.

    Parameters
    ----------
    array : array
        Image or masks.

    Returns
    -------
    str
        SHA-256, in hexadecimal digits.
    """
    if array.dtype.kind in "iu":
        low, high = int(array.min()), int(array.max())
        array = array.astype(
            np.result_type(np.min_scalar_type(low), np.min_scalar_type(high))
        )
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    digest = sha256(f"{array.shape} {little.dtype.str}".encode())
    digest.update(np.ascontiguousarray(little).data)
    return digest.hexdigest()
