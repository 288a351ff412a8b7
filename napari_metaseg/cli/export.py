"""What ``napari-metaseg export`` does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.words import counted
from napari_metaseg.io.instances import read_instances
from napari_metaseg.io.open_images import read_any_image
from napari_metaseg.workflows.export import (
    FIGURE,
    check_export,
    export_labels,
    find_format,
)
from napari_metaseg.workflows.figure import NO_SCALE, FigureSettings
from napari_metaseg.workflows.summary import count_cells

if TYPE_CHECKING:
    import argparse

    from napari_metaseg.io.images import ImageFile


def run(options: argparse.Namespace) -> int:
    """Run ``napari-metaseg export``."""
    for path in options.output:
        check_export(path, overwrite=options.overwrite)
    given = options.axes and options.axes.upper()
    image = None if options.image is None else read_any_image(options.image)
    if image is not None:
        image = replace(image, axes=given or image.axes)
    elif options.channel is not None:
        raise UserError("--channel needs --image, whose channel is measured.")
    cells = read_instances(options.labels, image)
    axes = _axes(cells, image, given)
    size = options.pixel_size and tuple(options.pixel_size)
    known = size or cells.pixel_size or (None if image is None else image.pixel_size)
    plane = None if options.plane is None else tuple(options.plane)
    figure = FigureSettings(plane, options.channel, options.line_width)
    for path in options.output:
        written = export_labels(
            path,
            cells.data,
            axes=axes,
            pixel_size=known,
            z_step=cells.z_step,
            offset=cells.offset if any(cells.offset) else None,
            image=image,
            image_name=None if options.image is None else options.image.name,
            channel=options.channel,
            figure=figure,
            overwrite=options.overwrite,
        )
        if find_format(path) is FIGURE and known is None:
            print(NO_SCALE)
        print(f"{written}: {counted(count_cells(cells.data), 'cell')}")
    return 0


def _axes(cells: ImageFile, image: ImageFile | None, given: str | None) -> str:
    """Name the axes of the labels: as given, as stated, as the image's, or guessed."""
    n = cells.data.ndim
    stated = (given, cells.axes, None if image is None else image.axes)
    for axes in stated:
        spatial = (axes or "").replace("C", "")
        if len(spatial) == n:
            return spatial
    return "TZ"[: n - 2] + "YX"
