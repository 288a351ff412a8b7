"""Keeping annotations and finding them again: what runs in the worker."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg import __version__
from napari_metaseg.core.filling import fill_unknown
from napari_metaseg.io.recovery import (
    Header,
    clean_up,
    file_of,
    find_recoveries,
    read_recovery,
    write_recovery,
)
from napari_metaseg.io.user_folder import user_folder

from .painted import painted

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_metaseg.core.filling import Filling
    from napari_metaseg.io.recovery import Found

    from .worker import Tick

_UNSAVED = "unsaved"
_DAYS = 60  # after which an annotation that nobody asked for is removed
_SAMPLES = 64  # pixels along each side of an image that tell it from others


@dataclass(frozen=True, slots=True)
class Subject:
    """What is kept: the annotation of an image, under a name for each of the two.

    Attributes
    ----------
    image, path : str
        Name and file of the image when it was first seen; an empty path for none.
    key : str
        Name that the image has in every session.
    writer : str
        Name of the annotation layer that no other has, in any process.
    """

    image: str
    path: str
    key: str
    writer: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found for an image: the newest first, and what could not be read."""

    subject: Subject
    found: tuple[Found, ...]
    broken: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """That an annotation was kept.

    Attributes
    ----------
    subject : Subject
        What was kept.
    digest : bytes
        Of its pixels.
    restored : tuple of Found
        Files it was restored from that are still there: with the annotation empty
        again, they alone hold what was painted.
    """

    subject: Subject
    digest: bytes
    restored: tuple[Found, ...] = ()


def tidy() -> Generator[Tick, None, None]:
    """Remove what nobody asked for in a long time."""
    yield from ()
    clean_up(user_folder(_UNSAVED), _DAYS)


def look(
    image: Image, target: str, writer: str, shape: tuple[int, ...]
) -> Generator[Tick, None, Looked]:
    """Look for annotations of an image that an earlier session left behind.

    Parameters
    ----------
    image : Image
        A part of its pixels is read, to tell it from others.
    target : str
        What is annotated in it.
    writer : str
        Name of its annotation layer.
    shape : tuple of int
        Shape of its annotation.
    """
    yield from ()
    path = "" if image.source.path is None else str(image.source.path)
    told = (path, image.name, target, shape, _sample(image))
    key = hashlib.blake2b(repr(told).encode(), digest_size=8).hexdigest()
    found, broken = find_recoveries(user_folder(_UNSAVED), key)
    subject = Subject(image.name, path, key, writer)
    return Looked(subject, tuple(found), tuple(broken))


def _sample(image: Image) -> tuple[str, str]:
    """Return type and digest of pixels spread over the middle plane of an image."""
    data = image.data[-1] if image.multiscale else image.data
    plane = data[tuple(n // 2 for n in data.shape[: image.ndim - 2])]
    steps = tuple(slice(None, None, max(1, n // _SAMPLES)) for n in plane.shape)
    sample = np.ascontiguousarray(plane[steps])
    return str(sample.dtype), hashlib.sha256(sample.tobytes()).hexdigest()


def keep(
    subject: Subject,
    annotation: NDArray[np.int32],
    last: bytes | None,
    restored: tuple[Found, ...],
) -> Generator[Tick, None, Kept]:
    """Write an annotation; an empty one leaves no file.

    Parameters
    ----------
    subject : Subject
        What is kept.
    annotation : array of int32
        What is painted.
    last : bytes or None
        Digest of what was kept last; None if nothing was.
    restored : tuple of Found
        Files it was restored from, removed once anything is kept anew.
    """
    yield from ()
    digest = hashlib.blake2b(np.ascontiguousarray(annotation).data).digest()
    empty = not annotation.any()
    if digest != last:
        path = file_of(user_folder(_UNSAVED), subject.key, subject.writer)
        if empty:
            path.unlink(missing_ok=True)
        else:
            cells, shape = painted(annotation).cells, annotation.shape
            image = subject.image, subject.path
            write_recovery(
                path, Header.of_now(*image, shape, cells, __version__), annotation
            )
    if empty:
        return Kept(subject, digest, restored)
    for each in restored:
        each.path.unlink(missing_ok=True)
    return Kept(subject, digest)


def restore(
    found: Found, annotation: NDArray[np.int32]
) -> Generator[Tick, None, Filling]:
    """Read an annotation and see where it can be put in."""
    yield from ()
    return fill_unknown(annotation, read_recovery(found, annotation.shape), least=1)


def told_time(saved: float) -> str:
    """Return a time of day, with its date if that is another one."""
    when = datetime.fromtimestamp(saved)
    today = when.date() == datetime.now().date()
    return f"{when:%H:%M}" if today else f"{when:%H:%M} on {when:%Y-%m-%d}"
