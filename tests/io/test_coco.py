"""COCO JSON, written and read as pycocotools does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stnp
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from napari_metaseg.core.classes import CellClass
from napari_metaseg.core.errors import UserError
from napari_metaseg.io.coco import read_coco, write_coco
from napari_metaseg.io.run_length import decode_runs, find_runs

if TYPE_CHECKING:
    from pathlib import Path

LABELS = np.zeros((2, 20, 30), np.int32)
LABELS[0, 2:6, 3:9] = 3
LABELS[0, 2:6, 9:12] = 4
LABELS[1, 10:16, 12:20] = 7
LABELS[1, 12:14, 14:16] = 0
LABELS[1, 0, 0] = 7


# pycocotools' own, with NumPy 2.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_pycocotools_finds_the_same_pixels(tmp_path: Path) -> None:
    path = write_coco(tmp_path / "a.json", LABELS, axes="TYX", image_name="cells.tif")

    coco = COCO(path)

    drawn = np.zeros_like(LABELS)
    for k in coco.getImgIds():
        (image,) = coco.loadImgs(k)
        assert (image["width"], image["height"]) == (30, 20)
        assert image["file_name"] == "cells.tif"
        for cell in coco.loadAnns(coco.getAnnIds(imgIds=k, catIds=coco.getCatIds())):
            inside = coco.annToMask(cell) == 1
            drawn[image["plane"]["t"]][inside] = cell["label"]
            encoded = coco.annToRLE(cell)
            assert cell["area"] == coco_mask.area(encoded) == inside.sum()
            assert cell["bbox"] == coco_mask.toBbox(encoded).tolist()
            assert cell["iscrowd"] == 0
    np.testing.assert_array_equal(drawn, LABELS)
    assert len(set(coco.getAnnIds())) == 3


masks = stnp.arrays(
    np.uint8,
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    elements=st.integers(0, 1),
)


@settings(max_examples=60)
@given(mask=masks, zoom=st.integers(1, 20))
def test_run_lengths_are_those_of_pycocotools(mask: np.ndarray, zoom: int) -> None:
    mask = np.asfortranarray(mask.repeat(zoom, axis=0))
    packed = coco_mask.encode(mask)["counts"].decode()

    for runs in find_runs(mask):
        plain = {"size": list(mask.shape), "counts": runs.counts}
        ours = coco_mask.frPyObjects(plain, *mask.shape)
        assert ours["counts"].decode() == packed
        assert runs.area == mask.sum()

    found = np.zeros_like(mask)
    found[decode_runs(packed, *mask.shape)] = 1
    np.testing.assert_array_equal(found, mask)


def content(segmentation: Any, **more: Any) -> dict[str, Any]:
    return {
        "images": [{"id": 5, "width": 6, "height": 4}],
        "annotations": [{"id": 1, "image_id": 5, "segmentation": segmentation, **more}],
    }


def write(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def test_polygons_of_other_programs_are_read(tmp_path: Path) -> None:
    parts = [[1, 1, 3, 1, 3, 3, 1, 3], [4, 0, 6, 0, 6, 1, 4, 1]]

    found = read_coco(write(tmp_path / "a.json", content(parts)))

    expected = np.zeros((4, 6), np.int32)
    expected[1:3, 1:3] = expected[0, 4:6] = 1
    np.testing.assert_array_equal(found.data, expected)
    assert found.axes == "YX"


def test_a_plane_that_is_missing_is_damage(tmp_path: Path) -> None:
    path = write_coco(tmp_path / "a.json", LABELS, axes="TYX")
    value = json.loads(path.read_text(encoding="utf-8"))
    value["images"][1]["plane"]["t"] = 2

    with pytest.raises(UserError, match="damaged"):
        read_coco(write(path, value))


@pytest.mark.parametrize(
    "segmentation",
    [
        {"size": [4, 6], "counts": [0, 25]},
        {"size": [4, 6], "counts": [-1, 5]},
        {"size": [4, 6], "counts": [2**62, 2**62]},
        {"size": [4, 6], "counts": [0.5, 2]},
        {"size": [4, 6], "counts": "\x00"},
        {"size": [4, 6], "counts": "o"},
        {"size": [4, 6], "counts": "o" * 99},
        {"size": [6, 4], "counts": [0, 24]},
        {"counts": [0, 24]},
        [[1, 2, 3]],
        [["a", "b"]],
        7,
        None,
    ],
)
def test_damaged_masks_are_refused(tmp_path: Path, segmentation: Any) -> None:
    with pytest.raises(UserError, match="damaged"):
        read_coco(write(tmp_path / "a.json", content(segmentation)))


@pytest.mark.parametrize("more", [{"label": -1}, {"label": 2**32}, {"label": "x"}])
def test_numbers_that_are_no_labels_are_refused(tmp_path: Path, more: Any) -> None:
    with pytest.raises(UserError):
        read_coco(write(tmp_path / "a.json", content([[0, 0, 1, 0, 1, 1]], **more)))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_class_is_a_category(tmp_path: Path) -> None:
    classes = {3: CellClass("round", 0.5), 7: CellClass("long", 1.0)}

    path = write_coco(tmp_path / "a.json", LABELS, axes="TYX", classes=classes)

    coco = COCO(path)
    names = {c["id"]: c["name"] for c in coco.loadCats(coco.getCatIds())}
    found = {a["label"]: names[a["category_id"]] for a in coco.anns.values()}
    assert found == {3: "round", 4: "cell", 7: "long"}
    (long,) = coco.getCatIds(catNms=["long"])
    (cell,) = coco.loadAnns(coco.getAnnIds(catIds=[long]))
    assert cell["probability"] == 1
    np.testing.assert_array_equal(read_coco(path).data, LABELS)
