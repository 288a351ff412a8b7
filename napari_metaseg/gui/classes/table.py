"""Classes of cells as the table that napari keeps with a layer of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from napari_metaseg.core.classes import CellClass

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from napari.layers import Labels

CLASS, PROBABILITY, EXAMPLE = "class", "probability", "example"
"""Columns: name of the class, how likely it is, and whether a person gave it."""

_OURS = (CLASS, PROBABILITY, EXAMPLE)


def write_classes(
    layer: Labels, classes: Mapping[int, CellClass], examples: Collection[int]
) -> None:
    """Put classes into ``layer.features``; other columns stay.

    Parameters
    ----------
    layer : Labels
        The layer.
    classes : mapping of int to CellClass
        Class of cells, by number; those without one have no entry.
    examples : collection of int
        Numbers of those that were given.
    """
    numbers = sorted(classes)
    ours = pd.DataFrame(
        {
            "index": numbers,
            CLASS: [classes[n].name for n in numbers],
            PROBABILITY: [round(classes[n].probability, 3) for n in numbers],
            EXAMPLE: [n in examples for n in numbers],
        }
    )
    known = layer.features.drop(columns=list(_OURS), errors="ignore")
    if "index" in known and len(known.columns) > 1:
        ours = known.merge(ours, on="index", how="outer")
        ours[CLASS] = ours[CLASS].fillna("")
        ours[EXAMPLE] = ours[EXAMPLE].eq(True)
    layer.features = ours


def read_classes(layer: Labels) -> dict[int, CellClass]:
    """Return the class of every cell that a layer's table tells of, by number."""
    features = layer.features
    if not {"index", CLASS, PROBABILITY} <= set(features.columns):
        return {}
    rows = zip(features["index"], features[CLASS], features[PROBABILITY], strict=True)
    return {int(n): CellClass(str(c), float(p)) for n, c, p in rows if c and p == p}


def read_examples(layer: Labels) -> dict[int, str]:
    """Return the examples that a layer's table tells of, by number."""
    features = layer.features
    if not {"index", *_OURS} <= set(features.columns):
        return {}
    given = features[features[EXAMPLE].eq(True)]
    rows = zip(given["index"], given[CLASS], strict=True)
    return {int(number): str(name) for number, name in rows}
