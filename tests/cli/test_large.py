"""``napari-metaseg segment-large``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tifffile
import zarr

from napari_metaseg.cli import main
from napari_metaseg.data.synthetic import sample_scene
from napari_metaseg.workflows.adapt import adapt

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_movie_becomes_linked_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = sample_scene("fluorescence", size=(120, 130), seed=3)
    largest = np.argsort(np.bincount(scene.masks.ravel()))[-4:-1]
    painted = np.where(np.isin(scene.masks, largest), scene.masks, 0)
    adapt(scene.image, painted).save(tmp_path / "model")
    movie = np.stack([scene.image] * 3)
    tifffile.imwrite(
        tmp_path / "movie.ome.tif",
        movie,
        metadata={"axes": "TYX", "PhysicalSizeY": 0.5, "PhysicalSizeX": 0.5},
    )
    given = ["segment-large", str(tmp_path / "model"), str(tmp_path / "movie.ome.tif")]
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
