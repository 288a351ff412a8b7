"""Measurements against closed forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from skimage.draw import ellipse

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.images import ImageFile
from napari_metaseg.workflows.export import export_labels
from napari_metaseg.workflows.figure import FigureSettings
from napari_metaseg.workflows.measure import measure

if TYPE_CHECKING:
    from pathlib import Path

LABELS = np.zeros((2, 40, 60), np.int32)
LABELS[0, 3:7, 10:20] = 4
LABELS[1, 20:30, 20:30] = 4
LABELS[1, 0, 0] = 9


def test_a_rectangle_has_the_numbers_of_a_rectangle() -> None:
    table = measure(LABELS[0], pixel_size=(0.5, 0.5))

    (row,) = table.to_dict("records")
    assert row["label"] == 4
    assert (row["centroid_y_px"], row["centroid_x_px"]) == (4.5, 14.5)
    assert (row["centroid_y_um"], row["centroid_x_um"]) == (2.25, 7.25)
    assert (row["area_px2"], row["area_um2"]) == (40, 10)
    # Along the centres of the outermost pixels.
    assert row["perimeter_px"] == 2 * (3 + 9)
    assert row["perimeter_um"] == 3 + 9
    assert row["solidity"] == 1
    # Second moments of a box of n unit pixels: n² / 12, an axis is 4 σ.
    assert row["axis_major_px"] == pytest.approx(4 * 10 / np.sqrt(12), rel=0.01)
    assert row["axis_minor_um"] == pytest.approx(4 * 2 / np.sqrt(12), rel=0.05)
    assert abs(row["orientation_rad"]) == pytest.approx(np.pi / 2)


def test_pixels_that_are_not_square_are_seen_as_they_are() -> None:
    """A disk of 30 µm, sampled at 1 and 0.5 µm, is an ellipse only in pixels."""
    labels = np.zeros((50, 90), np.int32)
    labels[ellipse(25, 45, 15, 30)] = 1

    (row,) = measure(labels, pixel_size=(1.0, 0.5)).to_dict("records")
    (plain,) = measure(labels).to_dict("records")

    assert row["eccentricity"] < 0.2 < 0.8 < plain["eccentricity"]
    assert row["axis_major_um"] == pytest.approx(30, rel=0.03)
    assert row["axis_major_px"] == pytest.approx(60, rel=0.03)
    assert row["area_um2"] == pytest.approx(np.pi * 15**2, rel=0.03)
    assert np.isnan(row["perimeter_um"])


def test_planes_and_channels_have_rows_and_columns() -> None:
    image = np.zeros((2, 3, 40, 60), np.uint16)
    image[0, 0, 3:7, 10:15], image[0, 0, 3:7, 15:20] = 1000, 3000
    image[1, 2] = 7

    table = measure(LABELS, axes="TYX", image=image, image_axes="TCYX")

    assert table["label"].tolist() == [4, 4, 9]
    assert table["t"].tolist() == [0, 1, 1]
    assert table["area_px2"].tolist() == [40, 100, 1]
    assert table["intensity_mean_c0"].tolist() == [2000, 0, 0]
    assert table["intensity_min_c0"].tolist() == [1000, 0, 0]
    assert table["intensity_max_c0"].tolist() == [3000, 0, 0]
    assert table["intensity_std_c0"].tolist() == [1000, 0, 0]
    assert table["intensity_mean_c2"].tolist() == [0, 7, 7]
    one = measure(LABELS, axes="TYX", image=image, image_axes="TCYX", channel=2)
    assert one["intensity_mean"].tolist() == [0, 7, 7]
    named = measure(
        LABELS, axes="TYX", image=image, channel_names=["dna", "actin", "er"]
    )
    assert named["intensity_mean_er"].tolist() == [0, 7, 7]


def test_no_cells_give_the_same_columns() -> None:
    blank = np.zeros((2, 8, 9), np.int32)
    image = np.zeros((2, 8, 9, 3))

    for pixel_size in (None, (0.5, 0.5), (1.0, 0.5)):
        given: dict[str, Any] = {
            "axes": "TYX",
            "pixel_size": pixel_size,
            "image": image,
            "image_axes": "TYXC",
        }
        empty, full = measure(blank, **given), measure(blank + 1, **given)
        assert len(empty) == 0
        assert empty.columns.tolist() == full.columns.tolist()


def test_numbers_may_be_large() -> None:
    table = measure(np.array([[0, 2**32 - 1], [5, 5]]))

    assert table["label"].tolist() == [5, 2**32 - 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image": np.zeros((2, 40, 61))}, "choose the image|not clear"),
        ({"image": np.zeros((40, 60)), "image_axes": "YX"}, "choose the image"),
        ({"image": np.zeros(LABELS.shape), "channel": 2}, "no channel 2"),
        ({"image": np.full(LABELS.shape, np.nan)}, "not finite"),
        ({"image": np.zeros(LABELS.shape), "channel_names": ["a", "b"]}, "a name"),
        ({"pixel_size": (0.0, 1.0)}, "is no length"),
        ({"axes": "YX"}, "do not describe"),
    ],
)
def test_what_does_not_fit_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        measure(LABELS, **({"axes": "TYX"} | arguments))


def test_pandas_reads_the_table(tmp_path: Path) -> None:
    image = ImageFile(np.random.default_rng(0).random(LABELS.shape), "TYX", (0.3, 0.3))

    path = export_labels(tmp_path / "a.csv", LABELS, axes="TYX", image=image)

    expected = measure(LABELS, axes="TYX", image=image.data, pixel_size=(0.3, 0.3))
    pd.testing.assert_frame_equal(pd.read_csv(path), expected, rtol=1e-14)


def test_planes_of_the_image_are_found_in_whatever_order_they_are(
    tmp_path: Path,
) -> None:
    """As OME-TIFF of the order XYTZC has them, whose labels are written T first."""
    labels = np.zeros((2, 3, 8, 8), np.int32)
    labels[..., 2:5, 2:5] = 1
    tz = np.array([[10, 20, 30], [40, 50, 60]])
    image = np.zeros((2, 3, 2, 8, 8)) + tz[:, :, None, None, None]
    image[:, :, 1] += 5
    stored = image.transpose(1, 2, 0, 3, 4)

    table = measure(labels, axes="TZYX", image=stored, image_axes="ZCTYX")
    pictures = [
        export_labels(
            tmp_path / f"{order}.png",
            labels,
            axes="TZYX",
            image=ImageFile(data, order, None),
            figure=FigureSettings(plane=(1, 2)),
        ).read_bytes()
        for data, order in ((stored, "ZCTYX"), (image, "TZCYX"))
    ]

    known = table.set_index(["t", "z"])
    for t, z in np.ndindex(2, 3):
        assert known.loc[(t, z), "intensity_mean_c0"] == tz[t, z]
        assert known.loc[(t, z), "intensity_mean_c1"] == tz[t, z] + 5
    assert pictures[0] == pictures[1]
