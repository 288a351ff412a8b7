"""Evidence as it is read from a file."""

from __future__ import annotations

import torch
from torch import Tensor

from .evidence import MAPS, RANDOM_FEATURES, Evidence
from .filters import filter_count


def read_evidence(tensors: dict[str, Tensor], channels: int) -> Evidence | None:
    """Check tensors from a file.

    Parameters
    ----------
    tensors : dict of str to Tensor
        By the names of the fields of `Evidence`.
    channels : int
        Image channels it must be fitted for.

    Returns
    -------
    Evidence or None
        None if a tensor is missing, of another shape or not finite.
    """
    count = filter_count(channels)
    shapes = {
        "mean": (count,),
        "scale": (count,),
        "projection": (count + 1, RANDOM_FEATURES),
        "weights": (count + RANDOM_FEATURES + 1, MAPS),
    }
    if set(tensors) != set(shapes) or any(
        tensors[k].shape != shape or not torch.isfinite(tensors[k]).all()
        for k, shape in shapes.items()
    ):
        return None
    return Evidence(**{k: tensors[k].to(torch.float32) for k in shapes})
