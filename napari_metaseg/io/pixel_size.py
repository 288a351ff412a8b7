"""The size of a pixel, in µm, as TIFF files state it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import tifffile

if TYPE_CHECKING:
    from collections.abc import Mapping

_MICROMETRES = {
    "pm": 1e-6,
    "å": 1e-4,
    "angstrom": 1e-4,
    "nm": 1e-3,
    "nanometer": 1e-3,
    "um": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "micrometre": 1.0,
    "mm": 1e3,
    "millimeter": 1e3,
    "cm": 1e4,
    "centimeter": 1e4,
    "m": 1e6,
    "meter": 1e6,
    "in": 25_400.0,
    "inch": 25_400.0,
}
_TAG_UNITS = {
    tifffile.RESUNIT.INCH: 25_400.0,
    tifffile.RESUNIT.CENTIMETER: 1e4,
    tifffile.RESUNIT.MILLIMETER: 1e3,
    tifffile.RESUNIT.MICROMETER: 1.0,
}
# Plain resolution tags usually hold a printer's or a screen's density; 20 µm a
# pixel is 1270 dpi, coarser than a light microscope and finer than print.
_PLAUSIBLE = (1e-3, 20.0)


def tiff_pixel_size(tif: tifffile.TiffFile) -> tuple[float, float] | None:
    """Return the pixel size of an open TIFF file in µm, (y, x).

    OME metadata are asked first, then ImageJ's, then the resolution tags,
    which are believed only between 1 nm and 20 µm.
    """
    if tif.ome_metadata:
        return _ome_size(tif.ome_metadata)
    tags = _per_pixel(tif.pages.first)
    if tif.imagej_metadata:
        scale = micrometres(tif.imagej_metadata.get("unit"))
        return _checked(tags, scale)
    unit = tif.pages.first.tags.valueof("ResolutionUnit")
    size = _checked(tags, _TAG_UNITS.get(unit))
    low, high = _PLAUSIBLE
    return size if size and all(low <= s <= high for s in size) else None


def tiff_z_step(tif: tifffile.TiffFile) -> float | None:
    """Return the distance between planes of an open TIFF file in µm, if it tells."""
    step = math.nan
    if tif.ome_metadata:
        pixels = _ome_pixels(tif.ome_metadata)
        step = math.nan if pixels is None else _ome_length(pixels, "PhysicalSizeZ")
    elif tif.imagej_metadata:
        scale = micrometres(tif.imagej_metadata.get("unit"))
        try:
            step = float(tif.imagej_metadata["spacing"]) * (scale or math.nan)
        except (KeyError, TypeError, ValueError):
            return None
    return step if math.isfinite(step) and step > 0 else None


def micrometres(unit: object) -> float | None:
    """Return the length of a unit in µm; None for pixels and unknown names."""
    name = str(unit).strip().replace("\\u00B5", "u").lower()
    return _MICROMETRES.get(name.replace("\u00b5", "u").replace("\u03bc", "u"))


def _per_pixel(page: Any) -> tuple[float, float] | None:
    """Return units per pixel, (y, x), from the rational resolution tags."""
    values = [page.tags.valueof(name) for name in ("YResolution", "XResolution")]
    try:
        y, x = (denominator / numerator for numerator, denominator in values)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return y, x


def _ome_pixels(xml: str) -> Mapping[str, str] | None:
    """Return what OME metadata say of the first image's pixels."""
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return None
    pixels = root.find(".//{*}Pixels")
    return None if pixels is None else pixels.attrib


def _ome_size(xml: str) -> tuple[float, float] | None:
    pixels = _ome_pixels(xml)
    if pixels is None:
        return None
    y, x = (_ome_length(pixels, f"PhysicalSize{axis}") for axis in "YX")
    return _checked((y, x), 1.0)


def _ome_length(attributes: Mapping[str, str], name: str) -> float:
    scale = micrometres(attributes.get(f"{name}Unit", "um"))
    try:
        return float(attributes[name]) * (scale or math.nan)
    except (KeyError, ValueError):
        return math.nan


def _checked(
    size: tuple[float, float] | None, scale: float | None
) -> tuple[float, float] | None:
    if size is None or scale is None:
        return None
    y, x = (value * scale for value in size)
    return (y, x) if all(math.isfinite(s) and s > 0 for s in (y, x)) else None
