"""Sessions and models that are dropped into napari."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers import Layer
from npe2 import PluginManager, PluginManifest
from npe2.io_utils import read

from napari_metaseg.gui import images, readers, world
from napari_metaseg.io.bundle import find_bundle
from napari_metaseg.io.images import ImageFile
from napari_metaseg.workflows.session import (
    Session,
    SessionSettings,
    current_versions,
    read_model_files,
    session_image,
)
from napari_metaseg.workflows.session_file import read_session, save_session

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
IMAGE = np.random.default_rng(0).integers(0, 255, (2, 30, 40, 3)).astype(np.uint8)
PAINTED = np.zeros((2, 30, 40), np.int32)
PAINTED[1, 3:9, 4:12] = 3
PAINTED[0, 20] = -1
CELLS = np.where(PAINTED > 0, PAINTED, 0)
CELLS[0, 1:6, 20:30] = 12


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginManager]:
    """Return npe2 with this plugin alone, as the manifest at the top level is."""
    manager = PluginManager()
    manager.register(PluginManifest.from_file(ROOT / "napari.yaml"))
    monkeypatch.setattr(PluginManager, "instance", lambda: manager)
    yield manager


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(readers, "show_info", lines.append)
    monkeypatch.setattr(readers, "show_warning", lines.append)
    return lines


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a session whose model is not looked at here."""
    monkeypatch.setattr(
        "napari_metaseg.workflows.session_file._check_models", lambda _: None
    )
    tifffile.imwrite(tmp_path / "cells.tif", IMAGE, photometric="rgb")
    picture = ImageFile(IMAGE, "TYXC", (0.5, 0.25))
    image = session_image(picture, tmp_path / "cells.tif", PAINTED, CELLS)
    files = read_model_files(find_bundle("maml"))
    models = {"initialization": files, "adapted": files}
    values = Session((image,), SessionSettings(), models, current_versions())
    return save_session(tmp_path / "day 1.metaseg", values)


def test_a_session_opens_as_image_cells_and_annotation(
    plugins: PluginManager, session: Path, told: list[str]
) -> None:
    layers = read([str(session)], stack=False)

    viewer = ViewerModel()
    for each in layers:
        viewer.add_layer(Layer.create(*each))
    image, cells, painted = viewer.layers
    assert [layer.name for layer in viewer.layers] == [
        "cells",
        "cells cells",
        "cells annotation",
    ]
    np.testing.assert_array_equal(image.data, IMAGE)
    np.testing.assert_array_equal(cells.data, CELLS)
    np.testing.assert_array_equal(painted.data, PAINTED)
    assert image.rgb
    assert painted.data.dtype == np.int32
    for layer, role in zip(
        viewer.layers, ("image", "cells", "annotation"), strict=True
    ):
        assert tuple(layer.scale) == (1, 0.5, 0.25)
        assert world.pixel_size(layer) == (0.5, 0.25)
        known = layer.metadata[readers.SESSION]
        assert (known.path, known.number, known.role) == (session, 0, role)
        assert (known.axes, known.target) == ("TYXC", "cells")
    assert images.file_of(image) == session.parent / "cells.tif"
    assert [way.axes for way in images.readings(image)] == ["TYXC"] * 4
    assert told == []


def test_the_distance_of_planes_comes_back(session: Path) -> None:
    known = read_session(session)
    reference = replace(known.images[0].reference, axes="ZYXC", z_step=2.0)
    stack = replace(known, images=(replace(known.images[0], reference=reference),))
    save_session(session, stack, overwrite=True)

    layers = [Layer.create(*each) for each in readers.session_layers(session)]

    for layer in layers:
        assert tuple(layer.scale) == (2, 0.5, 0.25)
        assert world.z_step(layer, "ZYX") == 2


def test_an_image_comes_back_to_the_place_its_file_tells(
    session: Path, tmp_path: Path
) -> None:
    moved = ImageFile(IMAGE, "ZYXC", (0.5, 0.25), 2.0, offset=(1, 10, -4))
    known = read_session(session)
    image = session_image(moved, tmp_path / "cells.tif", PAINTED, CELLS)
    save_session(session, replace(known, images=(image,)), overwrite=True)

    layers = [Layer.create(*each) for each in readers.session_layers(session)]

    assert len(layers) == 3
    for layer in layers:
        assert tuple(layer.data_to_world((0, 0, 0))) == (2, 5, -1)
        assert tuple(layer.data_to_world((1, 1, 1))) == (4, 5.5, -0.75)
        assert world.offset(layer, "ZYX") == (1, 10, -4)
        assert world.pixel_size(layer) == (0.5, 0.25)


def test_what_was_painted_opens_without_the_image(
    plugins: PluginManager, session: Path, told: list[str]
) -> None:
    (session.parent / "cells.tif").unlink()

    layers = read([str(session)], stack=False)

    assert [attributes["name"] for _, attributes, _ in layers] == [
        "cells cells",
        "cells annotation",
    ]
    assert told[0].startswith("'cells' of the session is not where it was")


@pytest.mark.parametrize("name", ["maml", "imaml"])
def test_an_initialization_says_how_it_is_used(
    plugins: PluginManager, told: list[str], name: str
) -> None:
    layers = read([str(find_bundle(name) / "card.json")], stack=False)

    assert layers == [(None,)]
    assert "is an initialization; adapt with it by" in told[0]
    assert f"--init {find_bundle(name)}" in told[0]


def test_other_files_are_left_to_others(plugins: PluginManager, tmp_path: Path) -> None:
    for name in ("a.json", "cards.json", "a.zip", "."):
        assert not list(plugins.iter_compatible_readers([str(tmp_path / name)]))
