"""``napari-metaseg segment-large``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
import zarr

from napari_metaseg.cli import main
from napari_metaseg.data.synthetic import sample_scene
from napari_metaseg.workflows.adapt import adapt

if TYPE_CHECKING:
    from pathlib import Path

SCENE = sample_scene("fluorescence", size=(120, 130), seed=3)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    largest = np.argsort(np.bincount(SCENE.masks.ravel()))[-4:-1]
    painted = np.where(np.isin(SCENE.masks, largest), SCENE.masks, 0)
    folder = tmp_path_factory.mktemp("models") / "model"
    adapt(SCENE.image, painted).save(folder)
    return folder


def test_a_movie_becomes_linked_labels(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    movie = np.stack([SCENE.image] * 3)
    tifffile.imwrite(
        tmp_path / "movie.ome.tif",
        movie,
        metadata={"axes": "TYX", "PhysicalSizeY": 0.5, "PhysicalSizeX": 0.5},
    )
    given = ["segment-large", str(model), str(tmp_path / "movie.ome.tif")]
    output = tmp_path / "cells.zarr"

    assert main([*given, "--output", str(output), "--link", "t"]) == 0

    group = zarr.open_group(str(output), mode="r")
    labels = group["0"][:]
    assert labels.max() > 1
    assert (labels == labels[0]).all()
    described = group.attrs["ome"]["multiscales"][0]
    scale = described["datasets"][0]["coordinateTransformations"][0]["scale"]
    assert scale == [1.0, 0.5, 0.5]
    assert "100 %" in capsys.readouterr().err

    assert main([*given, "--output", str(output)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main([*given, "--output", str(tmp_path / "b.tif"), "--link", "z"]) == 2
    assert "along Z" in capsys.readouterr().err
    assert not (tmp_path / "b.tif.partial").exists()


def test_a_blank_image_and_further_ones_are_told(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dim = SCENE.image.min() + (SCENE.image - SCENE.image.min()) * 0.1
    with tifffile.TiffWriter(tmp_path / "wells.ome.tif", ome=True) as file:
        for image in (dim, SCENE.image):
            file.write(image, metadata={"axes": "YX"}, photometric="minisblack")
    given = [str(tmp_path / name) for name in ("wells.ome.tif", "cells.tif")]

    assert main(["segment-large", str(model), given[0], "--output", given[1]]) == 0

    out = capsys.readouterr().out
    assert "the first of 2 images in the file" in out
    assert "so it counts as blank" in out
