"""GeoJSON as QuPath has it, read back by shapely."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from shapely.geometry import shape

from napari_metaseg.core.classes import CellClass
from napari_metaseg.core.errors import UserError
from napari_metaseg.io.geojson import read_geojson, write_geojson

if TYPE_CHECKING:
    from pathlib import Path

LABELS = np.zeros((2, 20, 30), np.int32)
LABELS[0, 2:6, 3:9] = 1
LABELS[1, 10:16, 12:20] = 7
LABELS[1, 12:14, 14:16] = 0
LABELS[1, 0, 0] = 7
SQUARE = [[1, 1], [4, 1], [4, 3], [1, 3], [1, 1]]


def features(path: Path) -> list[dict[str, Any]]:
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["type"] == "FeatureCollection"
    return content["features"]


def test_shapely_finds_the_same_pixels(tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "a.geojson", LABELS, axes="ZYX")
    y, x = np.indices(LABELS.shape[1:]) + 0.5

    drawn = np.zeros_like(LABELS)
    for feature in features(path):
        polygon = shape(feature["geometry"])
        assert polygon.is_valid
        z = feature["geometry"]["plane"]["z"]
        number = int(feature["properties"]["name"].split()[1])
        drawn[z][shapely.contains_xy(polygon, x, y)] = number

    np.testing.assert_array_equal(drawn, LABELS)


def test_features_are_what_qupath_writes(tmp_path: Path) -> None:
    first, second = features(write_geojson(tmp_path / "a.geojson", LABELS, axes="TYX"))
    (flat,) = features(write_geojson(tmp_path / "b.geojson", LABELS[0]))

    assert first["properties"] == {"objectType": "detection", "name": "cell 1"}
    assert first["geometry"]["type"] == "Polygon"
    assert first["geometry"]["plane"] == {"c": -1, "z": 0, "t": 0}
    assert second["geometry"]["type"] == "MultiPolygon"
    assert second["geometry"]["plane"] == {"c": -1, "z": 0, "t": 1}
    assert "plane" not in flat["geometry"]
    (ring,) = flat["geometry"]["coordinates"]
    assert ring[0] == ring[-1]


def feature(geometry: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


@pytest.mark.parametrize("wrap", ["collection", "list", "single"])
def test_what_qupath_wrote_is_read(tmp_path: Path, wrap: str) -> None:
    """Objects without a name, with decimals and a third coordinate."""
    ring = [[x + 0.25, y - 0.25, 0] for x, y in SQUARE]
    one = feature({"type": "Polygon", "coordinates": [ring]}, objectType="annotation")
    content: Any = {"type": "FeatureCollection", "features": [one]}
    content = {"collection": content, "list": [one], "single": one}[wrap]
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps(content), encoding="utf-8")

    expected = np.zeros((6, 6), np.int32)
    expected[1:3, 1:4] = 1
    np.testing.assert_array_equal(read_geojson(path, (6, 6)), expected)


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Point", "coordinates": [1, 1]},
        {"type": "LineString", "coordinates": SQUARE},
        {"type": "Polygon", "coordinates": [[["x", "y"]]]},
        {"type": "Polygon", "coordinates": [[[1, 1e400]]]},
        {"type": "Polygon", "coordinates": SQUARE},
        {"type": "Polygon", "coordinates": [SQUARE], "plane": {"t": "first"}},
        {"type": "Polygon"},
        None,
    ],
)
def test_other_geometries_are_refused(tmp_path: Path, geometry: Any) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps([feature(geometry)]), encoding="utf-8")

    with pytest.raises(UserError, match=r"something else than polygons|is no GeoJSON"):
        read_geojson(path, (2, 6, 6), axes="TYX")


def test_a_class_is_a_classification_in_qupath(tmp_path: Path) -> None:
    classes = {7: CellClass("Zelle – µ", 0.75)}

    first, second = features(
        write_geojson(tmp_path / "a.geojson", LABELS, axes="TYX", classes=classes)
    )

    assert "classification" not in first["properties"]
    assert second["properties"]["classification"] == {"name": "Zelle – µ"}
    assert second["properties"]["measurements"] == {"probability": 0.75}
