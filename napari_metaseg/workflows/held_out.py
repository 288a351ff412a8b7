"""Cells that serve as a test: taken out of what is learned from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_metaseg.core.annotation import as_annotation
from napari_metaseg.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .adapted import View
    from .segmenter import Labels

Array = NDArray[np.generic]


def hold_out(
    views: Sequence[View], tests: Array | Sequence[Array] | None, *, single: bool
) -> list[View]:
    """Take cells out of the annotations of some images.

    Parameters
    ----------
    views : sequence of View
        Images with all that is annotated.
    tests : array or list of arrays, or None
        Of each annotation's shape, k > 0 = one cell that is a test.
    single : bool
        Whether there is a single array, for a single image.

    Returns
    -------
    list of View

    Raises
    ------
    UserError
        If there is not one array an image, or nothing is left to learn from.
    """
    if tests is None:
        return list(views)
    arrays = [tests] if single else list(tests)
    if len(arrays) != len(views):
        raise UserError(
            f"There are {len(views)} images but {len(arrays)} arrays of held-out "
            "cells; give one for each image."
        )
    result = [_taken(v, np.asarray(a)) for v, a in zip(views, arrays, strict=True)]
    painted = any((view.annotation > 0).any() for view in views)
    if painted and not any((view.annotation > 0).any() for view in result):
        raise UserError(
            "All painted cells are held out as a test; paint another cell, or take "
            "one back from the test."
        )
    return result


def cells_of_test(view: View) -> Labels:
    """Return the held-out cells of each plane, (P, Y, X)."""
    none = np.zeros_like(view.annotation)
    return view.planes.split(none if view.held_out is None else view.held_out)


def _taken(view: View, test: Array) -> View:
    cells = np.maximum(as_annotation(np.asarray(test), view.planes.shape), 0)
    learned = np.where(cells > 0, 0, view.annotation).astype(np.int32)
    return replace(view, annotation=learned, held_out=cells)
