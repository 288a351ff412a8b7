"""napari's own save dialog writes label layers in every format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import roifile
import tifffile
from npe2 import PluginManager, PluginManifest, io_utils

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.coco import read_coco
from napari_metaseg.io.geojson import read_geojson
from napari_metaseg.io.imagej_rois import read_rois
from napari_metaseg.io.images import read_image
from napari_metaseg.io.instances import read_instances

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.components import ViewerModel
    from napari.layers import Labels

ROOT = Path(__file__).resolve().parents[2]
CELLS = np.zeros((2, 20, 30), np.int32)
CELLS[0, 2:6, 3:9] = 1
CELLS[1, 10:16, 12:20] = 7
CELLS[1, 12:14, 14:16] = 0


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginManager]:
    """Hold napari's own writers and ours, in the order in which napari finds them."""
    manager = PluginManager()
    monkeypatch.setattr(PluginManager, "instance", lambda: manager)
    import napari

    manager.register(
        PluginManifest.from_file(
            Path(napari.__file__).parents[1] / "napari_builtins" / "builtins.yaml"
        )
    )
    manager.register(PluginManifest.from_file(ROOT / "napari.yaml"))
    yield manager


@pytest.fixture
def cells(viewer: ViewerModel) -> Labels:
    return viewer.add_labels(
        CELLS,
        name="cells",
        scale=(1, 0.25, 0.25),
        units=("s", "um", "um"),
        axis_labels=("t", "y", "x"),
    )


def save(path: Path, layers: list, plugin: str | None = None) -> None:
    assert io_utils.write(str(path), layers, plugin_name=plugin) == [str(path)]


def test_rois(tmp_path: Path, viewer: ViewerModel, cells: Labels) -> None:
    save(tmp_path / "a.zip", [cells])

    found = read_rois(tmp_path / "a.zip", CELLS.shape, axes="TYX")
    np.testing.assert_array_equal(found, CELLS)
    assert [roi.position for roi in roifile.roiread(tmp_path / "a.zip")] == [1, 2]


def test_geojson(tmp_path: Path, cells: Labels) -> None:
    save(tmp_path / "a.geojson", [cells])

    found = read_geojson(tmp_path / "a.geojson", CELLS.shape, axes="TYX")
    np.testing.assert_array_equal(found, CELLS)


def test_coco(tmp_path: Path, cells: Labels) -> None:
    save(tmp_path / "a.json", [cells])

    found = read_coco(tmp_path / "a.json")
    np.testing.assert_array_equal(found.data, CELLS)
    assert found.axes == "TYX"


def test_label_images_keep_axes_and_pixel_size(tmp_path: Path, cells: Labels) -> None:
    save(tmp_path / "a.tif", [cells], "napari-metaseg")

    found = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(found.data, CELLS)
    assert found.axes == "TYX"
    assert found.pixel_size == pytest.approx((0.25, 0.25))


def test_ome_zarr(tmp_path: Path, cells: Labels) -> None:
    save(tmp_path / "a.zarr", [cells])

    written = read_instances(tmp_path / "a.zarr")
    np.testing.assert_array_equal(written.data, CELLS)
    assert written.axes == "TYX"
    assert written.pixel_size == pytest.approx((0.25, 0.25))


@pytest.mark.parametrize(
    ("placed", "offset"),
    [
        ({"translate": (0, 30, -5)}, (0, 60, -10)),
        (
            {"affine": [[1, 0, 0, 0], [0, 1, 0, 2], [0, 0, 1, 4], [0, 0, 0, 1]]},
            (0, 4, 8),
        ),
        # Without its angle the place of a turned layer is none.
        ({"translate": (0, 30, -5), "rotate": 20}, (0, 0, 0)),
    ],
)
def test_ome_zarr_keeps_the_place(
    tmp_path: Path, viewer: ViewerModel, placed: dict[str, Any], offset: tuple[int, ...]
) -> None:
    layer = viewer.add_labels(CELLS, scale=(1, 0.5, 0.5), **placed)
    save(tmp_path / "a.zarr", [layer])

    assert read_instances(tmp_path / "a.zarr").offset == pytest.approx(offset)


def test_a_stack_keeps_the_distance_of_its_planes(
    tmp_path: Path, viewer: ViewerModel
) -> None:
    stack = viewer.add_labels(
        CELLS,
        scale=(2, 250, 250),
        units=("um", "nm", "nm"),
        axis_labels=("z", "y", "x"),
    )
    save(tmp_path / "a.tif", [stack], "napari-metaseg")

    written = read_image(tmp_path / "a.tif")
    assert written.z_step == pytest.approx(2.0)
    assert written.pixel_size == pytest.approx((0.25, 0.25))


def test_measurements(tmp_path: Path, viewer: ViewerModel, cells: Labels) -> None:
    save(tmp_path / "a.csv", [cells])

    table = pd.read_csv(tmp_path / "a.csv")
    assert table["label"].tolist() == [1, 7]
    assert table["t"].tolist() == [0, 1]
    assert table["area_um2"].tolist() == [24 / 16, 44 / 16]


def test_images_saved_with_the_cells_are_measured(
    tmp_path: Path, viewer: ViewerModel, cells: Labels
) -> None:
    dna = viewer.add_image(CELLS * 2.0, name="dna")
    stain = viewer.add_image(
        np.stack([CELLS, CELLS * 3, CELLS], -1).astype(np.uint8), name="he", rgb=True
    )

    save(tmp_path / "one.csv", [cells, dna])
    save(tmp_path / "all.csv", [dna, cells, stain])

    one, table = (pd.read_csv(tmp_path / f"{n}.csv") for n in ("one", "all"))
    assert one["intensity_mean"].tolist() == [2, 14]
    assert table["intensity_mean_dna"].tolist() == [2, 14]
    assert table["intensity_mean_he_green"].tolist() == [3, 21]


@pytest.mark.parametrize("order", [1, -1])
def test_two_targets_saved_together_tell_which_lies_in_which(
    tmp_path: Path, viewer: ViewerModel, cells: Labels, order: int
) -> None:
    outer = np.where(CELLS > 0, CELLS + 10, 0)
    nuclei = np.where(CELLS == 1, CELLS, 0)
    nuclei[:, 1::2] = 0
    layers = [viewer.add_labels(nuclei), viewer.add_labels(outer)]

    save(tmp_path / "a.csv", layers[::order])

    table = pd.read_csv(tmp_path / "a.csv")
    assert table["label"].tolist() == [1]
    assert table["parent"].tolist() == [11]
    assert table["parent_share"].tolist() == [1]


def test_an_image_of_another_shape_is_named(
    tmp_path: Path, viewer: ViewerModel, cells: Labels
) -> None:
    other = viewer.add_image(np.zeros((9, 9)), name="other")

    with pytest.raises(UserError, match="'other' has the shape"):
        save(tmp_path / "a.csv", [cells, other])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.zip", "a.geojson", "a.json", "a.csv"])
def test_strokes_are_no_cells(tmp_path: Path, viewer: ViewerModel, name: str) -> None:
    layer = viewer.add_labels(CELLS[0] - (CELLS[1] > 0), name="painted")

    with pytest.raises(UserError, match=r"'painted' holds background strokes \(-1\)"):
        save(tmp_path / name, [layer])
    assert list(tmp_path.iterdir()) == []


def test_napari_still_saves_annotations_as_tiff(
    tmp_path: Path, viewer: ViewerModel
) -> None:
    """Where nobody asks for our writer, napari's own keeps the strokes."""
    painted = CELLS[0] - (CELLS[1] > 0)
    layer = viewer.add_labels(painted, name="painted")

    save(tmp_path / "a.tif", [layer])

    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), painted)


def test_the_layer_list_saves_what_is_selected(
    tmp_path: Path, viewer: ViewerModel, cells: Labels
) -> None:
    viewer.layers.selection = {cells}

    written = viewer.layers.save(str(tmp_path / "a.zip"), selected=True)

    assert written == [str(tmp_path / "a.zip")]
    found = read_rois(tmp_path / "a.zip", CELLS.shape, axes="TYX")
    np.testing.assert_array_equal(found, CELLS)


def test_axes_without_names_are_planes(tmp_path: Path, viewer: ViewerModel) -> None:
    layer = viewer.add_labels(CELLS[None], name="plain")

    save(tmp_path / "a.json", [layer])

    assert read_coco(tmp_path / "a.json").axes == "TZYX"
