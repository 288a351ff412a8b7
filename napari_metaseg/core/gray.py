"""The one gray image that the network sees of several channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def gray_of(images: Tensor, mix: Tensor | None = None) -> Tensor:
    """Average the channels of normalised images.

    Parameters
    ----------
    images : (N, C, Y, X) tensor
        Normalised images.
    mix : (C,) tensor, optional
        What each channel counts; not negative. Without it all count the same.

    Returns
    -------
    (N, 1, Y, X) tensor
    """
    if mix is None:
        return images.mean(1, keepdim=True)
    return (images * (mix / mix.sum())[:, None, None]).sum(1, keepdim=True)
