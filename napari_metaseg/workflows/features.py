"""Measurements as the table that napari keeps with a layer of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .measure import measure

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike


def features_of(labels: ArrayLike, **known: Any) -> pd.DataFrame:
    """Measure instances, one row for each number.

    napari finds a row by the number in the column ``index``, and has one row for each.
    A number that lies in several planes has the mean of its planes in every column, and
    ``planes`` says in how many it lies.

    Parameters
    ----------
    labels : array_like of int
        Instances.
    **known
        Axes, pixel size and image, as `measure` takes them.

    Returns
    -------
    DataFrame
        ``index``, then the columns of `measure`, for ``Labels.features``.

    Raises
    ------
    UserError
        As `measure` does.
    """
    table = measure(labels, **known)
    rows = table.drop(columns=["t", "z"], errors="ignore").groupby("label")
    means = rows.mean()
    if {"t", "z"} & set(table.columns):
        means.insert(0, "planes", rows.size())
    return means.reset_index(names="index")
