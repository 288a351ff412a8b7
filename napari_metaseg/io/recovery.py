"""Annotations kept aside while they are painted, one file each.

A file is a ZIP of a JSON header and of the annotation's runs of equal labels. Its name
is that of the image and that of whoever writes it, so that several processes at work on
one image never write to the same file.
"""

from __future__ import annotations

import json
import time
import zipfile
import zlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from napari_metaseg.core.errors import UserError

from .files import atomic_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_FORMAT = 1
_HEADER, _LENGTHS, _LABELS = "header.json", "lengths", "labels"
_TEXTS = ("image", "path", "version")
_LONGEST_HEADER = 2**16  # bytes
_DAMAGED = (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error)
_DAMAGED_TOO = (NotImplementedError, RuntimeError, EOFError, OverflowError)


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about itself.

    Attributes
    ----------
    image : str
        Name of the image.
    path : str
        File that the image was opened from; empty if none.
    shape : tuple of int
        Shape of the annotation.
    cells : int
        Cells painted.
    version : str
        Version of this package.
    saved : float
        Seconds since 1970.
    process : int
        Identifier of the process that wrote it.
    started : float
        When that process began, in seconds since 1970.
    """

    image: str
    path: str
    shape: tuple[int, ...]
    cells: int
    version: str
    saved: float
    process: int
    started: float

    @classmethod
    def of_now(
        cls, image: str, path: str, shape: tuple[int, ...], cells: int, version: str
    ) -> Header:
        """Describe an annotation that this process saves now."""
        me = psutil.Process()
        return cls(
            image, path, shape, cells, version, time.time(), me.pid, me.create_time()
        )

    @property
    def in_use(self) -> bool:
        """Whether the process that wrote it is still at work."""
        try:
            begun = psutil.Process(self.process).create_time()
        except (psutil.Error, OverflowError):
            return False
        return bool(abs(begun - self.started) < 1)


@dataclass(frozen=True, slots=True)
class Found:
    """A file, and what it says about itself."""

    path: Path
    header: Header


def file_of(folder: Path, image: str, writer: str) -> Path:
    """Name the file in which one writer keeps the annotation of an image."""
    return folder / f"{image}-{writer}.zip"


def write_recovery(path: Path, header: Header, annotation: NDArray[np.int32]) -> None:
    """Write an annotation, whole or not at all.

    It may be painted on meanwhile: then the file holds a part of the stroke.

    Parameters
    ----------
    path : Path
        Replaced if it is there; its folder is made.
    header : Header
        What the file says about itself.
    annotation : (..., Y, X) array of int32
        What is painted.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    runs = [_runs(plane) for plane in annotation.reshape(-1, *annotation.shape[-2:])]
    lengths, labels = (np.concatenate(part) for part in zip(*runs, strict=True))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"The folder {path.parent} for unsaved annotations cannot be made; save "
            "the annotation layer by hand."
        ) from error
    with (
        atomic_file(path, overwrite=True) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        archive.writestr(_HEADER, json.dumps({"format": _FORMAT, **asdict(header)}))
        archive.writestr(_LENGTHS, lengths.astype("<i8").tobytes())
        archive.writestr(_LABELS, labels.astype("<i4").tobytes())


def _runs(plane: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """Return lengths and labels of the runs of a plane."""
    flat = plane.ravel().copy()
    starts = np.append(0, np.flatnonzero(flat[1:] != flat[:-1]) + 1)
    return np.diff(starts, append=flat.size), flat[starts]


def find_recoveries(folder: Path, image: str) -> tuple[list[Found], list[Path]]:
    """Look for annotations of an image that no process is at work on any more.

    Parameters
    ----------
    folder : Path
        Where they are kept.
    image : str
        Name of the image, as `file_of` takes it.

    Returns
    -------
    found : list of Found
        The newest first.
    broken : list of Path
        Files that could not be read, under the name by which they were set aside.
    """
    found, broken = [], []
    for path in sorted(folder.glob(f"{image}-*.zip")):
        try:
            header = _read_header(path)
        except FileNotFoundError:  # removed by another process
            continue
        except (*_DAMAGED, *_DAMAGED_TOO):
            broken.append(set_aside(path))
            continue
        if not header.in_use:
            found.append(Found(path, header))
    return sorted(found, key=lambda each: -each.header.saved), broken


def read_recovery(found: Found, shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Read an annotation.

    Parameters
    ----------
    found : Found
        The file.
    shape : tuple of int
        Shape that it must have.

    Returns
    -------
    array of int32

    Raises
    ------
    UserError
        If the file is damaged, in which case it is set aside, or of another shape.
    """
    if found.header.shape != shape:
        raise UserError(
            f"The annotation found has the shape {found.header.shape} and the image "
            f"{shape}; open the image that it belongs to."
        )
    size = int(np.prod(shape))
    try:
        with zipfile.ZipFile(found.path) as archive:
            lengths = np.frombuffer(_member(archive, _LENGTHS, 8 * size), "<i8")
            labels = np.frombuffer(_member(archive, _LABELS, 4 * size), "<i4")
        fits = lengths.size == labels.size and bool((lengths > 0).all())
        # A sum could overflow; no single run is longer than the annotation.
        if not fits or lengths.max(initial=0) > size or lengths.sum() != size:
            raise ValueError("runs of another size")
        if labels.min(initial=0) < -1:
            raise ValueError("labels out of range")
    except (*_DAMAGED, *_DAMAGED_TOO) as error:
        aside = set_aside(found.path)
        raise UserError(
            f"The unsaved annotation is damaged and was set aside as {aside}; paint "
            "the cells again."
        ) from error
    return np.repeat(labels.astype(np.int32), lengths).reshape(shape)


def set_aside(path: Path) -> Path:
    """Rename a file that cannot be read, so that nobody stumbles over it again."""
    aside = path.with_suffix(".broken")
    try:
        path.replace(aside)
    except OSError:  # gone, or held by another process
        return path
    return aside


def clean_up(folder: Path, days: float) -> None:
    """Remove files that nobody has written to for some days."""
    oldest = time.time() - days * 24 * 3600
    for path in _old_files(folder, oldest):
        try:
            path.unlink(missing_ok=True)
        except OSError:  # held by another process
            continue


def _old_files(folder: Path, oldest: float) -> Iterator[Path]:
    for pattern in ("*.zip", "*.broken", ".metaseg-*.part"):
        for path in folder.glob(pattern):
            try:
                if path.stat().st_mtime < oldest:
                    yield path
            except OSError:
                continue


def _read_header(path: Path) -> Header:
    with zipfile.ZipFile(path) as archive:
        said: Any = json.loads(_member(archive, _HEADER, _LONGEST_HEADER))
    if said.pop("format") != _FORMAT:
        raise ValueError("of another format")
    shape = tuple(int(n) for n in said.pop("shape"))
    for name, value in said.items():
        if not isinstance(value, str if name in _TEXTS else int | float):
            raise TypeError(f"{name} is of another type")
    header = Header(shape=shape, **said)
    if not np.isfinite([header.cells, header.saved, header.started]).all():
        raise ValueError("no numbers")
    return header


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """Read a member that must not be longer than so many bytes."""
    with archive.open(name) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{name} is too long")
    return content
