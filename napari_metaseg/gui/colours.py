"""Colours of annotations and cells.

Bright on dark and on mid-grey images, and told apart by colour-blind people (after
Okabe and Ito 2008); vermilion is left to background strokes.
"""

from __future__ import annotations

from typing import Any

from napari.utils.colormaps import CyclicLabelColormap, DirectLabelColormap

_PALETTE = (
    "#56b4e9",
    "#f0e442",
    "#00b68a",
    "#cc79a7",
    "#9fd8ff",
    "#b5e655",
    "#7f9cff",
    "#ffc9e6",
)
_STROKE = "#d55e00"
_NAMED = 1024


def of_annotation(background: int) -> DirectLabelColormap:
    """Return the colours of painted cells, and of background strokes."""
    colours: dict[int | None, Any] = {0: "transparent", background: _STROKE}
    for label in range(1, _NAMED):
        colours[label] = _PALETTE[(label - 1) % len(_PALETTE)]
    return DirectLabelColormap(color_dict=colours | {None: _PALETTE[0]})


def of_cells() -> CyclicLabelColormap:
    """Return the colours of predicted cells."""
    return CyclicLabelColormap(colors=["transparent", *_PALETTE])
