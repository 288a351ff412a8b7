"""GeoJSON as QuPath reads and writes it: one detection a cell, in pixels.

QuPath extends RFC 7946 by a ``plane`` in each geometry, counted from 0, and by
properties that name the kind of object.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.errors import UserError

from .cell_names import cell_name, cell_number
from .drawing import check_shape, draw_outlines
from .files import atomic_file
from .json_files import read_json, write_items
from .labels import as_unsigned, check_axes
from .outlines import Outline, find_outlines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from napari_metaseg.core.classes import CellClass

    from .outlines import Polygon, Ring


def write_geojson(
    path: str | Path,
    labels: ArrayLike,
    *,
    axes: str = "YX",
    classes: Mapping[int, CellClass] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write instances as QuPath detections.

    Parameters
    ----------
    path : str or Path
        Name ending in ``.geojson``.
    labels : array_like of int
        Instances from 0 (no cell) upwards, in the order of `axes`.
    axes : str
        One letter of ``TZYX`` per axis, ending in ``YX``.
    classes : mapping of int to CellClass, optional
        Class of some cells, by number, which QuPath shows as their classification.
    overwrite : bool
        Whether an existing file is replaced.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    UserError
        If labels or axes make no sense, or the file cannot be written.
    """
    path = Path(path)
    values = as_unsigned(np.asarray(labels))
    check_axes(axes, values.shape)
    known = classes or {}
    with atomic_file(path, overwrite=overwrite) as file:
        file.write(b'{"type":"FeatureCollection","features":')
        write_items(
            file, (_feature(o, axes[:-2], known) for o in find_outlines(values))
        )
        file.write(b"}\n")
    return path


def _feature(
    outline: Outline, axes: str, classes: Mapping[int, CellClass]
) -> dict[str, Any]:
    polygons = [[_closed(ring) for ring in p] for p in outline.polygons]
    single = len(polygons) == 1
    geometry: dict[str, Any] = {
        "type": "Polygon" if single else "MultiPolygon",
        "coordinates": polygons[0] if single else polygons,
    }
    if axes:
        index = dict(zip(axes, outline.plane, strict=True))
        geometry["plane"] = {"c": -1, "z": index.get("Z", 0), "t": index.get("T", 0)}
    properties = {"objectType": "detection", "name": cell_name(outline.label)}
    known: dict[str, Any] = {}
    if outline.label in classes:
        cell = classes[outline.label]
        known["classification"] = {"name": cell.name}
        known["measurements"] = {"probability": round(cell.probability, 4)}
    return {"type": "Feature", "geometry": geometry, "properties": properties | known}


def _closed(ring: Ring) -> list[list[int]]:
    return np.concatenate([ring, ring[:1]]).tolist()  # type: ignore[no-any-return]


def read_geojson(
    path: str | Path, shape: tuple[int, ...], *, axes: str = "YX"
) -> NDArray[np.int32] | NDArray[np.uint32]:
    """Draw the polygons of a GeoJSON file as a label image.

    Parameters
    ----------
    path : str or Path
        A FeatureCollection, a list of features, or one feature.
    shape : tuple of int
        Shape of the image without channels, which the file does not hold.
    axes : str
        One letter of ``TZYX`` per axis, ending in ``YX``.

    Returns
    -------
    array of int32
        Labels of `shape`. Cells that `write_geojson` named keep their numbers, others
        get the next ones. Where polygons overlap, the later is on top.

    Raises
    ------
    UserError
        If the file is damaged, holds lines or points, or does not fit.
    """
    path = Path(path)
    check_axes(axes, shape)
    check_shape(shape)
    content = read_json(path, "GeoJSON")
    try:
        outlines = [_outline(f, axes[:-2]) for f in _features(content)]
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} holds something else than polygons in pixels; export only areas "
            "from QuPath, as a FeatureCollection."
        ) from error
    return draw_outlines(outlines, shape)


def _features(content: Any) -> list[Any]:
    if isinstance(content, list):
        return content
    if content["type"] == "Feature":
        return [content]
    features = content["features"]
    if not isinstance(features, list):
        raise TypeError(type(features))
    return features


def _outline(feature: Any, axes: str) -> Outline:
    geometry = feature["geometry"]
    plane = geometry.get("plane", {})
    polygons = {
        "Polygon": lambda c: [c],
        "MultiPolygon": list,
    }[geometry["type"]](geometry["coordinates"])
    return Outline(
        cell_number((feature.get("properties") or {}).get("name")),
        tuple(int(plane.get(a.lower(), 0)) for a in axes),
        tuple(_polygon(p) for p in polygons if p),
    )


def _polygon(rings: list[Any]) -> Polygon:
    return tuple(_ring(ring) for ring in rings)


def _ring(corners: Any) -> Ring:
    ring = np.asarray(corners, float)
    if ring.ndim != 2 or ring.shape[1] not in (2, 3) or not np.isfinite(ring).all():
        raise ValueError(ring.shape)
    return ring[:, :2]
