"""A figure for a paper: outlines over the image, with a scale bar."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage as ndi

from napari_metaseg.core.axes import as_planes
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.intensity import measure_range
from napari_metaseg.io.files import atomic_file
from napari_metaseg.io.labels import check_pixel_size
from napari_metaseg.io.outlines import find_outlines
from napari_metaseg.io.pdf import Bar, Line, make_page

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_metaseg.io.images import ImageFile

COLOURS = (
    (86, 180, 233),
    (240, 228, 66),
    (0, 182, 138),
    (204, 121, 167),
    (230, 159, 0),
)
"""Of cells, in turn: told apart by colour-blind people (Okabe and Ito 2008)."""

# Of channels that are laid over each other.
_TINTS = ((86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167), (240, 228, 66))

NO_SCALE = (
    "The pixel size is not known, so the figure has no scale bar; give it with "
    "--pixel-size."
)


@dataclass(frozen=True, slots=True)
class FigureSettings:
    """How a figure is drawn.

    Attributes
    ----------
    plane : tuple of int or None
        Which plane of a stack or movie, one index an axis; None for a single one.
    channel : int or None
        Which channel is shown; None for all, laid over each other.
    line_width : int or None
        Of the outlines, in px; None for one that suits the size of the image.
    colour : tuple of int or None
        Of all outlines, as red, green and blue up to 255; None for `COLOURS` in turn.
    scale_bar : bool
        Whether there is a scale bar, if the pixel size is known.
    """

    plane: tuple[int, ...] | None = None
    channel: int | None = None
    line_width: int | None = None
    colour: tuple[int, int, int] | None = None
    scale_bar: bool = True


def write_figure(
    path: Path,
    labels: NDArray[Any],
    image: ImageFile,
    *,
    pixel_size: tuple[float, float] | None = None,
    settings: FigureSettings | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a plane of an image with the outlines of its cells.

    Parameters
    ----------
    path : Path
        Name ending in ``.png``, at the image's own resolution, or ``.pdf``, with
        outlines and scale bar as paths over the embedded pixels.
    labels : (..., Y, X) array of int
        Instances.
    image : ImageFile
        The image.
    pixel_size : tuple of float, optional
        In µm, (y, x). Without it there is no scale bar.
    settings : FigureSettings, optional
        How.
    overwrite : bool
        Whether an existing file is replaced.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    UserError
        If image and labels do not fit, the pixel size is no length, it is not clear
        which plane is meant, or the file cannot be written.
    """
    chosen = settings or FigureSettings()
    if pixel_size is not None:
        check_pixel_size(pixel_size)
    picture, cells = _plane(labels, image, chosen)
    width = chosen.line_width
    if width is None:
        width = max(1, round(max(cells.shape) / 1000))
    if width < 1:
        raise UserError(f"Lines of {width} px cannot be drawn; choose 1 or more.")
    colours = COLOURS if chosen.colour is None else (chosen.colour,)
    bar = None
    if pixel_size is not None and chosen.scale_bar:
        bar = _scale_bar(cells.shape, pixel_size[1])
    if path.suffix.lower() == ".pdf":
        rings = (
            Line(ring, colours[outline.label % len(colours)])
            for outline in find_outlines(cells)
            for polygon in outline.polygons
            for ring in polygon
        )
        data = make_page(picture, rings, width, bar)
    else:
        data = _as_png(picture, cells, colours, width, bar)
    with atomic_file(path, overwrite=overwrite) as file:
        file.write(data)
    return path


def _plane(
    labels: NDArray[Any], image: ImageFile, settings: FigureSettings
) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Choose the plane; return its picture and its cells."""
    planes = as_planes(
        np.asarray(image.data),
        axes=image.axes,
        channel=settings.channel,
        annotated=labels.shape,
    )
    if planes.shape != labels.shape:
        raise UserError(
            f"The image has the shape {planes.shape} without channels and the labels "
            f"{labels.shape}; choose the image that was segmented."
        )
    stack = labels.shape[:-2]
    plane = settings.plane
    if plane is None and math.prod(stack) > 1:
        raise UserError(
            f"There are {math.prod(stack)} planes and a figure shows one; choose it "
            "with --plane."
        )
    index = (0,) * len(stack) if plane is None else plane
    inside = len(index) == len(stack) and all(
        0 <= k < n for k, n in zip(index, stack, strict=True)
    )
    if not inside:
        raise UserError(
            f"There is no plane {index} in a stack of {stack}; count from 0, with one "
            "number an axis."
        )
    which = int(np.ravel_multi_index(index, stack)) if stack else 0
    return _picture(planes.data, which), planes.split(labels)[which]


def _picture(stack: NDArray[Any], which: int) -> NDArray[np.uint8]:
    """Show channels in grey or laid over each other; colours as they are."""
    count = stack.shape[1]
    if count == 3 and stack.dtype == np.uint8:
        return np.ascontiguousarray(np.moveaxis(stack[which], 0, -1))
    tints = ((255, 255, 255),) if count == 1 else _TINTS
    if count > len(tints):
        raise UserError(
            f"The image has {count} channels, too many to be told apart in a figure; "
            "choose one of them (in the shell with --channel)."
        )
    shown = np.zeros((*stack.shape[-2:], 3), np.float32)
    for channel, tint in zip(range(count), tints, strict=False):
        # The range of all planes: figures of one stack can be compared.
        bright = measure_range(stack[:, channel]).apply(stack[which, channel])
        shown += np.clip(bright, 0, 1)[..., None] * np.array(tint, np.float32)
    return np.round(np.clip(shown, 0, 255)).astype(np.uint8)


def _scale_bar(shape: tuple[int, ...], pixel_size: float) -> Bar:
    """Choose a bar of a round length, up to a quarter of the image's width."""
    height, width = shape
    most = 0.25 * width * pixel_size
    power = 10.0 ** math.floor(math.log10(most))
    length = max(k * power for k in (1, 2, 5) if k * power <= most)
    size = max(8.0, min(height, width) / 18)
    pixels = length / pixel_size
    text = f"{length / 1000:g} mm" if length >= 1000 else f"{length:g} µm"
    x, y = width - pixels - size, height - 1.4 * size
    wide = max(1, round(pixels))
    return Bar(round(x), round(y), wide, max(2, round(size / 4)), text, size)


def _as_png(
    picture: NDArray[np.uint8],
    cells: NDArray[Any],
    colours: tuple[tuple[int, int, int], ...],
    width: int,
    bar: Bar | None,
) -> bytes:
    """Draw outlines along the inside of cells, so that neighbours keep theirs."""
    near = ndi.iterate_structure(ndi.generate_binary_structure(2, 1), width)
    inner = ndi.minimum_filter(cells, footprint=near, mode="constant")
    outer = ndi.maximum_filter(cells, footprint=near, mode="constant")
    edge = (cells > 0) & ((inner != cells) | (outer != cells))
    drawn = picture.copy()
    drawn[edge] = np.array(colours, np.uint8)[cells[edge] % len(colours)]
    result = Image.fromarray(drawn)
    if bar is not None:
        _draw_bar(ImageDraw.Draw(result), bar)
    file = io.BytesIO()
    result.save(file, format="PNG")
    return file.getvalue()


def _draw_bar(draw: ImageDraw.ImageDraw, bar: Bar) -> None:
    right, bottom = bar.x + bar.width - 1, bar.y + bar.height - 1
    draw.rectangle((bar.x - 1, bar.y - 1, right + 1, bottom + 1), "black")
    draw.rectangle((bar.x, bar.y, right, bottom), "white")
    font = ImageFont.load_default(bar.size)
    # Pillow's own font has no µ: a u gets its tail.
    text = bar.text.replace("µ", "u")
    rim = max(1, round(bar.size / 12))
    middle, base = bar.x + bar.width / 2, bar.y - 0.3 * bar.size
    place = (middle - font.getlength(text) / 2, base)
    if text != bar.text:
        x = place[0] + font.getlength(text.partition("u")[0])
        stem = max(1, round(bar.size / 12))
        left = round(x + font.getbbox("u")[0])
        tail = (left, base - 0.3 * bar.size, left + stem - 1, base + 0.2 * bar.size)
        draw.rectangle((tail[0] - rim, *tail[1:3], tail[3] + rim), "black")
    draw.text(place, text, "white", font, "ls", stroke_width=rim, stroke_fill="black")
    if text != bar.text:
        draw.rectangle(tail, "white")
