"""ImageJ ROIs: one file a cell and plane, in a zip archive for the ROI Manager."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from roifile import ROI_SUBTYPE, ROI_TYPE, ImagejRoi

from napari_metaseg.core.errors import UserError

from .cell_names import cell_name, cell_number
from .drawing import check_shape, draw_outlines
from .files import atomic_file, check_readable
from .labels import as_unsigned, check_axes
from .outlines import Outline, find_outlines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from .outlines import Ring

# Corners are 16-bit in a plain ROI; above, ImageJ and its readers disagree on the sign.
_FURTHEST = 2**15 - 1
_AREAS = (ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED, ROI_TYPE.RECT)
_MOVE, _LINE, _CLOSE = 0.0, 1.0, 4.0
_LARGEST_ROI = 2**26
_LARGEST_ARCHIVE = 2**30


def write_rois(
    path: str | Path,
    labels: ArrayLike,
    *,
    axes: str = "YX",
    overwrite: bool = False,
) -> Path:
    """Write instances as ROIs for ImageJ's ROI Manager.

    A cell is a traced polygon, or a composite where it has holes or several parts.
    Its name holds its number, its position its plane: the slice in a stack with one
    axis of planes, slice and frame in a hyperstack with two.

    Parameters
    ----------
    path : str or Path
        Name ending in ``.zip``.
    labels : array_like of int
        Instances from 0 (no cell) upwards, in the order of `axes`.
    axes : str
        One letter of ``TZYX`` per axis, ending in ``YX``.
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
    with (
        atomic_file(path, overwrite=overwrite) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for outline in find_outlines(values):
            roi = _roi(outline, axes[:-2])
            # A fixed date: the same labels give the same file.
            archive.writestr(zipfile.ZipInfo(f"{roi.name}.roi"), roi.tobytes())
    return path


def _roi(outline: Outline, axes: str) -> ImagejRoi:
    rings = [ring for polygon in outline.polygons for ring in polygon]
    corners = np.concatenate(rings)
    left, top = corners.min(axis=0).tolist()
    right, bottom = corners.max(axis=0).tolist()
    roi = ImagejRoi(
        name=cell_name(outline.label, axes, outline.plane),
        left=left,
        top=top,
        right=right,
        bottom=bottom,
    )
    if len(rings) == 1 and corners.max() <= _FURTHEST:
        roi.roitype = ROI_TYPE.TRACED
        roi.n_coordinates = len(corners)
        roi.integer_coordinates = (corners - [left, top]).astype(np.int32)
    else:
        roi.roitype = ROI_TYPE.RECT
        roi.multi_coordinates = np.concatenate([_path(ring) for ring in rings])
        roi.shape_roi_size = len(roi.multi_coordinates)
    one_based = {a: i + 1 for a, i in zip(axes, outline.plane, strict=True)}
    if len(axes) == 1:
        roi.position = one_based[axes]
    else:
        roi.t_position, roi.z_position = one_based.get("T", 0), one_based.get("Z", 0)
    return roi


def _path(ring: Ring) -> NDArray[np.float32]:
    """Write a ring as Java's path iterator does."""
    steps = np.full((len(ring), 3), _LINE, np.float32)
    steps[0, 0] = _MOVE
    steps[:, 1:] = ring
    return np.append(steps.ravel(), np.float32(_CLOSE))


def read_rois(
    path: str | Path, shape: tuple[int, ...], *, axes: str = "YX"
) -> NDArray[np.int32] | NDArray[np.uint32]:
    """Draw the ROIs of a ``.zip`` or ``.roi`` file as a label image.

    Parameters
    ----------
    path : str or Path
        Archive of ROIs, or one ROI.
    shape : tuple of int
        Shape of the image without channels, which the file does not hold.
    axes : str
        One letter of ``TZYX`` per axis, ending in ``YX``.

    Returns
    -------
    array of int32
        Labels of `shape`. Cells that `write_rois` named keep their numbers, others
        get the next ones. Where ROIs overlap, the later is on top.

    Raises
    ------
    UserError
        If the file is damaged, holds lines, points or ovals, or does not fit.
    """
    path = Path(path)
    check_axes(axes, shape)
    check_shape(shape)
    check_readable(path)
    outlines = [_outline(path, roi, shape, axes) for roi in _read(path)]
    return draw_outlines(outlines, shape)


def _read(path: Path) -> Iterator[ImagejRoi]:
    try:
        with path.open("rb") as file:
            single = file.read(4) == b"Iout"
        if single:
            yield _decode(path.read_bytes())
            return
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if m.filename.endswith(".roi")]
            if not members and archive.namelist():
                raise UserError(f"{path} holds no ImageJ ROIs; choose another file.")
            _check_sizes(path, members)
            for member in members:
                roi = _decode(archive.read(member))
                # The ROI Manager goes by the name of the file.
                roi.name = member.filename.rpartition("/")[2].removesuffix(".roi")
                yield roi
    except UserError:
        raise
    except Exception as error:  # decoders raise many types for damaged files
        raise UserError(
            f"{path} is no archive of ImageJ ROIs, or is damaged; save it again from "
            "the ROI Manager."
        ) from error


def _check_sizes(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Refuse what unpacks to far more than outlines of cells."""
    sizes = [m.file_size for m in members]
    if max(sizes, default=0) > _LARGEST_ROI or sum(sizes) > _LARGEST_ARCHIVE:
        raise UserError(f"{path} is too large for outlines of cells; split it.")


def _decode(data: bytes) -> ImagejRoi:
    roi = ImagejRoi.frombytes(data)
    stated = struct.unpack(">i", data[36:40])[0]
    if stated > 0 and roi.multi_coordinates is None:
        raise ValueError("a composite without a path")
    return roi


def _outline(path: Path, roi: ImagejRoi, shape: tuple[int, ...], axes: str) -> Outline:
    if roi.roitype not in _AREAS or roi.subtype != ROI_SUBTYPE.UNDEFINED:
        raise UserError(
            f"The ROI '{roi.name}' in {path} is no polygon; delete it, or convert it "
            "with Edit > Selection > Create Mask and Create Selection."
        )
    rings = _rings(path, roi)
    return Outline(cell_number(roi.name), _plane(roi, shape, axes), (rings,))


def _rings(path: Path, roi: ImagejRoi) -> tuple[Ring, ...]:
    try:
        if roi.subpixelrect and not roi.composite:
            x, y, w, h = roi.xd, roi.yd, roi.widthd, roi.heightd
            parts: Any = [[(x, y), (x + w, y), (x + w, y + h), (x, y + h)]]
        else:
            parts = roi.coordinates(multi=True)
        rings = tuple(np.asarray(part, float) for part in parts)
        if rings and all(len(r) and np.isfinite(r).all() for r in rings):
            return rings
    except (ArithmeticError, NotImplementedError, RuntimeError, IndexError, ValueError):
        pass
    raise UserError(
        f"The ROI '{roi.name}' in {path} is damaged or has curves; delete it, or "
        "convert it to a polygon."
    )


def _plane(roi: ImagejRoi, shape: tuple[int, ...], axes: str) -> tuple[int, ...]:
    """Return the plane of a ROI as ImageJ reads it; the first if none is stated."""
    stated = {"T": roi.t_position, "Z": roi.z_position}
    planes = shape[:-2]
    if any(stated.values()) or not planes:
        return tuple(max(stated[a], 1) - 1 for a in axes[:-2])
    index = max(roi.position, 1) - 1
    if len(planes) == 1:
        return (index,)
    # Stacks run through Z first, then T, in whichever order these labels are.
    sizes = dict(zip(axes[:-2], planes, strict=True))
    place = {"T": index // sizes["Z"], "Z": index % sizes["Z"]}
    return tuple(place[a] for a in axes[:-2])
