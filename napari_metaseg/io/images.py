"""Reading microscope images: pixels, the order of the axes, the pixel size."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

from napari_metaseg.core.errors import UserError

from .files import check_readable
from .pixel_size import tiff_pixel_size, tiff_z_step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PNG = (b"\x89PNG\r\n\x1a\n",)
_JPEG = (b"\xff\xd8\xff",)
_BMP = (b"BM",)
_SIGNATURES = {"TIFF": _TIFF, "PNG": _PNG, "JPEG": _JPEG, "BMP": _BMP}
# Errors that tifffile logs and that cost metadata, not pixels.
_METADATA_ONLY = ("<TiffTag", "OME series raised")
_KNOWN_AXES = frozenset("TZCYX")
_ALPHA = ((tifffile.EXTRASAMPLE.ASSOCALPHA,), (tifffile.EXTRASAMPLE.UNASSALPHA,))
"""What TIFF says of a single sample beyond gray or colours that is no stain."""

Offset: TypeAlias = tuple[float, float, float]
"""Where the first pixel of an image lies, in pixels: (z, y, x)."""

ORIGIN: Offset = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class ImageFile:
    """What an image file says.

    Attributes
    ----------
    data : NDArray
        Pixels, in the order of `axes`, in native byte order.
    axes : str or None
        One letter of ``TZCYX`` per axis; None if the file does not tell what
        its axes are. Axes of length one, other than Y and X, are dropped.
    pixel_size : tuple of float or None
        Size of a pixel in µm, (y, x), if the file tells.
    z_step : float or None
        Distance between planes of a stack in µm, if the file tells.
    offset : Offset
        Where its first pixel lies, if the file tells.
    further : int
        How many more images of this shape, such as other wells, the file holds.
    """

    data: NDArray[Any]
    axes: str | None
    pixel_size: tuple[float, float] | None
    z_step: float | None = None
    offset: Offset = ORIGIN
    further: int = 0


def read_image(path: str | Path) -> ImageFile:
    """Read a TIFF, PNG, JPEG or BMP file, told apart by content.

    Of a TIFF file the first series is read, at full resolution. The axes come
    from OME, ImageJ or tifffile metadata; colour samples become C and an alpha
    sample is dropped, since transparency is no stain.

    Raises
    ------
    UserError
        If the file is missing, empty, damaged or not an image.
    """
    path = Path(path)
    kind = image_format(path)
    with damage_told(path):
        if kind == "TIFF":
            return _read_tiff(path)
        data = _read_png(path) if kind == "PNG" else _read_pillow(path, kind)
    return ImageFile(data, "YX" if data.ndim == 2 else "YXC", None)


def image_format(path: Path) -> str:
    """Return the format of an image file: TIFF, PNG, JPEG or BMP.

    Raises
    ------
    UserError
        If the file is missing, empty or of another format.
    """
    check_readable(path)
    with path.open("rb") as file:
        head = file.read(8)
    for name, signatures in _SIGNATURES.items():
        if head.startswith(signatures):
            return name
    raise UserError(
        f"{path} is not a TIFF, PNG, JPEG or BMP image; save it as TIFF first, "
        "for instance with Fiji."
    )


def read_indices(path: Path, kind: str) -> NDArray[Any]:
    """Read the stored values of a PNG or BMP, a palette's indices included.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        Its format, from `image_format`.

    Returns
    -------
    NDArray
        (Y, X), or (Y, X, C) for a colour picture.

    Raises
    ------
    UserError
        If the file is damaged.
    """
    with damage_told(path), Image.open(path, formats=[kind]) as picture:
        return np.asarray(picture)


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises about a damaged file into one sentence."""
    try:
        yield
    except UserError:
        raise
    except MemoryError as error:
        raise UserError(
            f"{path} does not fit into memory; crop it or save it in parts."
        ) from error
    except Image.DecompressionBombError as error:
        raise UserError(f"{path} is too large to read; save it as TIFF.") from error
    except Exception as error:  # decoders raise many types for damaged files
        raise UserError(
            f"{path} cannot be read, it may be truncated or damaged; copy or export "
            "it again."
        ) from error


@contextmanager
def _tiff_damage_raised() -> Iterator[None]:
    """Raise what tifffile only logs: a file that ends before its last page."""
    logger, thread = logging.getLogger("tifffile"), threading.get_ident()
    problems: list[str] = []

    def collect(record: logging.LogRecord) -> bool:
        if record.thread != thread:
            return True
        message = record.getMessage()
        harmless = any(text in message for text in _METADATA_ONLY)
        if record.levelno >= logging.ERROR and not harmless:
            problems.append(message)
        return False

    logger.addFilter(collect)
    try:
        yield
    finally:
        logger.removeFilter(collect)
    if problems:
        raise ValueError(problems[0])


def _read_tiff(path: Path) -> ImageFile:
    # A frame whose metadata names the other files of a movie stays one frame.
    with _tiff_damage_raised(), tifffile.TiffFile(path, _multifile=False) as tif:
        series = tif.series[0]
        further = further_images(tif)
        data, axes = series.asarray(), series.axes
        if has_alpha(series):
            data = data[..., :-1]
        pixel_size, z_step = tiff_pixel_size(tif), tiff_z_step(tif)
    data, axes = _drop_singletons(data, axes.replace("S", "C"))
    native = data.astype(data.dtype.newbyteorder("="), copy=False)
    known = trusted_axes(axes)
    return ImageFile(native, known, pixel_size, z_step, further=further)


def further_images(file: tifffile.TiffFile) -> int:
    """Count the images beside the first of its shape, such as other wells."""
    first, *others = file.series
    return sum(other.shape == first.shape for other in others)


def has_alpha(series: tifffile.TiffPageSeries) -> bool:
    """Tell whether gray or colours are followed by the transparency of each pixel.

    Of channels in planes of their own that is not believed: programs have written any
    four stains as colours with transparency.
    """
    page = series.keyframe
    interleaved: bool = series.axes.endswith("S")
    return (
        interleaved and page.samplesperpixel in (2, 4) and page.extrasamples in _ALPHA
    )


def _drop_singletons(data: NDArray[Any], axes: str) -> tuple[NDArray[Any], str]:
    keep = [n > 1 or letter in "YX" for n, letter in zip(data.shape, axes, strict=True)]
    shape = tuple(n for n, kept in zip(data.shape, keep, strict=True) if kept)
    letters = "".join(a for a, kept in zip(axes, keep, strict=True) if kept)
    return data.reshape(shape), letters


def trusted_axes(axes: str) -> str | None:
    """Return `axes` if each letter is known and appears once."""
    if len(axes) == 2:
        return "YX"
    known = set(axes) <= _KNOWN_AXES and len(set(axes)) == len(axes)
    return axes if known and {"Y", "X"} <= set(axes) else None


def _read_png(path: Path) -> NDArray[Any]:
    """Decode a PNG; unlike Pillow, 16-bit colours keep their 16 bits."""
    data: NDArray[Any] = imagecodecs.png_decode(path.read_bytes())
    if data.ndim == 3 and data.shape[2] in (2, 4):
        data = data[..., :-1]
    return data[..., 0] if data.ndim == 3 and data.shape[2] == 1 else data


def _read_pillow(path: Path, kind: str) -> NDArray[Any]:
    with Image.open(path, formats=[kind]) as picture:
        grey = picture.mode in ("1", "L")
        return np.asarray(picture if grey else picture.convert("RGB"))
