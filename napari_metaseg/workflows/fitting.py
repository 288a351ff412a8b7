"""How a result is decoded, as what is painted tells: splitting, then threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .splitting import fit_split
from .threshold import fit_threshold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_metaseg.core.settings import DecodeSettings

    from .splitting import Pair


def fit_decoding(
    shown: Sequence[Pair], left_out: Sequence[Pair], settings: DecodeSettings
) -> DecodeSettings:
    """Choose splitting and threshold, see `fit_split` and `fit_threshold`."""
    return fit_threshold(shown, left_out, fit_split(shown, left_out, settings))
