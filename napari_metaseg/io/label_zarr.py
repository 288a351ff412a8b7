"""Writing labels that are in memory as OME-Zarr, whole or not at all."""

from __future__ import annotations

import secrets
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from napari_metaseg.core.errors import UserError

from .files import replace_folder, write_problem
from .images import ORIGIN, Offset
from .labels import as_unsigned, check_axes, check_pixel_size
from .large_labels import check_output, describe_labels

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

SIDE = 1024
"""Side (px) of the chunks, and of the coarsest level at most."""


def write_label_zarr(
    path: Path,
    labels: ArrayLike,
    *,
    axes: str = "YX",
    pixel_size: tuple[float, float] | None = None,
    z_step: float | None = None,
    offset: Offset = ORIGIN,
    overwrite: bool = False,
) -> Path:
    """Write labels as an OME-Zarr of labels (version 0.5), with a pyramid.

    Parameters
    ----------
    path : Path
        Name ending in ``.zarr``.
    labels : array_like of int
        Instances from 0 (no cell) upwards, in the order of `axes`; written as uint16
        or, above 65535, uint32.
    axes : str
        One letter of ``TZYX`` per axis, ending in ``YX``.
    pixel_size : tuple of float, optional
        Size of a pixel in µm, (y, x).
    z_step : float, optional
        Distance between planes in µm.
    offset : Offset
        Where the first pixel lies, in pixels.
    overwrite : bool
        Whether an OME-Zarr of that name is replaced.

    Returns
    -------
    Path
        The folder written.

    Raises
    ------
    UserError
        If the labels, axes or pixel size make no sense, the folder exists, or the
        one it belongs in is missing, read-only or full.
    """
    check_output(path, overwrite=overwrite)
    values = as_unsigned(np.asarray(labels))
    check_axes(axes, values.shape)
    if pixel_size is not None:
        check_pixel_size(pixel_size)
    partial = path.with_name(f".metaseg-{secrets.token_hex(6)}.part")
    try:
        partial.mkdir()
        levels = pyramid(values)
        for number, level in enumerate(levels):
            sides = (min(SIDE, n) for n in level.shape[-2:])
            array = zarr.create_array(
                str(partial / str(number)),
                shape=level.shape,
                chunks=(*(1 for _ in axes[:-2]), *sides),
                dtype=level.dtype,
                dimension_names=list(axes.lower()),
            )
            array[...] = level
        describe_labels(
            partial,
            len(levels),
            axes=axes,
            pixel_size=pixel_size,
            z_step=z_step,
            offset=offset,
        )
        replace_folder(path, partial)
    except OSError as error:
        raise UserError(write_problem(path, error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return path


def pyramid(labels: NDArray[Any]) -> list[NDArray[Any]]:
    """Return labels at falling resolutions, until one fits into a chunk.

    Of every second pixel, the first one included: numbers cannot be averaged.
    """
    levels = [labels]
    while max(levels[-1].shape[-2:]) > SIDE:
        levels.append(levels[-1][..., ::2, ::2])
    return levels
