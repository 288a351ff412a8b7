"""COCO JSON: run-length masks, which keep holes and every pixel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.errors import UserError

from .drawing import as_signed, check_shape, fill, number_all
from .files import atomic_file
from .images import ImageFile
from .json_files import encode, read_json, write_items
from .labels import as_unsigned, check_axes
from .run_length import decode_runs, find_runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import ArrayLike, NDArray

    from napari_metaseg.core.classes import CellClass

_CATEGORIES = [{"id": 1, "name": "cell", "supercategory": ""}]
_INFO = {"description": "Instances of napari-metaseg"}


def write_coco(
    path: str | Path,
    labels: ArrayLike,
    *,
    axes: str = "YX",
    image_name: str | None = None,
    classes: Mapping[int, CellClass] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write instances as a COCO data set with the category ``cell``, and classes.

    Each plane is an image of its own, which says under ``plane`` which one it is;
    each annotation says under ``label`` which number its cell has.

    Parameters
    ----------
    path : str or Path
        Name ending in ``.json``.
    labels : array_like of int
        Instances from 0 (no cell) upwards, in the order of `axes`.
    axes : str
        One letter of ``TZYX`` per axis, ending in ``YX``.
    image_name : str, optional
        Name of the image's file; by default that of `path`, ending in ``.tif``.
    classes : mapping of int to CellClass, optional
        Class of some cells, by number: each class is a category below ``cell``, and
        each of its annotations has its ``probability``.
    overwrite : bool
        Whether an existing file is replaced.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    UserError
        If labels or axes make no sense, or the file cannot be written.
    """
    path = Path(path)
    values = as_unsigned(np.asarray(labels))
    check_axes(axes, values.shape)
    name = image_name or f"{path.stem}.tif"
    known = classes or {}
    names = sorted({cell.name for cell in known.values()})
    below = [
        {"id": k, "name": n, "supercategory": "cell"}
        for k, n in enumerate(names, start=2)
    ]
    categories = [*_CATEGORIES, *below]
    with atomic_file(path, overwrite=overwrite) as file:
        file.write(b'{"info":' + encode(_INFO) + b',"licenses":[],"categories":')
        file.write(encode(categories) + b',\n"images":')
        write_items(file, _images(values, axes[:-2], name))
        file.write(b',\n"annotations":')
        write_items(file, _annotations(values, known, names))
        file.write(b"}\n")
    return path


def _images(labels: NDArray[Any], axes: str, name: str) -> Iterator[dict[str, Any]]:
    height, width = labels.shape[-2:]
    for k, plane in enumerate(np.ndindex(labels.shape[:-2])):
        image = {"id": k + 1, "width": width, "height": height, "file_name": name}
        if axes:
            image["plane"] = dict(zip(axes.lower(), plane, strict=True))
        yield image


def _annotations(
    labels: NDArray[Any], classes: Mapping[int, CellClass], names: list[str]
) -> Iterator[dict[str, Any]]:
    size = list(labels.shape[-2:])
    number = 0
    for k, plane in enumerate(np.ndindex(labels.shape[:-2])):
        for runs in find_runs(labels[plane]):
            number += 1
            cell = classes.get(runs.label)
            known = {} if cell is None else {"probability": round(cell.probability, 4)}
            yield {
                "id": number,
                "image_id": k + 1,
                "category_id": 1 if cell is None else 2 + names.index(cell.name),
                "label": runs.label,
                **known,
                "iscrowd": 0,
                "area": runs.area,
                "bbox": runs.box,
                "segmentation": {"size": size, "counts": runs.counts},
            }


def read_coco(path: str | Path) -> ImageFile:
    """Read the instances of one image, or of the planes of one stack.

    Run lengths, compressed or not, and polygons are drawn; categories are not told
    apart. Cells that `write_coco` wrote keep their numbers, others get the next
    ones. Where masks overlap, the later is on top.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    ImageFile
        int32 labels with their axes.

    Raises
    ------
    UserError
        If the file is damaged or is about several images.
    """
    path = Path(path)
    content = read_json(path, "COCO")
    try:
        images, cells = content["images"], content["annotations"]
        sizes = {(int(i["height"]), int(i["width"])) for i in images}
        if len(images) > 1 and not all("plane" in i for i in images):
            raise UserError(
                f"{path} is about {len(images)} images; split it into one file for "
                "each image."
            )
        (size,) = sizes
        axes, planes = _planes(images)
        numbers = number_all([int(c.get("label", 0)) for c in cells])
        shape = tuple(max(i) + 1 for i in zip(*planes.values(), strict=True)) + size
        check_shape(shape)
        if len(set(planes.values())) != np.prod(shape[:-2], dtype=int):
            raise ValueError("planes missing or named twice")
        drawn = np.zeros(shape, np.uint32)
        for cell, number in zip(cells, numbers, strict=True):
            draw_mask(drawn[planes[cell["image_id"]]], cell["segmentation"], number)
    except UserError:
        raise
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} is no COCO file of one image's instances, or is damaged; export "
            "it again."
        ) from error
    return ImageFile(as_signed(drawn), f"{axes}YX", None)


def _planes(images: list[Any]) -> tuple[str, dict[Any, tuple[int, ...]]]:
    """Return the letters of the axes of planes, and the place of each image."""
    stated = [image.get("plane", {}) for image in images]
    axes = "".join(stated[0])
    places = {}
    for image, plane in zip(images, stated, strict=True):
        place = tuple(int(plane[a]) for a in axes)
        if len(plane) != len(axes) or min(place, default=0) < 0:
            raise ValueError(plane)
        places[image["id"]] = place
    if not set(axes) <= set("tz") or len(places) != len(images):
        raise ValueError(axes)
    return axes.upper(), places


def draw_mask(plane: NDArray[np.uint32], mask: Any, number: int) -> None:
    """Draw the mask of one annotation.

    Parameters
    ----------
    plane : (Y, X) array of uint32
        Drawn into.
    mask : dict or list
        Run lengths or polygons, as under ``segmentation``.
    number : int
        Value of its pixels.

    Raises
    ------
    UserError, AttributeError, LookupError, OverflowError, TypeError, ValueError
        If it is damaged or of another size.
    """
    height, width = plane.shape
    if isinstance(mask, dict):
        if list(mask["size"]) != [height, width]:
            raise ValueError("a mask of another size")
        plane[decode_runs(mask["counts"], height, width)] = number
        return
    for corners in mask:
        ring = np.asarray(corners, float).reshape(-1, 2)
        if not np.isfinite(ring).all():
            raise ValueError("no corners")
        window, inside = fill([ring], height, width)
        plane[window][inside] = number
