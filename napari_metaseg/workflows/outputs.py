"""The files of a segmented image: its labels, and further formats beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_metaseg.io.labels import check_axes, check_labels_path, write_labels

from .export import FORMATS, check_export, export_labels

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_metaseg.io.images import ImageFile


def label_axes(axes: str | None, shape: tuple[int, ...]) -> str:
    """Name the axes of an image's labels.

    Parameters
    ----------
    axes : str or None
        Those of the image, if they are known.
    shape : tuple of int
        Shape of the labels.

    Raises
    ------
    UserError
        If labels cannot be written with them.
    """
    given = (axes or "").upper().replace("C", "")
    named = given if len(given) == len(shape) else "TZ"[: len(shape) - 2] + "YX"
    check_axes(named, shape)
    return named


def further_files(path: Path, names: Sequence[str]) -> list[Path]:
    """Name the files beside a label image that further formats are written to.

    Parameters
    ----------
    path : Path
        The label image.
    names : sequence of str
        Names of formats, as in `FORMATS`.
    """
    suffixes = {f.name: f.suffixes[0] for f in FORMATS}
    return [path.with_suffix(suffixes[name]) for name in dict.fromkeys(names)]


def check_outputs(path: Path, names: Sequence[str], *, overwrite: bool) -> None:
    """Check that a label image and further formats may be written.

    Raises
    ------
    UserError
        If one exists, or their folder does not.
    """
    check_labels_path(path, overwrite=overwrite)
    for further in further_files(path, names):
        check_export(further, overwrite=overwrite)


def write_outputs(
    path: Path,
    labels: NDArray[Any],
    image: ImageFile,
    *,
    image_name: str,
    also: Sequence[str] = (),
    overwrite: bool = False,
) -> list[Path]:
    """Write the labels of an image, and further formats beside them.

    Parameters
    ----------
    path : Path
        The label image.
    labels : array of int
        Instances.
    image : ImageFile
        The image, whose axes, pixel size and intensities are used.
    image_name : str
        Name of its file.
    also : sequence of str
        Names of further formats.
    overwrite : bool
        Whether existing files are replaced.

    Returns
    -------
    list of Path
        The files written, the label image last: where it is, all are.

    Raises
    ------
    UserError
        If a file cannot be written.
    """
    axes = label_axes(image.axes, labels.shape)
    check_outputs(path, also, overwrite=overwrite)
    further = [
        export_labels(
            target,
            labels,
            axes=axes,
            image=image,
            image_name=image_name,
            overwrite=overwrite,
        )
        for target in further_files(path, also)
    ]
    written = write_labels(
        path,
        labels,
        axes=axes,
        pixel_size=image.pixel_size,
        z_step=image.z_step,
        overwrite=overwrite,
    )
    return [*further, written]
