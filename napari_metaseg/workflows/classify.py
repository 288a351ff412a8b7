"""Classes of cells from a few examples of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_metaseg.core.axes import as_planes
from napari_metaseg.core.cell_crops import cell_areas, find_cells, typical_diameter
from napari_metaseg.core.cell_evidence import fit_evidence
from napari_metaseg.core.cell_fit import FitSettings, KnownCells, fit
from napari_metaseg.core.cell_measures import measure_cells, standardise
from napari_metaseg.core.cell_network import transferred
from napari_metaseg.core.classes import MOST, Classes
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import relay_to
from napari_metaseg.io.class_bundle import load_class_bundle

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from numpy.typing import NDArray

    from napari_metaseg.io.class_bundle import ClassBundle

BATCH = 256
"""Cells that are cut out at a time."""


@dataclass(frozen=True, slots=True)
class Described:
    """How far describing cells is.

    Attributes
    ----------
    step, total : int
        Cells described, and all.
    """

    step: int
    total: int


@dataclass(frozen=True, slots=True)
class CellFeatures:
    """Cells as the classifier sees them; computed once for an image and its cells.

    Attributes
    ----------
    numbers : (N,) array of int
        Number of each cell; one that lies in several planes is there for each.
    early : (N, ...) tensor
        Features of the layers that are not fitted.
    sizes : (N,) tensor
        See `CellPlane.sizes`.
    measures : (N, M) tensor
        See `napari_metaseg.core.cell_measures.standardise`.
    body : dict of str to Tensor
        Weights from which the features were computed.
    """

    numbers: NDArray[np.int64]
    early: torch.Tensor
    sizes: torch.Tensor
    measures: torch.Tensor
    body: dict[str, torch.Tensor]


def classify(
    image: NDArray[Any],
    labels: NDArray[np.integer],
    examples: Mapping[int, str],
    *,
    axes: str | None = None,
    channel: int | None = None,
) -> Classes:
    """Give every cell of an image a class, from a few examples of each.

    Parameters
    ----------
    image : array
        Any number of axes, any real type.
    labels : array of int, of the image's shape without channels
        Positive numbers name cells. A number in several planes names one cell.
    examples : mapping of int to str
        Name of the class of some cells: two classes or more.
    axes : str, optional
        One letter an axis of the image; guessed if missing.
    channel : int, optional
        Channel to use; all if missing.

    Returns
    -------
    Classes

    Raises
    ------
    UserError
        If the image or the examples do not fit the cells.
    """
    features = relay_to(
        describe_cells(image, labels, axes=axes, channel=channel), lambda _: None
    )
    return classify_cells(features, examples)


def describe_cells(
    image: NDArray[Any],
    labels: NDArray[np.integer],
    *,
    axes: str | None = None,
    channel: int | None = None,
) -> Generator[Described, None, CellFeatures]:
    """Compute once what `classify_cells` needs of every cell.

    Parameters
    ----------
    image, labels, axes, channel
        As in `classify`.

    Yields
    ------
    Described

    Returns
    -------
    CellFeatures

    Raises
    ------
    UserError
        If the image does not fit the cells, or there are none.
    """
    planes = as_planes(image, axes=axes, channel=channel, annotated=labels.shape)
    if planes.shape != labels.shape:
        raise UserError(
            f"The image has the shape {planes.shape} without channels and the cells "
            f"{labels.shape}; choose the image in which they were found."
        )
    stack = labels.transpose(planes.order)
    stack = stack.reshape(-1, *stack.shape[-2:])
    areas = np.concatenate([cell_areas(plane) for plane in stack])
    if not len(areas):
        raise UserError("There are no cells to classify; segment the image first.")
    body = _bundle().body
    net = transferred(body, 1)
    typical = typical_diameter(areas)
    numbers, sizes, early, measures = [], [], [], []
    done = 0
    for picture, cells in zip(planes.data, stack, strict=True):
        plane = find_cells(picture, cells, typical)
        numbers.append(plane.numbers)
        sizes.append(torch.from_numpy(plane.sizes))
        measures.append(measure_cells(picture, cells))
        for first in range(0, len(plane.numbers), BATCH):
            yield Described(done + first, len(areas))
            with torch.inference_mode():
                early.append(net.early(plane.crops(slice(first, first + BATCH))))
        done += len(plane.numbers)
    # Tensors made in inference mode cannot be learned from; joined ones can.
    return CellFeatures(
        np.concatenate(numbers),
        torch.cat(early),
        torch.cat(sizes),
        torch.from_numpy(standardise(np.concatenate(measures))),
        body,
    )


def classify_cells(features: CellFeatures, examples: Mapping[int, str]) -> Classes:
    """Give every cell a class.

    Measurements are weighed in closed form; then the last convolution and a new last
    layer are fitted to the examples, by as many steps as help examples that are left
    out. Examples keep the class that they have.

    Parameters
    ----------
    features : CellFeatures
        All cells.
    examples : mapping of int to str
        Name of the class of some cells; of those not among the cells nothing is made.

    Returns
    -------
    Classes
        Named in the order in which the classes first appear among the examples.

    Raises
    ------
    UserError
        If there are not between two classes and `MOST`.
    """
    there = set(features.numbers.tolist())
    given = {k: name for k, name in examples.items() if k in there}
    names = tuple(dict.fromkeys(given.values()))
    if not 2 <= len(names) <= MOST:
        raise UserError(
            f"Cells of {len(names)} classes were given; give at least one cell of each "
            f"of two to {MOST} classes."
        )
    index = {name: k for k, name in enumerate(names)}
    rows = np.flatnonzero(np.isin(features.numbers, list(given)))
    classes = [index[given[n]] for n in features.numbers[rows].tolist()]
    chosen = torch.from_numpy(rows)
    support = KnownCells(
        features.early[chosen],
        features.sizes[chosen],
        features.measures[chosen],
        torch.tensor(classes),
    )
    net, steps = fit(transferred(features.body, len(names)), support, FitSettings())
    told = fit_evidence(support.measures, support.classes, len(names))
    with torch.inference_mode():
        evidence = told.of(features.measures)
        logits = net.late(features.early, features.sizes, evidence)
        likely = logits.softmax(1).numpy()
    numbers, which = np.unique(features.numbers, return_inverse=True)
    sums = np.zeros((len(numbers), len(names)))
    np.add.at(sums, which, likely)
    probabilities = sums / np.bincount(which)[:, None]
    for number, name in given.items():
        row = np.searchsorted(numbers, number)
        probabilities[row] = np.eye(len(names))[index[name]]
    return Classes(names, numbers, probabilities.astype(np.float32), steps)


@lru_cache(maxsize=1)
def _bundle() -> ClassBundle:
    return load_class_bundle()
