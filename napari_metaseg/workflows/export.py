"""Exports of instances: the format follows from the file's suffix."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.axes import in_order
from napari_metaseg.core.errors import UserError
from napari_metaseg.io.coco import write_coco
from napari_metaseg.io.files import check_target
from napari_metaseg.io.geojson import write_geojson
from napari_metaseg.io.imagej_rois import write_rois
from napari_metaseg.io.images import ORIGIN
from napari_metaseg.io.label_zarr import write_label_zarr
from napari_metaseg.io.labels import write_labels
from napari_metaseg.io.large_labels import check_output
from napari_metaseg.io.tables import write_table

from .figure import FigureSettings, write_figure
from .measure import measure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

    from napari_metaseg.core.classes import CellClass
    from napari_metaseg.io.images import ImageFile, Offset


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file that instances can be written to.

    Attributes
    ----------
    name : str
        Short name, as the shell takes it.
    title : str
        What it is, for a dialog.
    suffixes : tuple of str
        What its files end in; the first is the usual one.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]


TIFF = Format("tif", "Label image", (".tif", ".tiff"))
ZARR = Format("zarr", "Label OME-Zarr", (".zarr",))
ROIS = Format("rois", "ImageJ ROIs", (".zip",))
GEOJSON = Format("geojson", "QuPath GeoJSON", (".geojson",))
COCO = Format("coco", "COCO JSON", (".json",))
CSV = Format("csv", "Measurements", (".csv",))
FIGURE = Format("figure", "Figure with outlines", (".png", ".pdf"))
FORMATS = (TIFF, ZARR, ROIS, GEOJSON, COCO, CSV, FIGURE)


def find_format(path: str | Path) -> Format:
    """Return the format that a file's suffix stands for.

    Raises
    ------
    UserError
        If it stands for none.
    """
    suffix = Path(path).suffix.lower()
    for format_ in FORMATS:
        if suffix in format_.suffixes:
            return format_
    known = ", ".join(f"{f.suffixes[0]} ({f.title})" for f in FORMATS)
    raise UserError(f"{path} names no format; let it end in one of {known}.")


def check_export(path: str | Path, *, overwrite: bool = False) -> None:
    """Check that instances may be written to a file of this name.

    Raises
    ------
    UserError
        If its suffix is unknown, it exists, or its folder does not.
    """
    if find_format(path) is ZARR:
        check_output(Path(path), overwrite=overwrite)
    else:
        check_target(Path(path), overwrite=overwrite)


def export_labels(
    path: str | Path,
    labels: ArrayLike,
    *,
    axes: str = "YX",
    pixel_size: tuple[float, float] | None = None,
    z_step: float | None = None,
    offset: Offset | None = None,
    image: ImageFile | None = None,
    image_name: str | None = None,
    channel: int | None = None,
    channel_names: Sequence[str] | None = None,
    outer: ArrayLike | None = None,
    classes: Mapping[int, CellClass] | None = None,
    figure: FigureSettings | None = None,
    overwrite: bool = False,
) -> Path:
    """Write instances in the format that the file's suffix stands for.

    Parameters
    ----------
    path : str or Path
        Name ending in ``.tif``, ``.zarr`` (OME-Zarr), ``.zip`` (ImageJ ROIs),
        ``.geojson`` (QuPath), ``.json`` (COCO), ``.csv`` (measurements), ``.png`` or
        ``.pdf`` (a figure).
    labels : array_like of int
        Instances from 0 (no cell) upwards, in the order of `axes`.
    axes : str
        One letter of ``TZYX`` per axis, ending in ``YX``.
    pixel_size : tuple of float, optional
        Size of a pixel in µm, (y, x); by default the image's.
    z_step : float, optional
        Distance between planes in µm, for label images; by default the image's.
    offset : Offset, optional
        Where the first pixel lies, for OME-Zarr; by default that of the image.
    image : ImageFile, optional
        The image, whose intensities are measured, and which a figure shows.
    image_name : str, optional
        Name of its file, which COCO states.
    channel, channel_names, outer
        As `measure` takes them.
    classes : mapping of int to CellClass, optional
        Class of cells, by number, for GeoJSON, COCO and measurements.
    figure : FigureSettings, optional
        How a figure is drawn.
    overwrite : bool
        Whether an existing file is replaced.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    UserError
        If something makes no sense, or the file cannot be written.
    """
    path = Path(path)
    check_export(path, overwrite=overwrite)
    if pixel_size is None and image is not None:
        pixel_size = image.pixel_size
    if z_step is None and image is not None:
        z_step = image.z_step
    format_ = find_format(path)
    if format_ in (TIFF, ZARR):
        size: dict[str, Any] = {"pixel_size": pixel_size, "z_step": z_step}
        if format_ is TIFF:
            return write_labels(path, labels, axes=axes, **size, overwrite=overwrite)
        place = offset or (ORIGIN if image is None else image.offset)
        return write_label_zarr(
            path, labels, axes=axes, **size, offset=place, overwrite=overwrite
        )
    if format_ is ROIS:
        return write_rois(path, labels, axes=axes, overwrite=overwrite)
    if format_ is GEOJSON:
        return write_geojson(
            path, labels, axes=axes, classes=classes, overwrite=overwrite
        )
    if format_ is COCO:
        return write_coco(
            path,
            labels,
            axes=axes,
            image_name=image_name,
            classes=classes,
            overwrite=overwrite,
        )
    if format_ is FIGURE:
        if image is None:
            raise UserError(f"{path} shows the image; add it with --image.")
        data, order = in_order(np.asarray(image.data), image.axes, axes)
        return write_figure(
            path,
            np.asarray(labels),
            replace(image, data=data, axes=order),
            pixel_size=pixel_size,
            settings=figure,
            overwrite=overwrite,
        )
    table = measure(
        labels,
        axes=axes,
        pixel_size=pixel_size,
        image=None if image is None else np.asarray(image.data),
        image_axes=None if image is None else image.axes,
        channel=channel,
        channel_names=channel_names,
        outer=outer,
    )
    if classes:
        known = [classes.get(number) for number in table["label"]]
        table["class"] = ["" if c is None else c.name for c in known]
        table["probability"] = [None if c is None else c.probability for c in known]
    return write_table(path, table, overwrite=overwrite)
