"""Every layout but COCO: what is found, read, refused; and imported as it was."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from skimage.segmentation import relabel_sequential

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.io.sources.layouts import LAYOUTS, find_tasks
from napari_metaseg.io.sources.library import import_tasks

from .scenes import (
    SHAPE,
    check,
    labels,
    only,
    picture,
    skipped,
    write,
    write_features,
    write_json,
    write_pair,
    write_rois,
)


def write_own(folder: Path) -> None:
    for k in (0, 1):
        write_pair(folder / f"a/images/{k}.png", folder / f"a/masks/{k}.png", k)


def write_stardist(folder: Path) -> None:
    for k, part in enumerate(("test", "train")):
        inner = folder / part
        write_pair(inner / f"images/{k}.tif", inner / f"masks/{k}.tif", k)


def write_flat_stardist(folder: Path) -> None:
    for k in (0, 1):
        write_pair(folder / f"images/{k}.tif", folder / f"masks/{k}.png", k)


def write_dsb2018(folder: Path) -> None:
    for k in (0, 1):
        name = f"00ae{k}"
        rgba = np.dstack([picture(k)] * 3 + [np.full(SHAPE, 255, np.uint8)])
        write(folder / name / "images" / f"{name}.png", rgba)
        for number in np.unique(labels(k))[1:]:
            mask = (labels(k) == number).astype(np.uint8) * 255
            write(folder / name / "masks" / f"{number:03}.png", mask)


def write_ctc(folder: Path) -> None:
    for k in (0, 1):
        mask = folder / f"0{k + 1}_GT/SEG/man_seg00{k}.tif"
        write_pair(folder / f"0{k + 1}/t00{k}.tif", mask, k)
        write(folder / f"0{k + 1}/t007.tif", picture(7))


def write_cellpose(folder: Path) -> None:
    write_pair(folder / "0_img.png", folder / "0_masks.png", 0)
    write_pair(folder / "train/1.tif", folder / "train/1_cp_masks.tif", 1)


def write_labels(folder: Path) -> None:
    for k in (0, 1):
        image, mask = folder / f"{k}.ome.tif", folder / f"{k}_labels.ome.tif"
        write(image, np.stack([picture(k)] * 3), ome=True, metadata={"axes": "CYX"})
        write(mask, labels(k), ome=True, metadata={"axes": "YX"})


def write_label_folders(folder: Path) -> None:
    for k in (0, 1):
        write_pair(folder / f"images/{k}.tif", folder / f"labels/{k}.tif", k)


def write_imagej(folder: Path) -> None:
    write(folder / "0.tif", picture(0))
    write_rois(folder / "0.zip", labels(0))
    write(folder / "1.ome.tif", picture(1))
    write_rois(folder / "1_RoiSet.zip", labels(1))


def write_qupath(folder: Path) -> None:
    write(folder / "0.tif", picture(0))
    write_features(folder / "0.geojson", labels(0))
    write(folder / "1.ome.tif", picture(1))
    write_features(folder / "1.ome.tif.geojson", labels(1))


WRITERS = {
    "own": [write_own],
    "stardist": [write_stardist, write_flat_stardist],
    "dsb2018": [write_dsb2018],
    "ctc": [write_ctc],
    "cellpose": [write_cellpose],
    "labels": [write_labels, write_label_folders],
    "imagej": [write_imagej],
    "qupath": [write_qupath],
}
EVERY = [(key, writer) for key, writers in WRITERS.items() for writer in writers]
NUMBERED_ANEW = {"dsb2018", "imagej", "qupath"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "data set"
    made.mkdir()
    return made


@pytest.mark.parametrize(("key", "writer"), EVERY)
def test_each_layout_is_found_and_comes_out_of_the_library_as_it_was(
    folder: Path, tmp_path: Path, key: str, writer: object
) -> None:
    writer(folder)  # type: ignore[operator]

    found = only(folder)
    assert found.layout == key
    assert found.name == ("a" if key == "own" else "data_set")
    rows = exhaust(import_tasks([found], tmp_path / "library"))

    (task,) = read_tasks(tmp_path / "library")
    assert (rows[0].images, rows[0].objects) == (2, 8)
    assert rows[0].skipped == ()
    assert task.info.complete is (key != "ctc")
    for k in (0, 1):
        np.testing.assert_array_equal(task.images[k], picture(k))
        expected = labels(k)
        if key in NUMBERED_ANEW:
            expected = relabel_sequential(expected)[0]
        np.testing.assert_array_equal(task.masks[k], expected)


@pytest.mark.parametrize(("key", "writer"), EVERY)
def test_each_is_found_in_a_folder_of_data_sets(
    folder: Path, key: str, writer: object
) -> None:
    writer(folder)  # type: ignore[operator]

    # A folder of one such data set is a folder of tasks.
    expected = "own" if writer is write_flat_stardist else key
    assert [t.layout for t in find_tasks(folder.parent)] == [expected]


def test_every_layout_has_a_writer() -> None:
    assert {layout.key for layout in LAYOUTS} == {*WRITERS, "coco"}


def test_a_folder_in_no_layout_gets_a_sentence(folder: Path) -> None:
    write(folder / "0.tif", picture())

    with pytest.raises(UserError, match=r"no images with masks.*Cellpose \(a_img"):
        find_tasks(folder)
    with pytest.raises(UserError, match="There is no folder"):
        find_tasks(folder / "missing")


def test_two_layouts_in_one_folder_are_two_tasks_and_nothing_is_missing(
    folder: Path,
) -> None:
    write_cellpose(folder)
    write_imagej(folder)

    tasks = find_tasks(folder)

    assert [t.name for t in tasks] == ["data_set", "data_set_imagej"]
    assert [t.skipped for t in tasks] == [(), ()]


def test_a_part_of_a_data_set_is_named_after_all_of_it(folder: Path) -> None:
    write_stardist(folder)

    task = only(folder / "train")

    assert (task.name, task.source) == ("data_set_train", "data set")


def test_pairs_without_a_partner_are_told(folder: Path) -> None:
    for writer, image, mask in (
        (write_flat_stardist, "images/7.tif", "masks/8.tif"),
        (write_cellpose, "7_img.png", "8_masks.png"),
        (write_imagej, "7.tif", "8.zip"),
        (write_qupath, "7.tif", "8.geojson"),
        (write_labels, "7.tif", "8_labels.tif"),
    ):
        inner = folder / writer.__name__
        inner.mkdir()
        writer(inner)
        write(inner / image, picture(7))
        (inner / mask).write_bytes(b"?")

        why = skipped(check(inner)[0])

        assert why.keys() == {Path(image).name, Path(mask).name}
        assert "has no mask" in why[Path(image).name]
        assert "has no image" in why[Path(mask).name]


@pytest.mark.parametrize("damage", [b"", b"what?", b"\x89PNG\r\n\x1a\n??"])
@pytest.mark.parametrize(("key", "writer"), EVERY)
def test_a_damaged_file_costs_one_image(
    folder: Path, key: str, writer: object, damage: bytes
) -> None:
    writer(folder)  # type: ignore[operator]
    pair = only(folder).pairs[0]
    pair.masks.files[0].write_bytes(damage)

    (row,) = check(folder)

    assert (row.images, row.objects) == (1, 4)
    assert len(row.skipped) == 1
    assert row.skipped[0].file == str(pair.image)
    assert pair.masks.files[0].name in row.skipped[0].why


@pytest.mark.parametrize("key", ["own", "stardist", "ctc", "cellpose", "labels"])
def test_masks_of_another_shape_cost_one_image(folder: Path, key: str) -> None:
    WRITERS[key][0](folder)
    pair = only(folder).pairs[1]
    write(pair.masks.files[0], labels()[:-1])

    (row,) = check(folder)

    assert row.images == 1
    assert "39 x 50 px" in row.skipped[0].why
    assert "40 x 50 px" in row.skipped[0].why


def test_a_file_of_an_object_of_another_shape_costs_one_image(folder: Path) -> None:
    write_dsb2018(folder)
    write(only(folder).pairs[0].masks.files[2], np.zeros((3, 4), np.uint8))

    (row,) = check(folder)

    assert row.images == 1
    assert "is 3 x 4 px but its image 40 x 50 px" in row.skipped[0].why


def test_an_image_without_files_of_objects_is_told(folder: Path) -> None:
    write_dsb2018(folder)
    write(folder / "ff/images/ff.png", picture())

    assert skipped(check(folder)[0]) == {"ff.png": "has no files of objects"}


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("bare", [False, True])
def test_a_pickle_of_cellpose_is_refused_and_not_opened(
    folder: Path, bare: bool
) -> None:
    write_cellpose(folder)
    write(folder / "7.tif", picture(7))
    trace = folder / "trace"
    if bare:
        (folder / "7_seg.npy").write_bytes(pickle.dumps(Trap(trace)))
    else:
        content = np.array({"masks": labels(), "x": Trap(trace)}, dtype=object)
        np.save(folder / "7_seg.npy", content, allow_pickle=True)

    (row,) = check(folder)

    assert row.images == 2
    assert "save the masks as PNG or TIFF in Cellpose" in skipped(row)["7.tif"]
    assert not trace.exists()


def test_a_plain_array_is_no_pickle_and_masks_come_first(folder: Path) -> None:
    write(folder / "0_img.tif", picture(0))
    np.save(folder / "0_seg.npy", labels(0).astype(np.int32))
    write_pair(folder / "1.tif", folder / "1_masks.tif", 1)
    (folder / "1_seg.npy").write_bytes(b"not looked at")

    (row,) = check(folder)

    assert (row.images, row.objects, row.skipped) == (2, 8, ())


@pytest.mark.parametrize(
    "array", [np.zeros(SHAPE, float), np.zeros((400, 500), np.int32)]
)
def test_an_array_that_is_no_label_image_is_refused(
    folder: Path, array: np.ndarray
) -> None:
    write_cellpose(folder)
    write(folder / "7.tif", picture(7))
    np.save(folder / "7_seg.npy", array)

    assert "no label image of its image" in skipped(check(folder)[0])["7.tif"]


def test_an_array_shorter_than_its_header_says_is_refused(folder: Path) -> None:
    write_cellpose(folder)
    write(folder / "7.tif", picture(7))
    path = folder / "7_seg.npy"
    np.save(path, labels())
    path.write_bytes(path.read_bytes()[:-100])

    assert "or is damaged" in skipped(check(folder)[0])["7.tif"]


def test_silver_truth_is_a_task_of_the_frames_without_gold(folder: Path) -> None:
    for frame in (0, 1, 2):
        write(folder / f"01/t00{frame}.tif", picture(frame))
        write(folder / f"01_ST/SEG/man_seg00{frame}.tif", labels(frame))
    write(folder / "01_GT/SEG/man_seg001.tif", labels(1))
    write(folder / "01_GT/SEG/man_seg009.tif", labels(1))
    write(folder / "01_GT/TRA/man_track000.tif", labels(1))

    gold, silver = find_tasks(folder)

    assert (gold.name, silver.name) == ("data_set", "data_set_ST")
    assert (gold.complete, silver.complete) == (False, True)
    assert gold.source == silver.source
    assert [p.image.name for p in gold.pairs] == ["t001.tif"]
    assert [p.image.name for p in silver.pairs] == ["t000.tif", "t002.tif"]
    assert "has no frame 't009'" in gold.skipped[0].why


def test_gold_truth_of_one_plane_of_a_stack(folder: Path) -> None:
    stack = np.stack([picture(k) for k in range(5)])
    write(folder / "01/t003.tif", stack)
    write(folder / "01_GT/SEG/man_seg_003_002.tif", labels(2))
    write(folder / "01_GT/SEG/man_seg_003_009.tif", labels(2))

    library = folder.parent / "library"
    (row,) = exhaust(import_tasks(find_tasks(folder), library))

    (task,) = read_tasks(library)
    np.testing.assert_array_equal(task.images[0], picture(2))
    np.testing.assert_array_equal(task.masks[0], labels(2))
    assert skipped(row) == {"t003.tif, plane 10": "has no plane 10"}


@pytest.mark.parametrize("axes", ["TYX", "ZYX", None])
def test_a_stack_becomes_one_image_a_plane(folder: Path, axes: str | None) -> None:
    known: dict[str, Any] = {"photometric": "minisblack"}
    if axes is not None:
        known |= {"metadata": {"axes": axes}, "ome": True}
    planes = [labels(0), np.zeros_like(labels()), labels(2)]
    stack = np.stack([picture(k) for k in range(3)])
    tifffile.imwrite(folder / "a.tif", stack, **known)
    tifffile.imwrite(folder / "a_labels.tif", np.stack(planes), **known)

    library = folder.parent / "library"
    (row,) = exhaust(import_tasks(find_tasks(folder), library))

    (task,) = read_tasks(library)
    np.testing.assert_array_equal(task.images, stack[[0, 2]])
    np.testing.assert_array_equal(task.masks, [planes[0], planes[2]])
    assert skipped(row) == {"a.tif": "has 1 planes without objects"}


def test_a_set_of_rois_without_a_name_belongs_to_the_only_image(folder: Path) -> None:
    write(folder / "cells.tif", picture())
    write_rois(folder / "RoiSet.zip", labels())

    assert only(folder).pairs[0].image.name == "cells.tif"


def test_known_facts_of_our_own_tasks_are_kept(folder: Path) -> None:
    write_own(folder)
    facts = {
        "task": "a",
        "source": "there",
        "license": "CC0-1.0",
        "weights_may_be_distributed": True,
        "all_objects_annotated": "no",
        "structure": "nuclei",
    }
    write_json(folder / "tasks.json", [facts])
    library = folder.parent / "library"

    exhaust(import_tasks(find_tasks(folder), library))

    assert read_tasks(library)[0].info == read_tasks(folder)[0].info
    (folder / "tasks.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(UserError, match="damaged"):
        find_tasks(folder)
