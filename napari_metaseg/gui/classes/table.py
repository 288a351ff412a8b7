"""Classes of cells in the table that napari keeps with a layer of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from napari_metaseg.core.classes import CellClass
from napari_metaseg.gui.pieces import labels_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.layers import Labels

CLASS, PROBABILITY, EXAMPLE = "class", "probability", "example"
"""Columns: name of the class, how likely it is, and whether a person gave it."""

_OURS = (CLASS, PROBABILITY, EXAMPLE)


def as_table(classes: Mapping[int, CellClass]) -> pd.DataFrame:
    """Make a table of classes, for ``Labels.features``.

    Parameters
    ----------
    classes : mapping of int to CellClass
        Class of cells, by number. The table keeps the order in which the classes first
        appear.

    Returns
    -------
    DataFrame
    """
    numbers = sorted(classes)
    names = list(dict.fromkeys(cell.name for cell in classes.values()))
    return pd.DataFrame(
        {
            "index": numbers,
            CLASS: pd.Categorical([classes[n].name for n in numbers], names),
            PROBABILITY: [round(classes[n].probability, 3) for n in numbers],
            EXAMPLE: [classes[n].example for n in numbers],
        }
    )


def read_classes(layer: Labels) -> dict[int, CellClass]:
    """Return the class of every cell that a layer's table tells of, by number.

    Returns
    -------
    dict of int to CellClass
        One class after the other.
    """
    features = layer.features
    if not {"index", CLASS, PROBABILITY} <= set(features.columns):
        return {}
    known = features[features[PROBABILITY].notna()]
    if EXAMPLE not in known:
        known = known.assign(**{EXAMPLE: False})
    known = known.sort_values(CLASS, kind="stable")
    columns = (known[c] for c in ("index", *_OURS))
    return {
        int(number): CellClass(str(name), float(probability), example is True)
        for number, name, probability, example in zip(*columns, strict=True)
    }


def write_classes(layer: Labels, classes: Mapping[int, CellClass]) -> None:
    """Put classes into ``layer.features``; other columns stay."""
    _join(layer, layer.features.drop(columns=list(_OURS), errors="ignore"), classes)


def write_measurements(layer: Labels, measured: pd.DataFrame) -> None:
    """Put measurements into ``layer.features``, in place of others; classes stay."""
    _join(layer, measured, read_classes(layer))


def forget_measurements(layer: Labels) -> None:
    """Leave nothing in ``layer.features`` but the classes of cells that are there."""
    classes = read_classes(layer)
    there = set(pd.unique(labels_of(layer).ravel()).tolist()) if classes else set()
    _join(layer, pd.DataFrame(), {n: c for n, c in classes.items() if n in there})


def _join(layer: Labels, known: pd.DataFrame, classes: Mapping[int, CellClass]) -> None:
    measured = "index" in known and len(known.columns) > 1
    if not classes:
        layer.features = known if measured else {}
    elif measured:
        layer.features = known.merge(as_table(classes), on="index", how="outer")
    else:
        layer.features = as_table(classes)
