"""Fingerprints: what tells files and settings from others."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_GLANCE = 2**14


def digest(known: object) -> str:
    """Return the SHA-256 of anything that is JSON-ready."""
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def glance(path: Path) -> list[int | str]:
    """Tell an image from others without reading all of it.

    Parameters
    ----------
    path : Path
        A file, or a folder that is one image.

    Returns
    -------
    list of int and str
        Size, time of the last change and, of a file, a hash of its beginning, middle
        and end: frames of two movies often have one size, and unpacked from archives
        one time. Nothing where it cannot be read, which segmenting it tells.
    """
    try:
        stat = path.stat()
        known: list[int | str] = [stat.st_size, stat.st_mtime_ns]
        if path.is_file():
            seen = hashlib.sha256()
            with path.open("rb") as file:
                for start in (0, stat.st_size // 2, stat.st_size - _GLANCE):
                    file.seek(max(0, start))
                    seen.update(file.read(_GLANCE))
            known.append(seen.hexdigest())
    except OSError:
        return []
    return known
