"""One line about the cells of an image: how many, how large, how bright."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.axes import as_planes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_metaseg.io.images import ImageFile

Numbers = dict[str, float]


def count_cells(labels: NDArray[Any]) -> int:
    """Count cells; a number in two planes counts as two, as in `summarise`.

    Parameters
    ----------
    labels : (..., Y, X) array of int
        Instances; planes may number theirs independently.
    """
    planes = labels.reshape(-1, *labels.shape[-2:])
    return sum(len(np.unique(plane[plane > 0])) for plane in planes)


def summarise(labels: NDArray[Any], image: ImageFile) -> Numbers:
    """Count and measure the cells of an image.

    Parameters
    ----------
    labels : array of int
        Instances, of the image's shape without its channel axis; a number in two
        planes counts as two cells.
    image : ImageFile
        The image, with its axes where they cannot be guessed.

    Returns
    -------
    dict of str to float
        ``cells``; ``covered``, the share of pixels in cells; and, unless there is no
        cell, means over cells, as far as they are finite: ``area_px2``, with a pixel
        size ``area_um2``, and ``intensity``, of several channels ``intensity_c0`` and
        so on.
    """
    planes = as_planes(
        np.asarray(image.data), axes=image.axes, annotated=np.shape(labels)
    )
    areas: list[NDArray[Any]] = []
    intensities: list[NDArray[Any]] = []
    for plane, channels in zip(planes.split(labels), planes.data, strict=True):
        numbers, compact = np.unique(plane, return_inverse=True)
        flat = compact.ravel()
        area = np.bincount(flat)
        sums = [np.bincount(flat, c.ravel().astype(np.float64)) for c in channels]
        cells = numbers > 0
        areas.append(area[cells])
        intensities.append(np.stack(sums)[:, cells] / area[cells])
    area = np.concatenate(areas)
    found: Numbers = {
        "cells": len(area),
        "covered": float(area.sum() / max(1, np.size(labels))),
    }
    if len(area):
        found["area_px2"] = float(area.mean())
        if image.pixel_size is not None:
            found["area_um2"] = float(area.mean() * np.prod(image.pixel_size))
        means = np.concatenate(intensities, axis=1).mean(axis=1)
        names = [""] if len(means) == 1 else [f"_c{k}" for k in range(len(means))]
        found |= {f"intensity{n}": float(m) for n, m in zip(names, means, strict=True)}
    # A mean of numbers at the end of what fits is none.
    return {name: value for name, value in found.items() if np.isfinite(value)}
