"""Measurements as napari's table of features."""

from __future__ import annotations

import numpy as np
import pandas as pd
from napari.layers import Labels

from napari_metaseg.workflows.features import features_of
from napari_metaseg.workflows.measure import measure

CELLS = np.zeros((3, 20, 24), np.int32)
CELLS[0, 2:6, 3:9] = 900
CELLS[1, 2:8, 3:9] = 900
CELLS[1, 12:16, 12:20] = 4


def test_napari_shows_the_row_of_the_cell_under_the_mouse() -> None:
    layer = Labels(CELLS[1])

    layer.features = features_of(CELLS[1])

    shown = [layer.get_status(place)["coordinates"] for place in ((3, 4), (13, 14))]
    assert "area_px2: 36" in shown[0]
    assert "area_px2: 32" in shown[1]
    assert layer.features["index"].tolist() == [4, 900]


def test_a_plane_has_the_measurements_as_they_are() -> None:
    image = np.random.default_rng(0).normal(size=(20, 24))
    known = {"image": image, "pixel_size": (0.5, 0.2)}

    table = features_of(CELLS[1], **known)

    expected = measure(CELLS[1], **known).rename(columns={"label": "index"})
    pd.testing.assert_frame_equal(table, expected, check_dtype=False)


def test_a_number_has_one_row_in_a_stack() -> None:
    table = features_of(CELLS, axes="ZYX").set_index("index")

    assert table.loc[900, "area_px2"] == (24 + 36) / 2
    assert table["planes"].tolist() == [1, 2]


def test_no_cells_make_an_empty_table() -> None:
    table = features_of(CELLS[2])

    assert len(table) == 0
    assert table.columns[0] == "index"
    Labels(CELLS[2], features=table)
