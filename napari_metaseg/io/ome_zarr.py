"""Opening OME-Zarr images, versions 0.4 and 0.5."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import zarr

from napari_metaseg.core.errors import UserError

from .images import damage_told
from .lazy import OpenedImage, open_arrays
from .pixel_size import micrometres

if TYPE_CHECKING:
    from pathlib import Path


def open_ome_zarr(path: Path) -> OpenedImage:
    """Open the first image of an OME-Zarr folder with all of its levels.

    Raises
    ------
    UserError
        If it is no such folder, or a damaged one.
    """
    if not any((path / name).is_file() for name in ("zarr.json", ".zgroup", ".zarray")):
        raise UserError(f"{path} is a folder; name one image file or OME-Zarr in it.")
    with damage_told(path):
        node: Any = zarr.open(str(path), mode="r")
        if isinstance(node, zarr.Array):
            # Two axes are Y and X; of more nobody knows.
            return open_arrays(path, [node], "?" * (node.ndim - 2) + "YX", None)
        described: dict[str, Any] = dict(node.attrs)
        described = described.get("ome", described)
        scales = described.get("multiscales")
        if not scales:
            raise UserError(
                f"{path} holds no image of its own; name one of the OME-Zarr images "
                "in it."
            )
        first = scales[0]
        arrays = [node[level["path"]] for level in first["datasets"]]
        axes = [_axis(axis) for axis in first.get("axes", "tczyx")]
        letters = "".join(name for name, _ in axes)
        steps, moved = _placement(first, len(axes))
        lengths = {a: s * (f or 0) for (a, f), s in zip(axes, steps, strict=True)}
        size = lengths["Y"], lengths["X"]
        known = size if min(size) > 0 else None
        step = lengths.get("Z") or None
        # In pixels, so that it needs no unit.
        shift = dict(
            zip(
                letters, (m / s for m, s in zip(moved, steps, strict=True)), strict=True
            )
        )
        offset = shift.get("Z", 0.0), shift["Y"], shift["X"]
        return open_arrays(path, arrays, letters, known, z_step=step, offset=offset)


def _axis(axis: Any) -> tuple[str, float | None]:
    """Return the letter of an axis, and its unit in µm."""
    if isinstance(axis, str):
        return axis.upper(), None
    return axis["name"].upper(), micrometres(axis.get("unit"))


def _placement(
    described: dict[str, Any], count: int
) -> tuple[list[float], list[float]]:
    """Return step and shift along each axis at full resolution, in the axis's unit."""
    steps, moved = [1.0] * count, [0.0] * count
    for part in (described["datasets"][0], described):
        for transform in part.get("coordinateTransformations", ()):
            if transform["type"] == "scale":
                scale = transform["scale"]
                steps = [a * b for a, b in zip(steps, scale, strict=True)]
                moved = [a * b for a, b in zip(moved, scale, strict=True)]
            elif transform["type"] == "translation":
                shift = transform["translation"]
                moved = [a + b for a, b in zip(moved, shift, strict=True)]
    return steps, moved
