"""Small images with known cells, and files of them written by other libraries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from PIL import Image
from pycocotools import mask as coco_mask
from roifile import ROI_TYPE, ImagejRoi, roiwrite

from napari_metaseg.core.generators import exhaust
from napari_metaseg.io.sources.check import TaskRow, check_tasks
from napari_metaseg.io.sources.layouts import find_tasks

if TYPE_CHECKING:
    from pathlib import Path

    from napari_metaseg.io.sources.found import FoundTask

SHAPE = (40, 50)


def labels(seed: int = 0) -> np.ndarray:
    """Draw four rectangles with numbers that have gaps."""
    shift = seed % 7
    drawn = np.zeros(SHAPE, np.uint16)
    for k, (y, x) in enumerate([(2, 3), (2, 25), (20, 5), (22, 28)]):
        drawn[y + shift : y + shift + 8 + k, x : x + 9 + k] = 2 * k + 1
    return drawn


def picture(seed: int = 0) -> np.ndarray:
    """Draw the cells bright on noise."""
    noise = np.random.default_rng(seed).integers(0, 60, SHAPE)
    return (noise + 150 * (labels(seed) > 0)).astype(np.uint8)


def write(path: Path, array: np.ndarray, **more: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        Image.fromarray(array).save(path)
    else:
        tifffile.imwrite(path, array, **more)
    return path


def write_pair(image: Path, mask: Path, seed: int = 0) -> None:
    write(image, picture(seed))
    write(mask, labels(seed))


def write_json(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def boxes(drawn: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Return left, top, right and bottom of each rectangle, in order of number."""
    found = []
    for k in np.unique(drawn[drawn > 0]):
        y, x = np.nonzero(drawn == k)
        found.append((int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1))
    return found


def corners(box: tuple[int, int, int, int]) -> list[list[int]]:
    left, top, right, bottom = box
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def rle(mask: np.ndarray, *, packed: bool) -> dict[str, Any]:
    """Encode a mask as pycocotools does."""
    code = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    if packed:
        return {"size": code["size"], "counts": code["counts"].decode()}
    flat = np.concatenate([[0], mask.ravel(order="F"), [1 - mask[-1, -1]]])
    ends = np.flatnonzero(np.diff(flat)).tolist()
    return {"size": list(mask.shape), "counts": np.diff([0, *ends]).tolist()}


def write_rois(path: Path, drawn: np.ndarray) -> Path:
    rois = []
    for k, box in enumerate(boxes(drawn)):
        roi = ImagejRoi.frompoints(np.array(corners(box), np.float32))
        roi.roitype, roi.name = ROI_TYPE.POLYGON, f"{k:04}"
        rois.append(roi)
    roiwrite(path, rois)
    return path


def write_features(path: Path, drawn: np.ndarray) -> Path:
    features = [
        {
            "type": "Feature",
            "geometry": {
                "type": "Polygon",
                "coordinates": [[*corners(box), corners(box)[0]]],
            },
            "properties": {"objectType": "annotation"},
        }
        for box in boxes(drawn)
    ]
    return write_json(path, {"type": "FeatureCollection", "features": features})


def check(folder: Path) -> list[TaskRow]:
    return exhaust(check_tasks(find_tasks(folder)))


def skipped(row: TaskRow) -> dict[str, str]:
    """Tell why files were skipped, by name."""
    return {s.file.rpartition("/")[2]: s.why for s in row.skipped}


def only(folder: Path) -> FoundTask:
    (task,) = find_tasks(folder)
    return task
